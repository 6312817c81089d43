"""Telling a voice from its echo in the other channel of a call."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray

__all__ = ["EchoSuppressor"]

_QUIETER = 10 ** (-25 / 10)
"""Power, 25 dB down: a channel this far below the other at the same moment is its echo."""

_SPEECH = 0.5
_FADE = 0.8
"""Of the other channel's level, kept from chunk to chunk: an echo outlasts its voice a little."""


class EchoSuppressor:
    """Sets the speech probability of echo to zero.

    Args:
        channels: number of channels; with one there is nothing to do.
    """

    def __init__(self, *, channels: int) -> None:
        self._loudest: FloatArray = np.zeros(channels, np.float32)

    def suppress(self, probabilities: FloatArray, levels: FloatArray) -> FloatArray:
        """Probabilities without echo.

        Args:
            probabilities: (channels, chunks) in [0, 1].
            levels: (channels, chunks) mean squares.

        Returns:
            (channels, chunks) float32.
        """
        if len(probabilities) == 1:
            return probabilities
        spoken = np.where(probabilities >= _SPEECH, levels, 0)
        result = probabilities.copy()
        for chunk in range(probabilities.shape[1]):
            self._loudest = np.maximum(self._loudest * np.float32(_FADE), spoken[:, chunk])
            order = np.argsort(self._loudest)
            others = np.full(len(order), self._loudest[order[-1]])
            others[order[-1]] = self._loudest[order[-2]]
            result[levels[:, chunk] < others * _QUIETER, chunk] = 0
        return result
