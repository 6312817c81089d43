"""ASED version 1: 65 Amharic speakers, 27 sentences (Retta et al., 2022).

Layout: ``01Neutral/n1-02-01-02-10.wav`` and so on: emotion, sentence, repetition, sex, speaker.
Sentences 01 to 05 belong to one emotion each, so that the words give the class away; their ids
carry the emotion's letter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files, read_names
from tonfall.emotion.maps import canonical

__all__ = ["read"]

# One released name, S4-04-02-01-29, starts with a capital.
_NAME = re.compile(r"([nfhsaNFHSA])(\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_EMOTIONS = {"n": "Neutral", "f": "Fearful", "h": "Happy", "s": "Sad", "a": "Angry"}
_SEXES = {"01": "female", "02": "male"}
_COMMON_SENTENCES = frozenset({"06", "07"})


def read(root: Path) -> Reading:
    """Rows of the 2,474 clips; a speaker number that occurs with both sexes has none."""
    clips, strays = matched_files(root, _NAME)
    sexes = defaultdict(set)
    for path, match in clips:
        sexes[match[6]].add(read_names(_SEXES, match[5], f"{path.name}: sex"))
    rows = tuple(_row(path, match, sexes[match[6]]) for path, match in clips)
    return Reading(rows, _oddities(sexes), strays)


def _oddities(sexes: dict[str, set[str]]) -> tuple[str, ...]:
    both = sorted(speaker for speaker, found in sexes.items() if len(found) > 1)
    if not both:
        return ()
    return (f"Speakers {', '.join(both)} occur with both sexes; their sex is left unknown.",)


def _row(path: Path, match: re.Match[str], sexes: set[str]) -> Row:
    letter, sentence, speaker = match[1].lower(), match[3], match[6]
    original = _EMOTIONS[letter]
    return Row(
        item=path.stem,
        corpus="ased",
        file=path,
        speaker=speaker,
        sex=next(iter(sexes)) if len(sexes) == 1 else None,
        language="am",
        sentence=sentence if sentence in _COMMON_SENTENCES else f"{letter}{sentence}",
        label=canonical("ased", original),
        label_original=original,
        acted=True,
    )
