"""TESS: two women say "Say the word ..." with 200 words (Pichora-Fuller & Dupuis, 2010).

Layout: ``OAF_angry/OAF_<word>_<emotion>.wav`` and so on; folders and case differ between copies.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

# One file of the release is called OA_bite_neutral.
_NAME = re.compile(r"(OAF?|YAF)_([a-z-]+)_(angry|disgust|fear|happy|neutral|sad|ps)", re.IGNORECASE)
_AGES = {"OAF": 64, "YAF": 26}


def read(root: Path) -> Reading:
    """Rows of the 2,800 clips."""
    clips, strays = matched_files(root, _NAME)
    return Reading(tuple(_row(path, match) for path, match in clips), strays=strays)


def _row(path: Path, match: re.Match[str]) -> Row:
    speaker = "YAF" if match[1].upper() == "YAF" else "OAF"
    word, emotion = match[2].lower(), match[3].lower()
    return Row(
        item=f"{speaker}_{word}_{emotion}",
        corpus="tess",
        file=path,
        speaker=speaker,
        sex="female",
        age=_AGES[speaker],
        language="en",
        sentence=word,
        text=f"Say the word {word}.",
        label=canonical("tess", emotion),
        label_original=emotion,
        acted=True,
    )
