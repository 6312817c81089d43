"""Two reports on the same items: which model is better, by how much, with what certainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonfall.errors import ProtocolError
from tonfall.evaluation import additive
from tonfall.evaluation.additive import Additive
from tonfall.evaluation.bootstrap import DRAWS
from tonfall.evaluation.comparison import Comparison, compare_figures, mcnemar
from tonfall.evaluation.reports.schema import Report
from tonfall.evaluation.reports.wording import NAMES

__all__ = ["ReportComparison", "compare_reports"]

_CERTAIN = 0.05


@dataclass(frozen=True, slots=True)
class ReportComparison:
    """What two models did with the same items.

    Attributes:
        first, second: name and condition of each.
        figures: unweighted recall, accuracy and macro F1; differences are second less first.
        headline: which of the figures decides.
        mcnemar: p of McNemar's test over items.
        notes: what a reader should know.
    """

    first: str
    second: str
    figures: dict[str, Comparison]
    headline: str
    mcnemar: float
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence."""
        found = self.figures[self.headline]
        interval = found.difference
        apart = not interval.low <= 0 <= interval.high and found.p < _CERTAIN
        better = self.second if interval.value > 0 else self.first
        figure = NAMES[self.headline].removesuffix(" (UA)").lower()
        points = f"{100 * abs(interval.value):.1f} points of {figure}"
        if apart:
            return f"{better} is better by {points} (p = {found.p:.3f})."
        return f"No certain difference: {better} is ahead by {points} (p = {found.p:.3f})."

    def in_words(self) -> str:
        """The comparison in a few lines, for the terminal."""
        lines = [f"first: {self.first}", f"second: {self.second}", ""]
        lines.append(f"{'':<34}{'first':>7}{'second':>8}   difference [95 %]      p")
        for name, found in self.figures.items():
            gap = found.difference
            span = f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
            lines.append(
                f"{NAMES[name]:<34}{100 * found.first:>7.1f}{100 * found.second:>8.1f}   "
                f"{span:<22} {found.p:.3f}"
            )
        lines += ["", f"McNemar's test over items: p = {self.mcnemar:.3g}"]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes), self.verdict])


def compare_reports(
    first: Report, second: Report, *, seed: int = 0, draws: int = DRAWS
) -> ReportComparison:
    """Compare two models by their reports, item by item.

    Intervals resample speakers, both models together; p is of a permutation test that swaps the
    models' answers speaker by speaker.

    Raises:
        ProtocolError: the reports are on other items, labels or truths.
    """
    order = _same_items(first, second)
    one = _predictions(first, range(len(order)))
    other = _predictions(second, order)
    truth = first.items.truth
    right = np.array([one, other], object) == np.array(truth, object)
    figures = {
        name: compare_figures(
            *pair,
            speakers=first.items.speaker,
            strata=first.items.corpus,
            rng=np.random.default_rng(seed),
            draws=draws,
        )
        for name, pair in _figures(first, one, other).items()
    }
    return ReportComparison(
        _title(first),
        _title(second),
        figures,
        first.headline,
        mcnemar(right[0], right[1]),
        _notes(first, second),
    )


def _figures(
    report: Report, one: list[str], other: list[str]
) -> dict[str, tuple[Additive, Additive]]:
    truth, labels = report.items.truth, report.protocol.labels
    figures = {
        "ua": tuple(
            additive.unweighted_recall(truth, given, labels=labels) for given in (one, other)
        ),
        "ua_folds": tuple(_of_folds(report, given) for given in (one, other)),
        "accuracy": tuple(additive.accuracy(truth, given) for given in (one, other)),
        "f1_macro": tuple(additive.f1(truth, given, labels=labels) for given in (one, other)),
    }
    return {name: (pair[0], pair[1]) for name, pair in figures.items()}


def _of_folds(report: Report, given: list[str]) -> Additive:
    fold = np.array(report.items.fold)
    figure = additive.unweighted_recall(report.items.truth, given, labels=report.protocol.labels)
    return additive.fold_mean(
        [
            Additive(figure.terms * (fold == name)[:, None], figure.value)
            for name in dict.fromkeys(report.items.fold)
        ]
    )


def _predictions(report: Report, order: range | list[int]) -> list[str]:
    best = np.array(report.items.probabilities).argmax(axis=1)
    return [report.protocol.labels[best[index]] for index in order]


def _same_items(first: Report, second: Report) -> list[int]:
    """Place of each of the first report's items in the second."""
    if first.protocol.labels != second.protocol.labels:
        raise ProtocolError(
            f"The reports are over {', '.join(first.protocol.labels)} and over "
            f"{', '.join(second.protocol.labels)}, but only one label space can be compared."
        )
    places = {item: index for index, item in enumerate(second.items.item)}
    missing = [item for item in first.items.item if item not in places]
    if missing or len(places) != len(first.items.item):
        raise ProtocolError(
            f"The reports are on other items ({len(first.items.item)} and {len(places)}, "
            f"{len(places) - len(first.items.item) + len(missing)} only in the second). "
            "Evaluate both models under the same protocol."
        )
    order = [places[item] for item in first.items.item]
    if [second.items.truth[place] for place in order] != first.items.truth:
        raise ProtocolError(
            "The reports disagree about the true labels. Evaluate both with the same manifests."
        )
    return order


def _title(report: Report) -> str:
    return f"{report.model.title} ({report.condition})"


def _notes(first: Report, second: Report) -> tuple[str, ...]:
    found = [f"{_title(report)}: {text}" for report in (first, second) for text in report.warnings]
    if first.protocol.hash != second.protocol.hash:
        found.append("The protocols differ: the models were not trained on the same folds.")
    if first.data.hash != second.data.hash:
        found.append("The audio differs between the reports.")
    return tuple(found)
