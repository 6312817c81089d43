"""EMOVO: six Italian actors say fourteen sentences (Costantini et al., 2014).

Layout: ``<speaker>/<emotion>-<speaker>-<sentence>.wav``, or all clips in one folder.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_NAME = re.compile(r"([a-z]{3})-([fm]\d)-([a-z]\d)")


def read(root: Path) -> Reading:
    """Rows of the 588 clips."""
    clips, strays = matched_files(root, _NAME)
    return Reading(tuple(_row(path, match) for path, match in clips), strays=strays)


def _row(path: Path, match: re.Match[str]) -> Row:
    emotion, speaker, sentence = match.groups()
    return Row(
        item=path.stem,
        corpus="emovo",
        file=path,
        speaker=speaker,
        sex="female" if speaker.startswith("f") else "male",
        language="it",
        sentence=sentence,
        label=canonical("emovo", emotion),
        label_original=emotion,
        acted=True,
    )
