"""What can be wrong with a manifest: listed in full, never silently dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pandas as pd

from tonfall.corpora.clips import TOLERANCE_S, Clip
from tonfall.corpora.headers import Header, read_headers
from tonfall.corpora.silence import silent_clips
from tonfall.errors import AudioError

__all__ = [
    "Kind",
    "Problem",
    "file_problems",
    "header_problems",
    "silent_problems",
    "table_problems",
]


class Kind(StrEnum):
    """What a problem is about."""

    ITEM = "repeated item"
    FILE = "missing or damaged file"
    DURATION = "no positive duration"
    LABEL = "unknown label"
    SPEAKER = "missing speaker"
    DUPLICATE = "the same sound twice"
    SILENT = "no sound"

    @property
    def fatal(self) -> bool:
        """Whether the item cannot be used as it is."""
        return self not in (Kind.SPEAKER, Kind.DUPLICATE, Kind.SILENT)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one item."""

    kind: Kind
    item: str
    message: str


def file_problems(
    frame: pd.DataFrame, paths: Sequence[Path | None], *, decode: bool
) -> list[Problem]:
    """Files that are missing, do not decode, or end before their segment."""
    headers = read_headers([path for path in paths if path], decode=decode)
    return header_problems(frame, paths, headers)


def header_problems(
    frame: pd.DataFrame,
    paths: Sequence[Path | None],
    headers: Mapping[Path, Header | AudioError],
) -> list[Problem]:
    """The problems of files whose headers were read."""
    problems = []
    for item, path, end in zip(frame["item"], paths, frame["end"], strict=True):
        if path is None:
            continue
        header = headers[path]
        if isinstance(header, AudioError):
            problems.append(Problem(Kind.FILE, item, str(header)))
        elif end > header.duration + TOLERANCE_S:
            message = f"{path}: the item ends at {end:.2f} s, the file at {header.duration:.2f} s"
            problems.append(Problem(Kind.DURATION, item, message))
    return problems


def silent_problems(
    clips: Sequence[Clip], *, progress: Callable[[int, int], object] | None = None
) -> list[Problem]:
    """Clips in which nothing is to be heard; training and evaluation leave them out."""
    return [
        Problem(Kind.SILENT, clip.item, f"{clip.item}: is silent, so nothing is learnt or judged")
        for clip in silent_clips(clips, progress=progress)
    ]


def table_problems(frame: pd.DataFrame, *, labels: Sequence[str]) -> list[Problem]:
    """Repeated items, durations, unknown labels, missing speakers and duplicates."""
    return [
        *_repeated(frame),
        *_durations(frame),
        *_labels(frame, labels),
        *_speakers(frame),
        *_duplicates(frame),
    ]


def _repeated(frame: pd.DataFrame) -> Iterator[Problem]:
    for item in frame.loc[frame.duplicated(["corpus", "item"]), "item"]:
        yield Problem(Kind.ITEM, item, f"{item}: more than one row has this item")


def _durations(frame: pd.DataFrame) -> Iterator[Problem]:
    length = frame["end"] - frame["start"].fillna(0.0)
    wrong = (length <= 0) | (frame["duration"] <= 0)
    for item in frame.loc[wrong, "item"]:
        yield Problem(Kind.DURATION, item, f"{item}: its duration is not positive")


def _labels(frame: pd.DataFrame, labels: Sequence[str]) -> Iterator[Problem]:
    wrong = frame["label"].notna() & ~frame["label"].isin(list(labels))
    for item, label in zip(frame.loc[wrong, "item"], frame.loc[wrong, "label"], strict=True):
        message = f"{item}: the label is {label!r}, expected one of {', '.join(labels)}"
        yield Problem(Kind.LABEL, item, message)


def _speakers(frame: pd.DataFrame) -> Iterator[Problem]:
    for item in frame.loc[frame["speaker"].isna(), "item"]:
        message = f"{item}: has no speaker, so it cannot be kept apart from its test set"
        yield Problem(Kind.SPEAKER, item, message)


def _duplicates(frame: pd.DataFrame) -> Iterator[Problem]:
    """Items after the first that hold the same stretch of the same sound."""
    sound = ["hash", "start", "end"]
    twice = frame[frame["hash"].notna() & frame.duplicated(sound, keep=False)]
    for _, group in twice.groupby(sound, dropna=False, sort=False):
        first = group["item"].iloc[0]
        for item in group["item"].iloc[1:]:
            yield Problem(Kind.DUPLICATE, item, f"{item}: is the same sound as {first}")
