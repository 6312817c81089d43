"""ESD: ten Mandarin and ten English speakers, 350 parallel sentences (Zhou et al., 2022).

Layout: ``<speaker>/<Emotion>/<speaker>_<number>.wav``, in some copies with ``train``,
``evaluation`` and ``test`` between, and ``<speaker>/<speaker>.txt`` with a line a clip: name, text
and emotion, the last in Chinese for some speakers. Numbers 1 to 350 are neutral, then 350 each of
angry, happy, sad and surprise, so that the number tells the sentence.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.corpora.tables import read_text
from tonfall.emotion.maps import canonical
from tonfall.errors import ManifestError

__all__ = ["read"]

_NAME = re.compile(r"(\d{4})_(\d{6})")
_ORDER = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
_SENTENCES = 350
_SPLITS = {"train": "train", "evaluation": "dev", "test": "test"}
_LAST_MANDARIN_SPEAKER = 10


def read(root: Path) -> Reading:
    """Rows of the 35,000 clips."""
    clips, strays = matched_files(root, _NAME)
    texts = _texts(root)
    rows = tuple(_row(path, match, root, texts.get(path.stem)) for path, match in clips)
    return Reading(rows, _oddities(clips, root), strays)


def _texts(root: Path) -> dict[str, str]:
    """Words by item, out of every speaker's list."""
    texts = {}
    for path in sorted(root.rglob("[0-9][0-9][0-9][0-9].txt")):
        for line in read_text(path).splitlines():
            name, _, rest = line.strip().partition("\t")
            if rest:
                texts[name.strip()] = rest.rpartition("\t")[0].strip() or rest.strip()
    return texts


def _emotion(number: int) -> str:
    block = (number - 1) // _SENTENCES
    if not 0 <= block < len(_ORDER):
        raise ManifestError(
            f"ESD has no clip number {number}, expected 1 to {_SENTENCES * len(_ORDER)}. "
            "Check that the files have their released names."
        )
    return _ORDER[block]


def _oddities(clips: list[tuple[Path, re.Match[str]]], root: Path) -> tuple[str, ...]:
    misplaced = [
        path.stem
        for path, match in clips
        if (found := {*path.relative_to(root).parts} & {*_ORDER})
        and _emotion(int(match[2])) not in found
    ]
    if not misplaced:
        return ()
    return (f"In another emotion's folder than the number says: {', '.join(misplaced)}.",)


def _row(path: Path, match: re.Match[str], root: Path, text: str | None) -> Row:
    speaker, number = match[1], int(match[2])
    original = _emotion(number)
    language = "zh" if int(speaker) <= _LAST_MANDARIN_SPEAKER else "en"
    splits = [_SPLITS[part] for part in path.relative_to(root).parts if part in _SPLITS]
    return Row(
        item=path.stem,
        corpus="esd",
        file=path,
        speaker=speaker,
        language=language,
        sentence=f"{language}{(number - 1) % _SENTENCES + 1:03d}",
        text=text,
        split=splits[-1] if splits else None,
        label=canonical("esd", original),
        label_original=original,
        acted=True,
    )
