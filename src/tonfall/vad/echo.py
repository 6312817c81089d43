"""Telling a voice from its echo in the other channel of a call."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.vad.spectrum import CHUNK
from tonfall.vad.turns import VoiceSettings

__all__ = ["ECHO_CHUNKS", "EchoSuppressor", "chunk_levels", "without_echo"]

ECHO_CHUNKS = 8
"""Chunks (256 ms) within which an echo comes: the line's delay and the room's tail."""

_QUIETER = np.float32(10 ** (-17 / 10))
"""Power, 17 dB down: a channel this far below the voice in another one is its echo.

Leakage of -20 dB and less is found; a caller 12 dB quieter than the agent is still heard through
the agent's words (figures: ``python -m benchmarks.vad echo``).
"""

_DOUBLING = (1, 2, 4)
"""Maxima of neighbours, of pairs, of fours: together of eight, as many as an echo lasts."""


def chunk_levels(waveform: FloatArray) -> FloatArray:
    """Level of each chunk of 512 samples.

    Args:
        waveform: (channels, samples) float32 at 16 kHz; the last chunk is filled up with zeros.

    Returns:
        (channels, chunks) float32, mean squares.
    """
    whole = np.pad(waveform, ((0, 0), (0, -waveform.shape[1] % CHUNK)))
    chunks = whole.reshape(len(whole), -1, CHUNK)
    levels: FloatArray = np.einsum("ijk,ijk->ij", chunks, chunks) / np.float32(CHUNK)
    return levels


def without_echo(
    probabilities: FloatArray, levels: FloatArray, settings: VoiceSettings | None = None
) -> FloatArray:
    """Speech probabilities, 0 where a channel only echoes what another one just said.

    Args:
        probabilities: (channels, chunks) in [0, 1].
        levels: (channels, chunks) mean squares.
        settings: what counts as speech.

    Returns:
        (channels, chunks) float32. A chunk's value depends on that chunk and the seven before it.

    >>> spoken = np.ones((2, 1), np.float32)
    >>> without_echo(spoken, np.array([[0.1], [0.001]], np.float32))
    array([[1.],
           [0.]], dtype=float32)
    """
    suppressor = EchoSuppressor(channels=len(probabilities), settings=settings)
    return suppressor.suppress(probabilities, levels)


def _loudest_recently(spoken: FloatArray) -> FloatArray:
    """(channels, 7 + n) to (channels, n): the highest of each chunk and the seven before it."""
    highest = spoken
    for step in _DOUBLING:
        highest = np.maximum(highest[:, step:], highest[:, :-step])
    return highest


def _of_the_others(loudness: FloatArray) -> FloatArray:
    """For each of two or more channels, the highest among all others."""
    if len(loudness) == 2:
        return loudness[::-1]
    second, loudest = np.partition(loudness, -2, axis=0)[-2:]
    others: FloatArray = np.where(loudness == loudest, second, loudest)
    return others


class EchoSuppressor:
    """Sets the speech probability of echo to zero, the same however the stream is cut.

    Args:
        channels: number of channels; with one there is nothing to do.
        settings: what counts as speech.
    """

    def __init__(self, *, channels: int, settings: VoiceSettings | None = None) -> None:
        self._loud = (settings or VoiceSettings()).loud
        self._spoken: FloatArray = np.zeros((channels, ECHO_CHUNKS - 1), np.float32)

    def suppress(self, probabilities: FloatArray, levels: FloatArray) -> FloatArray:
        """The next chunks' probabilities without echo.

        Args:
            probabilities: (channels, chunks) in [0, 1].
            levels: (channels, chunks) mean squares.

        Returns:
            (channels, chunks) float32.
        """
        if len(probabilities) == 1 or not probabilities.size:
            return probabilities
        spoken = np.concatenate([self._spoken, levels * (probabilities >= self._loud)], axis=1)
        self._spoken = spoken[:, 1 - ECHO_CHUNKS :].copy()
        others = _of_the_others(_loudest_recently(spoken))
        return probabilities * (levels >= others * _QUIETER)
