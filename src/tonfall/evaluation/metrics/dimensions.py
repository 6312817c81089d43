"""Figures for arousal, valence and dominance: how close two series of numbers are.

NaN in either series makes the figure NaN; leave out items whose rating is unknown first.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from tonfall.errors import ProtocolError
from tonfall.evaluation.extras import load

__all__ = ["ccc", "mae", "mse", "pearson"]


def ccc(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Lin's concordance correlation coefficient, in [-1, 1].

    Variances and covariance are sums divided by n, not by n - 1, as Lin (1989) defines them.
    The two differ where the means differ and n is small.

    Returns:
        NaN for fewer than two items, or where both series are the same constant; 0 where only
        one is constant or both are constants that differ.

    References:
        L. I-K. Lin, "A concordance correlation coefficient to evaluate reproducibility",
        Biometrics 45, 1989.

    >>> round(ccc([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]), 4)
    0.6667
    """
    first, second = _series(truth, prediction)
    # Rounding of the mean would leave a tiny variance and a figure out of thin air.
    if len(first) < 2 or (_constant(first) and _constant(second) and first[0] == second[0]):
        return np.nan
    if _constant(first) or _constant(second):
        return 0.0
    return float(load("audmetric").concordance_cc(first, second))


def pearson(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Pearson's correlation coefficient, in [-1, 1]; blind to offset and scale.

    Returns:
        NaN for fewer than two items, or where either series is constant.

    >>> round(pearson([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]), 4)
    0.866
    """
    from scipy.stats import pearsonr

    first, second = _series(truth, prediction)
    unknown = np.isnan(first).any() or np.isnan(second).any()
    if len(first) < 2 or unknown or _constant(first) or _constant(second):
        return np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant: the figure is still the best there is
        return float(pearsonr(first, second).statistic)


def mse(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean squared error, in the square of the scale's unit; NaN without items.

    >>> mse([0.0, 1.0], [0.5, 1.0])
    0.125
    """
    first, second = _series(truth, prediction)
    return float(load("audmetric").mean_squared_error(first, second)) if len(first) else np.nan


def mae(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean absolute error, in the scale's unit; NaN without items.

    >>> mae([0.0, 1.0], [0.5, 1.0])
    0.25
    """
    first, second = _series(truth, prediction)
    return float(load("audmetric").mean_absolute_error(first, second)) if len(first) else np.nan


def _series(
    truth: npt.ArrayLike, prediction: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    first, second = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ProtocolError(
            f"Truth has shape {first.shape} and prediction {second.shape}, but both must be one "
            "number an item. Give the same items in the same order."
        )
    return first, second


def _constant(series: npt.NDArray[np.float64]) -> bool:
    return bool(np.ptp(series) == 0)
