"""How figures are named and written for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tonfall.emotion import DIMENSIONS
from tonfall.evaluation.reports.schema import Figure, Report

__all__ = ["NAMES", "NOT_RECORDED", "PER_CENT", "day", "in_words", "reading"]

NOT_RECORDED = "not recorded"
"""When a report was made, where it does not say."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ua": "Unweighted recall (UA)",
        "ua_folds": "Unweighted recall, mean of folds",
        "accuracy": "Accuracy (WA)",
        "f1_macro": "Macro F1",
        "f1_weighted": "Weighted F1",
        "calibration_error": "Expected calibration error",
        "brier": "Brier score",
        "risk_coverage_area": "Area under risk-coverage",
        "jensen_shannon": "Jensen-Shannon divergence to votes (bits)",
        **{f"ccc_{name}": f"CCC of {name}" for name in DIMENSIONS},
        **{f"pearson_{name}": f"Pearson of {name}" for name in DIMENSIONS},
        **{f"mse_{name}": f"Mean squared error of {name}" for name in DIMENSIONS},
        **{f"mae_{name}": f"Mean absolute error of {name}" for name in DIMENSIONS},
    }
)
"""Every figure of a report, by its key."""

PER_CENT = frozenset({"ua", "ua_folds", "accuracy", "f1_macro", "f1_weighted"})
"""Figures that are written in per cent."""


def day(report: Report) -> str:
    """The day that a report was made on."""
    return NOT_RECORDED if report.created is None else report.created[:10]


def reading(figure: Figure, *, per_cent: bool = True) -> str:
    """A figure with its interval, in per cent or as it is.

    >>> reading(Figure(value=0.474, low=0.43, high=0.52))
    '47.4 [43.0, 52.0]'
    """
    if figure.value is None:
        return "undefined"
    scale, digits = (100, 1) if per_cent else (1, 3)
    value = f"{scale * figure.value:.{digits}f}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} [{scale * figure.low:.{digits}f}, {scale * figure.high:.{digits}f}]"


def in_words(report: Report) -> str:
    """The report in a few lines, for the terminal."""
    lines = [
        f"{report.model.title} under {report.protocol.name}, {report.condition}: "
        f"{report.data.items} items, {report.data.speakers} speakers, "
        f"{len(report.protocol.labels)} classes",
        *(f"WARNING: {warning}" for warning in report.warnings),
    ]
    width = max(len(NAMES[name]) for name in report.figures)
    lines += [
        f"{NAMES[name]:<{width}}  {reading(figure, per_cent=name in PER_CENT)}"
        for name, figure in report.figures.items()
    ]
    return "\n".join([*lines, *(f"Note: {note}" for note in report.notes)])
