"""BAVED: seven Arabic words at three levels of emotion, whichever it be (Aouf, 2019).

Layout: ``<word>/<speaker>-<sex>-<age>-<word>-<level>-<record>.wav``. There are no categories:
the level is the intensity, and the nearest that there is to arousal.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_NAME = re.compile(r"(\d+)-([mf])-(\d+)-(\d)-(\d)-(\d+)")
_SEXES = {"f": "female", "m": "male"}
_TOP_LEVEL = 2
_WORDS = {
    "0": "اعجبني",
    "1": "لم يعجبني",
    "2": "هذا",
    "3": "الفيلم",
    "4": "رائع",
    "5": "مقول",
    "6": "سيئ",
}
# The two numbers share 21 identical recordings, so they are one voice.
_SAME_SPEAKER = {"53": "46"}


def read(root: Path) -> Reading:
    """Rows of the 1,935 clips; speakers 46 and 53, who share recordings, count as one."""
    clips, strays = matched_files(root, _NAME)
    rows = tuple(_row(path, match) for path, match in clips)
    return Reading(rows, _oddities(clips), strays)


def _oddities(clips: list[tuple[Path, re.Match[str]]]) -> tuple[str, ...]:
    speakers = {match[1] for _, match in clips}
    said = [
        f"Speaker {number} shares recordings with {kept} and counts as {kept}."
        for number, kept in _SAME_SPEAKER.items()
        if {number, kept} <= speakers
    ]
    misplaced = [
        path.stem for path, match in clips if path.parent.name in _WORDS.keys() - {match[4]}
    ]
    if misplaced:
        said.append(f"In another word's folder than the name says: {', '.join(misplaced)}.")
    return tuple(said)


def _row(path: Path, match: re.Match[str]) -> Row:
    number, sex, age, word, level, _ = match.groups()
    return Row(
        item=path.stem,
        corpus="baved",
        file=path,
        speaker=_SAME_SPEAKER.get(number, number),
        sex=_SEXES[sex],
        age=float(age),
        language="ar",
        sentence=word,
        text=_WORDS.get(word),
        label=canonical("baved", level),
        label_original=level,
        arousal=int(level) / _TOP_LEVEL,
        intensity=int(level) / _TOP_LEVEL,
        acted=True,
    )
