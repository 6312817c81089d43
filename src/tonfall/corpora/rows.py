"""What a reader hands over: one row an item, and what it found odd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tonfall.errors import ManifestError

__all__ = [
    "AUDIO_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Reading",
    "Row",
    "audio_files",
    "matched_files",
    "own_name",
    "read_names",
    "visible_files",
]

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
_PLAIN = frozenset(
    {".wav", ".flac", ".opus", ".ogg", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"}
)
_WITH_PYAV = frozenset(
    {".m4a", ".m4b", ".aac", ".wma", ".oga", ".amr", ".awb", ".3gp", ".mka", ".ac3"}
)

AUDIO_SUFFIXES = _PLAIN | _WITH_PYAV
"""Endings of the files that readers look at; a corpus's own names count, not its format."""

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg"})
"""Endings of videos, whose sound may be what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All that a release says about one item; None where it says nothing.

    Attributes:
        item: the name that protocols use, unique within the corpus.
        file: path of the audio, or None where only labels are at hand.
        start, end: the item's place in ``file`` in seconds; ``end`` None is the file's end.
        corpus: the registry's name.
        speaker: unique within the corpus.
        sex: "female" or "male".
        age: in years when recorded.
        language: ISO 639-1 code.
        session: recordings made together, such as a dialogue or a session.
        sentence: id of the words said, where they are fixed.
        text: the words said.
        split: the release's own part: "train", "dev" or "test".
        label: canonical category, or None where none was agreed on.
        label_original: the release's own label.
        votes: canonical category to the number of listeners who chose it.
        arousal, valence, dominance: mean rating, mapped from the release's scale to [0, 1].
        intensity: how strongly it was acted, or perceived, in [0, 1].
        acted: False where nobody was told what to feel.
        video: path of the video, with a media fragment ``#t=start,end`` where it is longer.
        dialogue: the conversation that a turn is part of.
        turn: start and end in seconds within the dialogue, which need not be a file.
    """

    item: str
    corpus: str
    file: Path | None
    start: float = 0.0
    end: float | None = None
    speaker: str | None = None
    sex: str | None = None
    age: float | None = None
    language: str | None = None
    session: str | None = None
    sentence: str | None = None
    text: str | None = None
    split: str | None = None
    label: str | None = None
    label_original: str | None = None
    votes: Mapping[str, float] | None = None
    arousal: float | None = None
    valence: float | None = None
    dominance: float | None = None
    intensity: float | None = None
    acted: bool | None = None
    video: str | None = None
    dialogue: str | None = None
    turn: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a release, in the order of their files.

    Attributes:
        oddities: sentences about what the release itself gets wrong or leaves open.
        strays: audio files whose names are not the corpus's.
    """

    rows: tuple[Row, ...]
    oddities: tuple[str, ...] = ()
    strays: tuple[Path, ...] = field(default=())


def own_name(place: str) -> str:
    """The corpus of a file or folder of one's own, as commands and protocols can name it.

    >>> own_name("Läden Süd")
    'Läden-Süd'
    """
    return _NOT_IN_NAMES.sub("-", place)


def audio_files(root: Path, suffixes: frozenset[str] = AUDIO_SUFFIXES) -> Iterator[Path]:
    """Every audio file under ``root`` in order of path, without hidden folders and Mac leavings."""
    return (path for path in visible_files(root) if path.suffix.lower() in suffixes)


def visible_files(root: Path) -> Iterator[Path]:
    """Every file under ``root`` in order of path, without hidden folders and Mac leavings."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if path.is_file() and not hidden:
            yield path


def matched_files(
    root: Path, pattern: re.Pattern[str], suffixes: frozenset[str] = AUDIO_SUFFIXES
) -> tuple[list[tuple[Path, re.Match[str]]], tuple[Path, ...]]:
    """Audio files whose stem fits the corpus's pattern, and those whose stem does not."""
    matched, strays = [], []
    for path in audio_files(root, suffixes):
        match = pattern.fullmatch(path.stem)
        if match is None:
            strays.append(path)
        else:
            matched.append((path, match))
    return matched, tuple(strays)


def read_names(names: Mapping[str, str], code: str, what: str) -> str:
    """The name that a code in a file name stands for; ManifestError where it stands for none."""
    if code not in names:
        raise ManifestError(
            f"{what} {code!r} is unknown, expected one of {', '.join(names)}. "
            "Check that the file has its released name."
        )
    return names[code]
