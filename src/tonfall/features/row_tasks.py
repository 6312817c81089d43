"""What rows of numbers are computed of, how a recording is cut into them, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.sets import find_set

__all__ = ["Order", "Parts", "Per", "Rows", "Sound", "Split", "Task"]

Per = Literal["file", "window", "frame"]
"""What a row stands for."""

Parts = tuple[tuple[float, float], ...]
"""Starts and ends in seconds."""


class Sound(Protocol):
    """What features are computed of; it can be sent to another process."""

    @property
    def file(self) -> Path:
        """Where it is."""

    @property
    def start(self) -> float:
        """Where it begins in the file, in seconds."""

    def key(self) -> str:
        """A text that changes whenever its samples do; a TonfallError where there are none."""

    def samples(self) -> FloatArray:
        """(samples,) float32 at 16 kHz; a TonfallError where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Split:
    """How a recording is cut into rows by its content.

    Attributes:
        key: changes whenever the function would cut otherwise.
        cut: (samples,) at 16 kHz to starts and ends in seconds; to be found by other processes.
    """

    key: str
    cut: Callable[[FloatArray], Parts]


@dataclass(frozen=True, slots=True)
class Order:
    """What is done with each recording; small enough to be sent to a worker."""

    feature_set: str
    per: Per = "file"
    split: Split | None = None
    folder: Path | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the values."""
        chosen = find_set(self.feature_set)
        by_frame = self.per == "frame" and self.split is None
        return chosen.frame_columns if by_frame else chosen.columns


@dataclass(frozen=True, slots=True)
class Task:
    """A recording, and the stretches of it that are rows; None for those of the order."""

    sound: Sound
    parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """What came out of a recording.

    Attributes:
        bounds: (rows, 2) first sample and the one after the last, at 16 kHz.
        values: (rows, numbers).
    """

    bounds: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64] | FloatArray

    def parts(self, size: int) -> Iterator[Rows]:
        """The same in parts of at most ``size`` rows; one part, without rows, where there are none.

        >>> rows = Rows(np.zeros((5, 2), np.int64), np.zeros((5, 3)))
        >>> [len(part.values) for part in rows.parts(2)]
        [2, 2, 1]
        """
        for first in range(0, max(1, len(self.values)), size):
            part = slice(first, first + size)
            yield Rows(self.bounds[part], self.values[part])
