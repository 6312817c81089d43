"""Fewer digits of probabilities, and no decision changed by it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["rounded_probabilities"]


def rounded_probabilities(probabilities: npt.ArrayLike, *, digits: int) -> list[list[float]]:
    """Rows rounded to ``digits``, the most probable label still the first of the largest.

    >>> rounded_probabilities([[0.33331, 0.33339, 0.3333]], digits=3)
    [[0.333, 0.334, 0.333]]
    """
    exact = np.asarray(probabilities, np.float64)
    coarse = exact.round(digits)
    best = exact.argmax(axis=1)
    rows = np.flatnonzero(coarse.argmax(axis=1) != best)
    coarse[rows, best[rows]] += 10**-digits
    return [[float(f"{value:.{digits}f}") for value in row] for row in coarse]
