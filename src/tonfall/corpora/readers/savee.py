"""SAVEE: four English men say TIMIT sentences (Haq & Jackson, 2010).

Layout: ``AudioData/DC/a01.wav``, or ``DC_a01.wav`` in one folder. Which sentence a number stands
for differs between emotions, so sentences are not told apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_SPEAKERS = ("DC", "JE", "JK", "KL")
_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|a|d|f|h|n)(\d\d)")


def read(root: Path) -> Reading:
    """Rows of the 480 clips."""
    clips, strays = matched_files(root, _NAME)
    named = [(path, match, match[1] or path.parent.name) for path, match in clips]
    rows = tuple(_row(*clip) for clip in named if clip[2] in _SPEAKERS)
    homeless = tuple(path for path, _, speaker in named if speaker not in _SPEAKERS)
    return Reading(rows, strays=(*strays, *homeless))


def _row(path: Path, match: re.Match[str], speaker: str) -> Row:
    emotion = match[2]
    return Row(
        item=f"{speaker}_{emotion}{match[3]}",
        corpus="savee",
        file=path,
        speaker=speaker,
        sex="male",
        language="en",
        label=canonical("savee", emotion),
        label_original=emotion,
        acted=True,
    )
