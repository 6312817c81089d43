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


class VoiceWindows:
    """The voices of windows in order of time, growing as a stream goes on.

    It shows how many there are and no values, and refuses to be pickled.
    """

    def __init__(self) -> None:
        self._rows = np.empty((64, EMBEDDING), np.float32)
        self._chunks: list[int] = []
        self._speech: list[float] = []

    def __len__(self) -> int:
        return len(self._chunks)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} windows)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a voice's embedding is never stored: it lives and dies with its stream")

    @property
    def embeddings(self) -> FloatArray:
        """(windows, 192) float32, rows of length 1."""
        return self._rows[: len(self)]

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
        if len(self) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[len(self)] = window.embedding
        self._chunks.append(window.chunk)
        self._speech.append(window.speech)
