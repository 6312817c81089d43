"""Whether 80 % sure means right eight times out of ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tonfall.errors import ProtocolError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BINS", "brier", "expected_calibration_error", "reliability"]

BINS = 15
"""Bins of equal width that confidence is sorted into, as in Guo et al. (2017)."""


def reliability(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = BINS
) -> pd.DataFrame:
    """Confidence against share correct, in bins of equal width: the reliability diagram.

    Args:
        confidence: (items,) in [0, 1], of the given label.
        correct: (items,) whether that label was right.
        bins: number of bins (lower, upper] over [0, 1]; 0 falls into the first.

    Returns:
        a row a bin: lower, upper, count, confidence, accuracy; the last two are means over the
        bin's items, NaN where it is empty.
    """
    import pandas as pd

    sure, right = _checked(confidence, correct)
    index = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_sure = np.bincount(index, sure, minlength=bins) / count
        mean_right = np.bincount(index, right, minlength=bins) / count
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {
            "lower": edges[:-1],
            "upper": edges[1:],
            "count": count,
            "confidence": mean_sure,
            "accuracy": mean_right,
        }
    )


def expected_calibration_error(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = BINS
) -> float:
    """Mean distance between confidence and share correct over the bins, weighted by their items.

    Returns:
        in [0, 1]; NaN without items. Few items a bin make it too large, never too small.

    References:
        C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    >>> round(expected_calibration_error([0.8, 0.8], [True, False]), 4)
    0.3
    """
    table = reliability(confidence, correct, bins=bins).dropna()
    if table.empty:
        return np.nan
    gap = (table["accuracy"] - table["confidence"]).abs()
    return float((gap * table["count"]).sum() / table["count"].sum())


def brier(truth: Sequence[str], probabilities: npt.ArrayLike, *, labels: Sequence[str]) -> float:
    """Mean squared distance between the probabilities and the true label as a one-hot row.

    Args:
        truth: one label an item.
        probabilities: (items, labels), rows summing to 1.
        labels: order of the columns.

    Returns:
        in [0, 2], Brier's own sum over all classes; NaN without items.

    References:
        G. W. Brier, "Verification of forecasts expressed in terms of probability",
        Monthly Weather Review 78, 1950.

    >>> round(brier(["anger"], [[0.7, 0.3]], labels=["anger", "neutral"]), 4)
    0.18
    """
    given = np.asarray(probabilities, np.float64).reshape(-1, len(labels))
    meant = np.array([[label == name for name in labels] for label in truth], np.float64)
    if not len(given):
        return np.nan
    return float(np.square(given - meant).sum(axis=1).mean())


def _checked(
    confidence: npt.ArrayLike, correct: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if sure.shape != right.shape or not np.all((sure >= 0) & (sure <= 1 + 1e-9)):
        raise ProtocolError(
            "Confidence must be one number in [0, 1] for every item, without NaN. "
            "Check the probabilities that the model gives."
        )
    return np.minimum(sure, 1.0), right
