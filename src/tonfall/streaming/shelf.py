"""A growing array that forgets its past, addressed by absolute position."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray

__all__ = ["Shelf"]


class Shelf:
    """Columns kept until they are no longer needed.

    Args:
        shape: of an empty start, (rows, 0, ...): axis 1 grows.

    >>> shelf = Shelf((1, 0))
    >>> shelf.append(np.arange(5, dtype=np.float32)[None])
    >>> shelf.forget(before=3)
    >>> shelf.end, shelf.take(3, 5)
    (5, array([[3., 4.]], dtype=float32))
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._kept: FloatArray = np.zeros(shape, np.float32)
        self._first = 0

    @property
    def end(self) -> int:
        """Position after the last column."""
        return self._first + int(self._kept.shape[1])

    def append(self, columns: FloatArray) -> None:
        """Add (rows, n, ...) at the end."""
        if columns.shape[1]:
            self._kept = np.concatenate([self._kept, columns], axis=1)

    def take(self, start: int, end: int) -> FloatArray:
        """Columns ``start`` to ``end``; fewer where they end earlier."""
        assert start >= self._first, (start, self._first)
        return self._kept[:, start - self._first : max(0, end - self._first)]

    def forget(self, *, before: int) -> None:
        """Drop every column before this position."""
        surplus = min(before, self.end) - self._first
        if surplus > 0:
            self._kept = self._kept[:, surplus:].copy()
            self._first += surplus
