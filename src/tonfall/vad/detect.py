"""Voice activity of a whole waveform, for those who have it in one piece."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.timeline import Segment
from tonfall.vad.echo import chunk_levels, without_echo
from tonfall.vad.model import VoiceModel
from tonfall.vad.track import VoiceTrack
from tonfall.vad.turns import TurnFinder, VoiceSettings

__all__ = ["detect", "probabilities"]


def probabilities(waveform: FloatArray) -> FloatArray:
    """Speech probability of each chunk of 512 samples.

    Args:
        waveform: (channels, samples) float32 at 16 kHz, at least one sample.

    Returns:
        (channels, chunks) float32 in [0, 1]; the last chunk may be part zeros.
    """
    tracks = [VoiceTrack() for _ in waveform]
    for track, channel in zip(tracks, waveform, strict=True):
        track.push(channel)
        track.close()
    VoiceModel.load().score([job for track in tracks for job in track.due()])
    return np.stack([track.take() for track in tracks])


def detect(waveform: FloatArray, *, settings: VoiceSettings | None = None) -> list[list[Segment]]:
    """Turns of each channel, in samples at 16 kHz; another channel's echo is no turn.

    Args:
        waveform: (channels, samples) float32 at 16 kHz, at least one sample.
        settings: what counts as speech.

    >>> detect(np.zeros((2, 16000), np.float32))
    [[], []]
    """
    settings = settings or VoiceSettings()
    speech = without_echo(probabilities(waveform), chunk_levels(waveform), settings)
    return [_turns(channel, waveform.shape[1], settings) for channel in speech]


def _turns(speech: FloatArray, samples: int, settings: VoiceSettings) -> list[Segment]:
    finder = TurnFinder(settings)
    _, ended = finder.push(speech)
    _, last = finder.close(samples)
    return ended + last
