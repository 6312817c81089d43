"""RAVDESS: 24 actors say, or sing, two sentences (Livingstone & Russo, 2018).

Layout: ``Audio_Speech_Actors_01-24/Actor_NN/MM-VV-EE-II-SS-RR-AA.wav`` (song likewise), any
folders above. Videos (``Video_Speech_Actor_NN/Actor_NN/01-...mp4``) are linked where present.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files, read_names
from tonfall.emotion.maps import canonical

__all__ = ["read_song", "read_speech"]

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
_INTENSITIES = {"01": 0.5, "02": 1.0}
_SPEECH, _SONG = "01", "02"


def read_speech(root: Path) -> Reading:
    """Rows of the 1,440 spoken clips."""
    return _read(root, corpus="ravdess", channel=_SPEECH)


def read_song(root: Path) -> Reading:
    """Rows of the 1,012 sung clips; actor 18 did not sing."""
    return _read(root, corpus="ravdess-song", channel=_SONG)


def _read(root: Path, *, corpus: str, channel: str) -> Reading:
    clips, strays = matched_files(root, _NAME)
    videos = _videos(root)
    rows = [_row(path, match, corpus, videos) for path, match in clips if match[2] == channel]
    return Reading(tuple(rows), strays=strays)


def _videos(root: Path) -> dict[str, Path]:
    """Videos with sound (modality 01) by all fields after the modality."""
    return {path.stem[3:]: path for path in sorted(root.rglob("01-*.mp4"))}


def _row(path: Path, match: re.Match[str], corpus: str, videos: dict[str, Path]) -> Row:
    _, _, emotion, intensity, sentence, _, actor = match.groups()
    original = read_names(_EMOTIONS, emotion, f"{path.name}: emotion")
    video = videos.get(path.stem[3:])
    return Row(
        item=path.stem,
        corpus=corpus,
        file=path,
        speaker=actor,
        sex="male" if int(actor) % 2 else "female",
        language="en",
        sentence=sentence,
        text=_SENTENCES.get(sentence),
        label=canonical(corpus, original),
        label_original=original,
        intensity=_INTENSITIES.get(intensity),
        acted=True,
        video=str(video) if video else None,
    )
