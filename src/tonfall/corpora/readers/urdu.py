"""URDU: 400 utterances of Urdu talk shows (Latif et al., 2018).

Layout: ``Angry/SM1_F10_A010.wav`` and so on: S, sex and number of the speaker, file, emotion.
Not acted.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_NAME = re.compile(r"(S([FM])\d+)_F\d+_([AHNS])\d+")
_SEXES = {"F": "female", "M": "male"}


def read(root: Path) -> Reading:
    """Rows of the 400 clips."""
    clips, strays = matched_files(root, _NAME)
    return Reading(tuple(_row(path, match) for path, match in clips), strays=strays)


def _row(path: Path, match: re.Match[str]) -> Row:
    speaker, sex, emotion = match.groups()
    return Row(
        item=path.stem,
        corpus="urdu",
        file=path,
        speaker=speaker,
        sex=_SEXES[sex],
        language="ur",
        label=canonical("urdu", emotion),
        label_original=emotion,
        acted=False,
    )
