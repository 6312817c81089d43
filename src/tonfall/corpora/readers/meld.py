"""MELD: 13,708 utterances of a television series (Poria et al., 2019).

Layout: ``train_sent_emo.csv``, ``dev_sent_emo.csv`` and ``test_sent_emo.csv``, plain or gzipped,
and the clips ``dia<D>_utt<U>.mp4`` in ``train_splits``, ``dev_splits_complete`` and
``output_repeated_splits_test``. The sound may have been extracted to files of the same names.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import AUDIO_SUFFIXES, VIDEO_SUFFIXES, Reading, Row, matched_files
from tonfall.corpora.tables import find_table, read_rows
from tonfall.emotion.maps import canonical

__all__ = ["UNUSABLE", "read"]

UNUSABLE = frozenset({"dia125_utt3-train", "dia110_utt7-dev"})
"""Rows whose clips are missing from the release, or broken there."""

_CLIP = re.compile(r"(final_videos_test)?(dia\d+_utt\d+)")
_FOLDERS = {"train": "train", "dev": "dev", "test": "test", "output_repeated_splits_test": "test"}
_SENTIMENTS = {"negative": 0.0, "neutral": 0.5, "positive": 1.0}
_COLUMNS = (
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)


def read(root: Path) -> Reading:
    """Rows of the three tables; the speaker is the role's name, shared between the splits."""
    clips, strays = _clips(root)
    rows = []
    for split in ("train", "dev", "test"):
        table = find_table(root, f"{split}_sent_emo.csv")
        if table is not None:
            rows += [_row(said, split, clips) for said in read_rows(table, _COLUMNS)]
    extra = len(clips.keys() - {row.item for row in rows})
    oddities = (f"Clips without a row in the tables: {extra}.",) if rows and extra else ()
    return Reading(tuple(rows), oddities, strays)


def _clips(root: Path) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Clips by item; extracted sound before video, plain names before ``final_videos_test...``."""
    matched, strays = matched_files(root, _CLIP, AUDIO_SUFFIXES | VIDEO_SUFFIXES)
    ranked = sorted(
        matched, key=lambda clip: (clip[0].suffix in VIDEO_SUFFIXES, bool(clip[1][1]), clip[0])
    )
    clips: dict[str, Path] = {}
    for path, match in ranked:
        split = _split(path.relative_to(root))
        if split is not None:
            clips.setdefault(f"{match[2]}-{split}", path)
    return clips, strays


def _split(path: Path) -> str | None:
    """The split that a clip's folders tell."""
    for folder in reversed(path.parts[:-1]):
        for start, split in _FOLDERS.items():
            if folder.lower().startswith(start):
                return split
    return None


def _row(said: dict[str, str], split: str, clips: dict[str, Path]) -> Row:
    dialogue = f"dia{said['Dialogue_ID']}"
    item = f"{dialogue}_utt{said['Utterance_ID']}-{split}"
    file = clips.get(item)
    return Row(
        item=item,
        corpus="meld",
        file=file,
        speaker=said["Speaker"],
        language="en",
        session=f"{dialogue}-{split}",
        text=said["Utterance"],
        split=split,
        label=canonical("meld", said["Emotion"]),
        label_original=said["Emotion"],
        valence=_SENTIMENTS.get(said["Sentiment"]),
        acted=True,
        video=str(file) if file and file.suffix in VIDEO_SUFFIXES else None,
        dialogue=f"s{int(said['Season']):02d}e{int(said['Episode']):02d}",
        turn=(_seconds(said["StartTime"]), _seconds(said["EndTime"])),
    )


def _seconds(clock: str) -> float:
    """Seconds of ``hh:mm:ss,mmm``.

    >>> _seconds("00:16:16,059")
    976.059
    """
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
