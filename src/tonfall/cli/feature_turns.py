"""Cutting a recording into turns before its features are computed."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.contents import code_hash
from tonfall.features.row_tasks import Parts, Split
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import TurnFinder, VoiceModel, VoiceSettings, VoiceTrack

__all__ = ["by_turns", "turns_of"]

_BLOCK = 60 * SAMPLING_RATE


def by_turns() -> Split:
    """Rows are turns, by voice activity of the averaged channels."""
    return Split(f"turns {code_hash('vad', 'ort')}", turns_of)


def turns_of(samples: FloatArray) -> Parts:
    """Starts and ends of turns in seconds; see `tonfall.vad.detect`.

    Args:
        samples: (samples,) float32 at 16 kHz, of any length: a minute at a time is looked at.
    """
    track, finder, model = VoiceTrack(), TurnFinder(VoiceSettings()), VoiceModel.load()
    turns = []
    for first in range(0, len(samples), _BLOCK):
        track.push(np.array(samples[first : first + _BLOCK]))
        model.score(track.due())
        turns += finder.push(track.take())[1]
    track.close()
    model.score(track.due())
    turns += finder.push(track.take())[1] + finder.close(len(samples))[1]
    return tuple((turn.start / SAMPLING_RATE, turn.end / SAMPLING_RATE) for turn in turns)
