"""The figures of a whole test set or a part of it, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tonfall.arrays import IntArray
from tonfall.emotion import DIMENSIONS
from tonfall.evaluation import additive, metrics
from tonfall.evaluation.additive import Additive
from tonfall.evaluation.bootstrap import Interval, Resampling, grouped
from tonfall.evaluation.reports.schema import Figure
from tonfall.evaluation.running import Results

__all__ = ["Judged", "as_figure", "figures", "judged", "ua_of"]


@dataclass(frozen=True, eq=False)
class Judged:
    """Some of the results' items, with what figures need of each.

    Attributes:
        results: of all items.
        positions: which of them these are.
        truth, prediction: labels of these.
    """

    results: Results
    positions: Sequence[int]
    truth: list[str]
    prediction: list[str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The label space."""
        return self.results.protocol.labels

    @cached_property
    def confusion(self) -> IntArray:
        """Items by true and given label."""
        return metrics.confusion(self.truth, self.prediction, labels=self.labels)

    @property
    def speakers(self) -> int:
        """How many speakers there are; items of unknown speaker count as one each."""
        return len(set(grouped(*self._people()).tolist()))

    def part(self, positions: list[int]) -> Judged:
        """Some of these items."""
        return Judged(
            self.results,
            [self.positions[place] for place in positions],
            [self.truth[place] for place in positions],
            [self.prediction[place] for place in positions],
        )

    def resampling(self, seed: int) -> Resampling:
        """Draws of these items' speakers, each corpus apart."""
        speakers, corpora = self._people()
        return Resampling(speakers, strata=corpora, rng=np.random.default_rng(seed))

    def recall(self, label: str, resampling: Resampling) -> Figure:
        """Share found of the items that are ``label``."""
        return as_figure(
            resampling.interval(additive.recall(self.truth, self.prediction, label=label))
        )

    def found(self, alarm: npt.NDArray[np.bool_], label: str, resampling: Resampling) -> Figure:
        """Share of the items that are ``label`` with an alarm; the threshold is taken as given."""
        answers = np.where(alarm, label, "").tolist()
        return as_figure(resampling.interval(additive.recall(self.truth, answers, label=label)))

    def _people(self) -> tuple[list[object], list[object]]:
        rows = self.results.items.iloc[list(self.positions)]
        return rows["speaker"].tolist(), rows["corpus"].tolist()


def judged(results: Results) -> Judged:
    """All items of the results."""
    return Judged(results, range(len(results.items)), results.truth, results.prediction)


def ua_of(part: Judged, *, seed: int) -> Figure:
    """Unweighted recall over the classes that the part holds."""
    figure = additive.unweighted_recall(part.truth, part.prediction, labels=part.labels)
    return as_figure(part.resampling(seed).interval(figure))


def figures(whole: Judged, *, seed: int) -> dict[str, Figure]:
    """Every figure of the whole test set, by the name that reports use."""
    resampling = whole.resampling(seed)
    found = {
        name: as_figure(resampling.interval(figure))
        for name, figure in {**_of_labels(whole), **_of_dimensions(whole)}.items()
    }
    area = metrics.risk_coverage_area(whole.results.confidence, whole.results.correct)
    return {**found, "risk_coverage_area": Figure(value=area)}


def as_figure(interval: Interval) -> Figure:
    """An interval as a report writes it."""
    return Figure(value=interval.value, low=interval.low, high=interval.high)


def _of_labels(whole: Judged) -> dict[str, Additive]:
    results, labels = whole.results, whole.labels
    pair = (whole.truth, whole.prediction)
    found = {
        "ua": additive.unweighted_recall(*pair, labels=labels),
        "ua_folds": _mean_of_folds(whole),
        "accuracy": additive.accuracy(*pair),
        "f1_macro": additive.f1(*pair, labels=labels),
        "f1_weighted": additive.weighted_f1(*pair, labels=labels),
        "calibration_error": additive.calibration_error(results.confidence, results.correct),
        "brier": additive.mean(_squared_distances(whole)),
    }
    votes = _vote_rows(whole)
    if votes.any():
        found["jensen_shannon"] = additive.mean(
            metrics.jensen_shannon(votes, results.probabilities)
        )
    return found


def _mean_of_folds(whole: Judged) -> Additive:
    fold = whole.results.items["fold"].to_numpy()
    figure = additive.unweighted_recall(whole.truth, whole.prediction, labels=whole.labels)
    return additive.fold_mean(
        [
            Additive(figure.terms * (fold == name)[:, None], figure.value)
            for name in whole.results.protocol.folds
        ]
    )


def _squared_distances(whole: Judged) -> npt.NDArray[np.float64]:
    """(items,) each item's share of the Brier score."""
    meant = np.array(whole.truth, object)[:, None] == np.array(whole.labels, object)[None, :]
    return np.asarray(np.square(whole.results.probabilities - meant).sum(axis=1))


def _vote_rows(whole: Judged) -> npt.NDArray[np.float64]:
    """(items, labels) listeners' votes over the label space; zeros where there are none."""
    label_map = whole.results.protocol.label_map
    rows = np.zeros((len(whole.truth), len(whole.labels)))
    for place, votes in enumerate(whole.results.items["votes"]):
        if isinstance(votes, dict):
            merged = label_map.votes(votes)
            rows[place] = [merged.get(label, 0.0) for label in whole.labels]
    return rows


def _of_dimensions(whole: Judged) -> dict[str, Additive]:
    found: dict[str, Additive] = {}
    for name in DIMENSIONS:
        truth = whole.results.items[f"true_{name}"].to_numpy(float)
        if name not in whole.results.dimensions or np.isnan(truth).all():
            continue
        given = whole.results.dimensions[name].to_numpy(float)
        found[f"ccc_{name}"] = additive.concordance(truth, given)
        found[f"pearson_{name}"] = additive.correlation(truth, given)
        found[f"mse_{name}"] = additive.mean(np.square(truth - given))
        found[f"mae_{name}"] = additive.mean(np.abs(truth - given))
    return found
