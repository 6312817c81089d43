"""Reading the golden recordings, and judging them as users do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soundfile

from tonfall.audio import read
from tonfall.emotion import Affect
from tonfall.runtime import Predictor
from tonfall.timeline import Timeline, Turn, Window

HERE = Path(__file__).resolve().parent
CLIP, CALL, GOLDEN = HERE / "clip.flac", HERE / "call.flac", HERE / "golden.json"


def clip_scores(model: Predictor) -> list[float]:
    """Probabilities and dimensions of the clip alone."""
    waveform, rate = read(CLIP)
    return _scores(model.predict(waveform, sampling_rate=rate))


def write_mono(folder: Path) -> Path:
    """Both sides of the call in one channel."""
    waveform, rate = read(CALL)
    soundfile.write(folder / "mono.wav", waveform.mean(axis=0), rate, subtype="PCM_16")
    return folder / "mono.wav"


def scores_of(timeline: Timeline) -> dict[str, Any]:
    """Facts and scores of every turn and window of a call."""
    return {
        "turns": [[*_facts(turn), _scores(turn)] for turn in timeline.turns],
        "windows": [
            [*_facts(window), window.speech_ratio, window.snr_db, window.heard, _scores(window)]
            for window in timeline.windows
        ],
    }


def _facts(value: Turn | Window) -> list[Any]:
    return [value.segment.start, value.segment.end, value.channel, value.speaker]


def _scores(value: Affect | Turn | Window) -> list[float]:
    scores = (*value.probabilities, value.arousal, value.valence, value.dominance)
    return [round(score, 6) for score in scores if score is not None]
