"""Level of speech over the background, for each channel."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.vad import CHUNK, VoiceSettings

__all__ = ["Background", "ChunkLevels"]

_SILENCE = 1e-10
_MEMORY = 10
"""Pieces (of a second) over which the level of the background is averaged."""


class ChunkLevels:
    """Mean squares of chunks of 512 samples, however the samples are cut.

    Args:
        channels: number of channels.
    """

    def __init__(self, *, channels: int) -> None:
        self._waiting: FloatArray = np.zeros((channels, 0), np.float32)

    def push(self, samples: FloatArray) -> FloatArray:
        """Take (channels, n) samples; return the (channels, chunks) levels now complete."""
        waiting = np.concatenate([self._waiting, samples], axis=1)
        whole = waiting.shape[1] // CHUNK * CHUNK
        self._waiting = waiting[:, whole:].copy()
        chunks = waiting[:, :whole].reshape(len(waiting), -1, CHUNK)
        levels: FloatArray = np.einsum("ijk,ijk->ij", chunks, chunks) / np.float32(CHUNK)
        return levels

    def close(self) -> FloatArray:
        """The level of the last chunk, filled up with zeros."""
        missing = -self._waiting.shape[1] % CHUNK
        return self.push(np.zeros((len(self._waiting), missing), np.float32))


class Background:
    """The noise of one channel, followed over its pauses.

    Args:
        settings: what counts as speech.
    """

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._noise: float | None = None

    def snr_db(self, levels: FloatArray, speech: FloatArray, anyones: FloatArray) -> float | None:
        """Level of a piece's speech over the background heard so far.

        Args:
            levels: (chunks,) mean squares.
            speech: (chunks,) probabilities that this voice speaks.
            anyones: (chunks,) that anybody does in this channel, echo included: no background.

        Returns:
            dB from -10 to 60, or None where the piece has no speech or no pause was heard yet.
        """
        self._follow(levels[(anyones < self._settings.silent) & (levels > _SILENCE)])
        spoken = levels[speech >= self._settings.loud]
        if self._noise is None or not len(spoken):
            return None
        ratio = max(float(spoken.mean()) / self._noise - 1, 0.1)
        return round(float(np.clip(10 * np.log10(ratio), -10, 60)), 1)

    def _follow(self, quiet: FloatArray) -> None:
        if not len(quiet):
            return
        level = float(quiet.mean())
        self._noise = (
            level if self._noise is None else self._noise + (level - self._noise) / _MEMORY
        )
