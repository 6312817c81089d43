"""Which of two models is better on the same items, by how much, and could that be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.evaluation.additive import Additive, difference
from tonfall.evaluation.bootstrap import DRAWS, Interval, Resampling, grouped, unit_sums

__all__ = ["Comparison", "compare_figures", "mcnemar"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Second model against first.

    Attributes:
        first, second: the figures.
        difference: second less first, with its interval over speakers.
        p: chance of a difference at least as large if the models were exchangeable.
    """

    first: float
    second: float
    difference: Interval
    p: float


def compare_figures(
    first: Additive,
    second: Additive,
    *,
    speakers: Sequence[object],
    rng: np.random.Generator,
    strata: Sequence[object] | None = None,
    draws: int = DRAWS,
) -> Comparison:
    """Compare a figure of two models that judged the same items.

    The interval resamples speakers, both models together. The p value is of a permutation test
    that swaps the models' answers speaker by speaker, two-sided; with *n* speakers it cannot fall
    below 2 to the power of 1 - *n*.

    Args:
        first: the figure of the first model.
        second: the same figure of the second model, on the same items in the same order.
        speakers: (items,) who spoke each item; null makes the item its own speaker.
        rng: where draws and swaps come from.
        strata: (items,) drawn from apart, such as the corpus.
        draws: draws of the bootstrap, and swaps of the test.
    """
    resampling = Resampling(speakers, rng=rng, strata=strata, draws=draws)
    places = [None] * len(speakers) if strata is None else list(strata)
    return Comparison(
        first.point,
        second.point,
        resampling.interval(difference(second, first)),
        _permutation(first, second, grouped(speakers, places), draws, rng),
    )


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Exact McNemar test of two models' right and wrong answers, two-sided.

    It takes items for independent, which clips of one speaker are not: read it as a lower bound.

    Args:
        first: (items,) whether the first model was right.
        second: (items,) whether the second was, in the same order.

    Returns:
        p in (0, 1]; 1 where they never differ.

    References:
        Q. McNemar, "Note on the sampling error of the difference between correlated proportions
        or percentages", Psychometrika 12, 1947.

    >>> mcnemar([True] * 6, [False] * 6)
    0.03125
    """
    from scipy.stats import binomtest

    one, other = np.asarray(first, bool), np.asarray(second, bool)
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    if only_one + only_other == 0:
        return 1.0
    return float(binomtest(only_one, only_one + only_other).pvalue)


def _permutation(
    first: Additive,
    second: Additive,
    unit: npt.NDArray[np.int64],
    draws: int,
    rng: np.random.Generator,
) -> float:
    units = int(unit.max()) + 1 if len(unit) else 0
    one, other = (unit_sums(figure.terms, unit, units) for figure in (first, second))
    swapped = rng.integers(0, 2, (draws, units)).astype(np.float64)
    moved = swapped @ (other - one)
    drawn = second.value(other.sum(axis=0) - moved) - first.value(one.sum(axis=0) + moved)
    seen = abs(second.point - first.point)
    return float((1 + np.sum(np.abs(drawn) >= seen - 1e-12)) / (1 + draws))
