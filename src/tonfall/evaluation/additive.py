"""Figures that depend on their items only through sums, so that resampling costs one product.

A bootstrap draw takes some speakers several times and others not at all. Where a figure is a
function of sums over items, each draw's sums are the speakers' sums weighted by how often each was
taken: a thousand draws are one matrix product. The functions here are the same figures as in
`tonfall.evaluation.metrics`, in that form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.evaluation.metrics.calibration import BINS

__all__ = [
    "Additive",
    "Values",
    "accuracy",
    "calibration_error",
    "concordance",
    "correlation",
    "difference",
    "f1",
    "fold_mean",
    "mean",
    "recall",
    "unweighted_recall",
    "weighted_f1",
]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Additive:
    """A figure as a function of sums over items.

    Attributes:
        terms: (items, terms) what each item adds.
        value: sums of shape (..., terms) to the figure of shape (...); NaN where undefined.
    """

    terms: Values
    value: Callable[[Values], Values]

    @property
    def point(self) -> float:
        """The figure of all items, each taken once."""
        return float(self.value(self.terms.sum(axis=0)))


def mean(series: npt.ArrayLike) -> Additive:
    """Mean of the items' numbers; NaN items are left out."""
    numbers = np.asarray(series, np.float64)
    known = ~np.isnan(numbers)
    return Additive(np.stack([np.where(known, numbers, 0.0), known], axis=1), _first_by_second)


def accuracy(truth: Sequence[str], prediction: Sequence[str]) -> Additive:
    """Share of items whose label is right."""
    return mean(np.asarray(truth, object) == np.asarray(prediction, object))


def recall(truth: Sequence[str], prediction: Sequence[str], *, label: str) -> Additive:
    """Share found of the items that are ``label``."""
    meant = np.asarray(truth, object) == label
    found = meant & (np.asarray(prediction, object) == label)
    return Additive(np.stack([found, meant], axis=1).astype(np.float64), _first_by_second)


def unweighted_recall(
    truth: Sequence[str], prediction: Sequence[str], *, labels: Sequence[str]
) -> Additive:
    """Mean recall over the classes that a draw holds."""
    meant, given = _one_hot(truth, labels), _one_hot(prediction, labels)
    return Additive(np.concatenate([meant * given, meant], axis=1), _mean_recall)


def f1(truth: Sequence[str], prediction: Sequence[str], *, labels: Sequence[str]) -> Additive:
    """Macro F1 over the classes that occur in a draw's truth or prediction."""
    meant, given = _one_hot(truth, labels), _one_hot(prediction, labels)
    return Additive(np.concatenate([meant * given, meant + given], axis=1), _mean_f1)


def weighted_f1(
    truth: Sequence[str], prediction: Sequence[str], *, labels: Sequence[str]
) -> Additive:
    """F1 averaged over the classes, each counted by how often it is true in a draw."""
    meant, given = _one_hot(truth, labels), _one_hot(prediction, labels)
    return Additive(np.concatenate([meant * given, meant + given, meant], axis=1), _true_f1)


def calibration_error(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = BINS
) -> Additive:
    """Expected calibration error over bins of equal width."""
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    inside = np.eye(bins)[np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)]
    gaps = inside * (right - sure)[:, None]
    return Additive(np.concatenate([gaps, np.ones((len(sure), 1))], axis=1), _sum_of_gaps)


def concordance(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Additive:
    """Lin's CCC from sums of first and second powers; items with NaN are left out."""
    first, second = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    known = ~(np.isnan(first) | np.isnan(second))
    # A shift that both share changes nothing but keeps the squares' difference exact.
    shift = first[known].mean() if known.any() else 0.0
    x, y = np.where(known, first - shift, 0.0), np.where(known, second - shift, 0.0)
    return Additive(np.stack([known, x, y, x * x, y * y, x * y], axis=1), _ccc)


def correlation(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Additive:
    """Pearson's correlation from the same sums; items with NaN are left out."""
    return Additive(concordance(truth, prediction).terms, _pearson)


def fold_mean(figures: Sequence[Additive]) -> Additive:
    """Mean of a figure over folds, each counted alike; ``figures`` stand over the same items."""
    width = figures[0].terms.shape[1]

    def value(sums: Values) -> Values:
        folds = sums.reshape(*sums.shape[:-1], len(figures), width)
        return _nanmean(figures[0].value(folds))

    return Additive(np.concatenate([figure.terms for figure in figures], axis=1), value)


def difference(first: Additive, second: Additive) -> Additive:
    """First less second, on the same items."""
    split = first.terms.shape[1]

    def value(sums: Values) -> Values:
        return first.value(sums[..., :split]) - second.value(sums[..., split:])

    return Additive(np.concatenate([first.terms, second.terms], axis=1), value)


def _one_hot(names: Sequence[str], labels: Sequence[str]) -> Values:
    column = np.asarray(names, object)[:, None]
    return np.asarray(column == np.asarray(labels, object)[None, :], np.float64)


def _first_by_second(sums: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _mean_recall(sums: Values) -> Values:
    hits, true = np.split(sums, 2, axis=-1)
    return _nanmean(_ratio(hits, true))


def _mean_f1(sums: Values) -> Values:
    hits, occurrences = np.split(sums, 2, axis=-1)
    return _nanmean(_ratio(2 * hits, occurrences))


def _true_f1(sums: Values) -> Values:
    hits, occurrences, true = np.split(sums, 3, axis=-1)
    score = np.nan_to_num(_ratio(2 * hits, occurrences))
    return _ratio((score * true).sum(axis=-1), true.sum(axis=-1))


def _sum_of_gaps(sums: Values) -> Values:
    return _ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])


def _ccc(sums: Values) -> Values:
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    mean_x, mean_y = _ratio(x, count), _ratio(y, count)
    covariance = _ratio(xy, count) - mean_x * mean_y
    variances = _ratio(xx, count) - mean_x**2 + _ratio(yy, count) - mean_y**2
    enough = np.where(count > 1, variances + (mean_x - mean_y) ** 2, 0.0)
    return _ratio(2 * covariance, enough)


def _pearson(sums: Values) -> Values:
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    mean_x, mean_y = _ratio(x, count), _ratio(y, count)
    variance_x, variance_y = (
        np.maximum(_ratio(square, count) - mean**2, 0.0)
        for square, mean in ((xx, mean_x), (yy, mean_y))
    )
    deviations = np.sqrt(variance_x * variance_y)
    return _ratio(_ratio(xy, count) - mean_x * mean_y, np.where(count > 1, deviations, 0.0))


def _ratio(above: Values, below: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _nanmean(values: Values) -> Values:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
