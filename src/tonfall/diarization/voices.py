"""Embeddings of a recording: in memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.diarization.model import EMBEDDING

__all__ = ["VoiceWindow", "VoiceWindows"]


@dataclass(frozen=True, slots=True)
class VoiceWindow:
    """The voice of one window.

    It refuses to be pickled, because a voice must not be kept.

    Attributes:
        chunk: of 512 samples, at which the window begins.
        speech: in [0, 1], the part of the window that is speech.
        embedding: (192,) float32 of length 1.
    """

    chunk: int
    speech: float
    embedding: FloatArray = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a voice's embedding is never stored: it lives and dies with its stream")


_BLOCK = 1024
"""Windows of a block: grown by blocks, ten hours of them are never copied."""


class VoiceWindows:
    """The voices of windows in order of time, growing as a stream goes on.

    It shows how many there are and no values, and refuses to be pickled.
    """

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = []
        self._chunks: list[int] = []
        self._speech: list[float] = []

    def __len__(self) -> int:
        return len(self._chunks)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} windows)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a voice's embedding is never stored: it lives and dies with its stream")

    @property
    def chunks(self) -> npt.NDArray[np.int64]:
        """(windows,) chunk of 512 samples at which each begins."""
        return np.array(self._chunks, np.int64)

    @property
    def speech(self) -> FloatArray:
        """(windows,) in [0, 1], the part of each that is speech."""
        return np.array(self._speech, np.float32)

    def add(self, window: VoiceWindow) -> None:
        """The next window, which begins after the last."""
        place = len(self) % _BLOCK
        if place == 0:
            self._blocks.append(np.zeros((_BLOCK, EMBEDDING), np.float32))
        self._blocks[-1][place] = window.embedding
        self._chunks.append(window.chunk)
        self._speech.append(window.speech)

    def embeddings(self, which: npt.NDArray[np.int64] | None = None) -> FloatArray:
        """(windows, 192) float32, rows of length 1: those of these numbers, or all."""
        wanted = np.arange(len(self)) if which is None else which
        rows = np.empty((len(wanted), EMBEDDING), np.float32)
        for place, number in enumerate(wanted.tolist()):
            rows[place] = self._blocks[number // _BLOCK][number % _BLOCK]
        return rows

    def likeness(self, voices: FloatArray) -> FloatArray:
        """(windows, voices) float32: how much each is like each of (voices, 192)."""
        parts = [block @ voices.T for block in self._blocks]
        return np.concatenate([np.zeros((0, len(voices)), np.float32), *parts])[: len(self)]

    def total(self, weights: FloatArray) -> FloatArray:
        """(192,): the sum of all, each times its weight."""
        padded = np.zeros(len(self._blocks) * _BLOCK, np.float32)
        padded[: len(weights)] = weights
        result = np.zeros(EMBEDDING, np.float32)
        for number, block in enumerate(self._blocks):
            own = padded[number * _BLOCK : (number + 1) * _BLOCK]
            used = np.flatnonzero(own)
            result += own[used] @ block[used]
        return result
