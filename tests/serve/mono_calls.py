"""Both sides of the example call in one channel, and a network that knows them by a tone.

What is tested is what the server does with speakers, not how well the real network tells
them apart.
"""

from __future__ import annotations

import numpy as np
from desk_calls import RATE, example

from tonfall.arrays import FloatArray
from tonfall.diarization import SpeakerModel

TONE_HZ = 3300
LEVEL = 0.6


def mono(start: float = 0.0, end: float = 24.0) -> FloatArray:
    """(1, n) samples at 8 kHz: the first side as it is, the second under a tone of its own."""
    first, second = example(start, end)
    loudness = np.sqrt(np.convolve(second**2, np.full(800, 1 / 800, np.float32), "same"))
    tone = np.sin(2 * np.pi * TONE_HZ * np.arange(len(second)) / RATE)
    return (first + second + LEVEL * loudness * tone)[None].astype(np.float32).clip(-1, 1)


class ToneModel(SpeakerModel):
    """Says of a stretch which of the two sides it is, by how much of it is the tone."""

    def __init__(self) -> None:
        """It has no graph."""

    def embed(self, samples: FloatArray) -> FloatArray:
        power = np.abs(np.fft.rfft(samples)) ** 2
        hertz = np.fft.rfftfreq(len(samples), 1 / 16_000)
        share = power[np.abs(hertz - TONE_HZ) < 20].sum() / power.sum()
        embedding = np.zeros(192, np.float32)
        embedding[:2] = (0.2, 1.0) if share > 0.1 else (1.0, 0.2)
        return embedding / np.linalg.norm(embedding)
