"""What is gained by staying silent when unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["risk_coverage", "risk_coverage_area"]


def risk_coverage(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> pd.DataFrame:
    """Share of wrong labels among the items at least as sure as a threshold.

    Args:
        confidence: (items,) any number that grows with certainty.
        correct: (items,) whether the label was right.

    Returns:
        a row a distinct confidence, surest first: threshold, coverage in (0, 1], risk in [0, 1].
        Items of equal confidence enter together. Empty without items.

    References:
        R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification",
        JMLR 11, 2010.

    >>> risk_coverage([0.9, 0.5, 0.5], [True, True, False])["risk"].round(3).tolist()
    [0.0, 0.333]
    """
    import pandas as pd

    sure, wrong = np.asarray(confidence, np.float64), ~np.asarray(correct, bool)
    thresholds, group = np.unique(-sure, return_inverse=True)
    taken = np.cumsum(np.bincount(group, minlength=len(thresholds)))
    errors = np.cumsum(np.bincount(group, wrong, minlength=len(thresholds)))
    return pd.DataFrame(
        {
            "threshold": -thresholds,
            "coverage": taken / max(len(sure), 1),
            "risk": errors / np.maximum(taken, 1),
        }
    )


def risk_coverage_area(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Mean risk over every coverage 1/n ... n/n: AURC, in [0, 1], lower is better.

    Items of equal confidence count as if in random order, so the figure does not depend on the
    order of the table. Where all are equally sure it is the error rate. NaN without items.

    References:
        Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-reduced uncertainty estimation for deep neural
        classifiers", ICLR 2019.

    >>> risk_coverage_area([0.9, 0.5], [True, False])
    0.25
    """
    curve = risk_coverage(confidence, correct)
    count = np.size(np.asarray(confidence))
    if not count:
        return np.nan
    taken = np.concatenate([[0.0], curve["coverage"].to_numpy() * count])
    errors = np.concatenate([[0.0], curve["risk"].to_numpy() * taken[1:]])
    steps = np.arange(1, count + 1)
    return float(np.mean(np.interp(steps, taken, errors) / steps))
