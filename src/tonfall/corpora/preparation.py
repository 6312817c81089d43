"""From a release's folder to a checked manifest and a report of what is in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from tonfall.audio import printable
from tonfall.corpora.clips import Clip, clips_of
from tonfall.corpora.columns import COLUMNS, conform
from tonfall.corpora.copies import without_copies
from tonfall.corpora.headers import Header, read_headers
from tonfall.corpora.manifest import Manifest
from tonfall.corpora.registry import Corpus, find_corpus
from tonfall.corpora.rows import Reading, Row, audio_files
from tonfall.corpora.validation import (
    Kind,
    Problem,
    header_problems,
    silent_problems,
    table_problems,
)
from tonfall.emotion.categories import CATEGORIES
from tonfall.errors import AudioError, ManifestError

__all__ = ["Report", "prepare"]

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Report:
    """What a release holds and what is odd about it.

    Attributes:
        corpus: the registry's entry.
        items, speakers: counts in the manifest.
        hours: of sound.
        labels: the release's own labels and their counts.
        problems: everything wrong, item by item.
        oddities: sentences about the release as a whole.
        left_out: items and files that are not in the manifest, which only ``partial`` allows.
        turns: item, dialogue, start, end (seconds within the dialogue) of dialogues' turns.
    """

    corpus: Corpus
    items: int
    speakers: int
    hours: float
    labels: Mapping[str, int]
    problems: tuple[Problem, ...]
    oddities: tuple[str, ...]
    left_out: tuple[str, ...]
    turns: pd.DataFrame


def prepare(
    name: str,
    root: Path,
    *,
    decode: bool = False,
    partial: bool = False,
    labels_only: bool = False,
    silence: bool = True,
    progress: Progress | None = None,
) -> tuple[Manifest, Report]:
    """Read a corpus's release and check it.

    Args:
        name: the corpus, as in `CORPORA`.
        root: the release's folder, or the table where the corpus is one.
        decode: read every file to its end instead of its header only.
        partial: take what is there of an incomplete release; what is left out is reported.
        labels_only: do without audio where it is absent; ``file`` is then null.
        silence: look for clips without any sound; training and evaluation look themselves.
        progress: called with the number of files checked so far and of all.

    Raises:
        ManifestError: no such corpus or folder, another corpus's folder, missing, extra or
            damaged files, or a label that the corpus does not have.
    """
    corpus, root = find_corpus(name), Path(root)
    reading = _read(corpus, root)
    if not partial:
        _check_complete(corpus, root, reading)
    rows, absent = _with_sound(corpus, root, reading.rows, partial, labels_only)
    headers = read_headers([row.file for row in rows if row.file], decode=decode, progress=progress)
    folder = root.parent if corpus.is_file else root
    manifest = Manifest(_frame(rows, folder, headers), folder)
    problems = _problems(manifest.frame, rows, headers)
    _check_usable(corpus, root, problems, partial)
    kept = _usable(manifest, problems)
    if silence:
        problems = (*problems, *silent_problems(_heard(kept), progress=progress))
    left_out = (*absent, *_left_out(problems), *(str(path) for path in reading.strays))
    return kept, _report(corpus, kept, problems, reading, left_out)


def _heard(manifest: Manifest) -> list[Clip]:
    """The clips of the rows with audio."""
    paths = pd.Series(manifest.paths, index=manifest.frame.index, dtype=object)
    return clips_of(manifest.frame.assign(file=paths)[paths.notna()])


def _usable(manifest: Manifest, problems: Sequence[Problem]) -> Manifest:
    """The rows without fatal problems; of an item that is there twice, the first."""
    broken = {p.item for p in problems if p.kind.fatal and p.kind is not Kind.ITEM}
    frame = manifest.frame
    frame = frame[~frame["item"].isin(broken)].drop_duplicates(["corpus", "item"])
    return Manifest(frame.reset_index(drop=True), manifest.root)


def _left_out(problems: Sequence[Problem]) -> list[str]:
    fatal = {(p.item, p.kind is Kind.ITEM) for p in problems if p.kind.fatal}
    return sorted(f"{item} (again)" if again else item for item, again in fatal)


def _read(corpus: Corpus, root: Path) -> Reading:
    if not (root.is_file() if corpus.is_file else root.is_dir()):
        kind = "file" if corpus.is_file else "folder"
        raise ManifestError(f"{root}: no such {kind}, expected {corpus.title}: {corpus.layout}.")
    try:
        reading = without_copies(corpus.read(root), root)
    except (ValueError, KeyError, OSError) as error:
        raise ManifestError(
            f"{root}: a table or a name is not as {corpus.title} was released ({error}). "
            "Unpack it again."
        ) from error
    if not reading.rows:
        raise ManifestError(
            f"{root}: is no release of {corpus.title}: expected {corpus.layout}, found "
            f"{_example(root)}. Point to the unpacked release."
        )
    _check_names(reading.rows)
    return reading


def _check_names(rows: Sequence[Row]) -> None:
    """ManifestError where a table could not hold the name of a file."""
    for row in rows:
        if row.file is not None and printable(row.file) != str(row.file):
            raise ManifestError(
                f"{printable(row.file)}: its name is not UTF-8, so no manifest can hold it. "
                "Rename it."
            )


def _example(root: Path) -> str:
    first = next(audio_files(root), None)
    return f"audio such as {first.relative_to(root)}" if first else "no audio"


def _check_complete(corpus: Corpus, root: Path, reading: Reading) -> None:
    """ManifestError where files are extra, or more or fewer items than published are there."""
    if reading.strays:
        raise ManifestError(
            f"{root}: audio files that are not of {corpus.title}: {len(reading.strays)}, such as "
            f"{reading.strays[0].relative_to(root)}. Remove them, or allow a partial release."
        )
    found = len(reading.rows)
    if corpus.items is not None and found != corpus.items:
        raise ManifestError(
            f"{root}: items of {corpus.title} found: {found}, released: {corpus.items}. Unpack it "
            "again, or allow a partial release."
        )


def _with_sound(
    corpus: Corpus, root: Path, rows: Sequence[Row], partial: bool, labels_only: bool
) -> tuple[list[Row], list[str]]:
    """The rows to keep and the items without sound to leave out.

    ManifestError where sound is absent that neither the release lacks nor the caller does without.
    """
    absent = {row.item for row in rows if row.file is None}
    if labels_only or not absent:
        return list(rows), []
    if absent - corpus.unusable and not partial:
        raise ManifestError(
            f"{root}: {len(absent)} of {len(rows)} items of {corpus.title} have labels but no "
            f"audio, such as {min(absent)}. Unpack the audio too, or ask for the labels only."
        )
    return [row for row in rows if row.item not in absent], sorted(absent)


def _frame(
    rows: Sequence[Row], root: Path, headers: Mapping[Path, Header | AudioError]
) -> pd.DataFrame:
    names = [field.name for field in fields(Row) if field.name in COLUMNS]
    table: dict[str, list[object]] = {name: [getattr(row, name) for row in rows] for name in names}
    table["file"] = [None if row.file is None else _relative(row.file, root) for row in rows]
    table["video"] = [None if row.video is None else _relative(row.video, root) for row in rows]
    known = [_header(row, headers) for row in rows]
    table["duration"] = [_duration(row, header) for row, header in zip(rows, known, strict=True)]
    table["sampling_rate"] = [header.sampling_rate if header else None for header in known]
    table["hash"] = [header.hash if header else None for header in known]
    return conform(pd.DataFrame(table), source=str(root))


def _relative(path: Path | str, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _header(row: Row, headers: Mapping[Path, Header | AudioError]) -> Header | None:
    header = headers[row.file] if row.file else None
    return header if isinstance(header, Header) else None


def _duration(row: Row, header: Header | None) -> float | None:
    end = row.end if row.end is not None or header is None else header.duration
    return None if end is None else end - row.start


def _problems(
    frame: pd.DataFrame, rows: Sequence[Row], headers: Mapping[Path, Header | AudioError]
) -> tuple[Problem, ...]:
    of_files = header_problems(frame, [row.file for row in rows], headers)
    return (*of_files, *table_problems(frame, labels=CATEGORIES))


def _check_usable(corpus: Corpus, root: Path, problems: Sequence[Problem], partial: bool) -> None:
    """ManifestError where an item cannot be used that the release should have whole."""
    fatal = [problem for problem in problems if problem.kind.fatal]
    mendable = [problem for problem in fatal if problem.item not in corpus.unusable]
    if mendable and not partial:
        raise ManifestError(
            f"{root}: items of {corpus.title} that cannot be used: {len(mendable)}, the first "
            f"because of {mendable[0].message.rstrip('.')}. Mend them, or allow a partial release."
        )


def _report(
    corpus: Corpus,
    manifest: Manifest,
    problems: tuple[Problem, ...],
    reading: Reading,
    left_out: tuple[str, ...],
) -> Report:
    frame = manifest.frame
    return Report(
        corpus=corpus,
        items=len(frame),
        speakers=frame["speaker"].nunique(),
        hours=float(frame["duration"].sum()) / 3600,
        labels=dict(Counter(frame["label_original"].dropna()).most_common()),
        problems=problems,
        oddities=reading.oddities,
        left_out=left_out,
        turns=_turns(reading.rows),
    )


def _turns(rows: Sequence[Row]) -> pd.DataFrame:
    timed = [(row.item, row.dialogue, *row.turn) for row in rows if row.turn]
    return pd.DataFrame(timed, columns=["item", "dialogue", "start", "end"])
