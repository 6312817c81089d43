"""The pictures of a report, with Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from tonfall.evaluation.reports.schema import Figure, Group, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

__all__ = ["PICTURES", "as_png", "save_pictures"]

_BLUE, _GREY, _RED = "#3b6fb6", "#8a8a8a", "#b3261e"
_DPI = 150
_SHOWN_GROUPINGS = ("sex", "age", "language", "corpus")


def _drawing(width: float, height: float) -> Drawing:
    from matplotlib.figure import Figure as Drawing

    return Drawing(figsize=(width, height), layout="constrained")


def confusion(report: Report) -> Drawing:
    """Share of each true class by given label, with counts."""
    labels = report.protocol.labels
    counts = np.array(report.confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    drawing = _drawing(1.8 + 0.8 * len(labels), 1.2 + 0.7 * len(labels))
    axes = drawing.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        axes.text(
            column,
            row,
            f"{100 * shares[row, column]:.0f} %\n{counts[row, column]:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if shares[row, column] > 0.55 else "black",
        )
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="given", ylabel="true")
    return drawing


def classes(report: Report) -> Drawing:
    """Recall of each class with its interval, and its precision."""
    entries = report.classes
    drawing = _drawing(6.5, 1.0 + 0.4 * len(entries))
    axes = drawing.subplots()
    _bars(axes, [entry.label for entry in entries], [entry.recall for entry in entries])
    precision = [np.nan if e.precision is None else 100 * e.precision for e in entries]
    axes.plot(precision, range(len(entries)), "D", color=_RED, ms=5, label="precision")
    axes.set_xlabel("recall (bar, 95 % interval) and precision (diamond), per cent")
    return drawing


def groups(report: Report) -> Drawing:
    """Unweighted recall by sex, age, language and corpus, as far as known."""
    shown = [name for name in _SHOWN_GROUPINGS if report.groups.get(name)]
    sizes = [len(report.groups[name]) for name in shown] or [1]
    drawing = _drawing(6.5, 0.9 * len(sizes) + 0.35 * sum(sizes))
    panels = drawing.subplots(len(sizes), squeeze=False, sharex=True, height_ratios=sizes)[:, 0]
    for axes, name in zip(panels, shown, strict=False):
        _group_panel(axes, name, report.groups[name])
    panels[-1].set_xlabel("unweighted recall, per cent, with 95 % intervals")
    return drawing


def _group_panel(axes: Axes, name: str, entries: Sequence[Group]) -> None:
    titles = [f"{entry.name} ({entry.speakers} speakers)" for entry in entries]
    _bars(axes, titles, [entry.ua for entry in entries])
    axes.set_title(name, loc="left", fontsize=9)


def reliability(report: Report) -> Drawing:
    """Share correct against confidence; on the diagonal it is as sure as it should be."""
    bins = np.array(
        [(entry.confidence, entry.accuracy, entry.count) for entry in report.reliability], float
    )
    confidence, accuracy, count = bins[bins[:, 2] > 0].T
    drawing = _drawing(4.5, 4.5)
    axes = drawing.subplots()
    axes.plot([0, 1], [0, 1], "--", color=_GREY, lw=1)
    size = 15 + 185 * count / max(count.max(initial=1), 1)
    axes.scatter(confidence, accuracy, s=size, color=_BLUE, alpha=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share correct")
    return drawing


def risk_coverage(report: Report) -> Drawing:
    """Share of wrong labels against share of items that are judged at all."""
    drawing = _drawing(4.5, 4.5)
    axes = drawing.subplots()
    points = report.risk_coverage
    coverage = [100 * point.coverage for point in points]
    axes.plot(coverage, [100 * point.risk for point in points], color=_BLUE)
    axes.set(xlim=(0, 100), xlabel="judged, per cent", ylabel="wrong among these, per cent")
    axes.set_ylim(bottom=0)
    axes.grid(color="#dddddd", lw=0.5)
    return drawing


PICTURES: Mapping[str, Callable[[Report], Drawing]] = MappingProxyType(
    {
        "confusion": confusion,
        "classes": classes,
        "groups": groups,
        "reliability": reliability,
        "risk-coverage": risk_coverage,
    }
)
"""Name of a picture, which is that of its file, to what draws it."""


def as_png(drawing: Drawing) -> bytes:
    """The picture's bytes; the same ones for the same report."""
    stream = io.BytesIO()
    drawing.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def save_pictures(report: Report, folder: Path) -> list[Path]:
    """Write every picture as NAME.png into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in PICTURES.items():
        paths.append(folder / f"{name}.png")
        paths[-1].write_bytes(as_png(draw(report)))
    return paths


def _bars(axes: Axes, names: Sequence[str], figures: Sequence[Figure]) -> None:
    """Horizontal bars in per cent from top to bottom, with whiskers where there is an interval."""
    values = np.array([np.nan if f.value is None else 100 * f.value for f in figures])
    low = np.array(
        [v if f.low is None else 100 * f.low for f, v in zip(figures, values, strict=True)]
    )
    high = np.array(
        [v if f.high is None else 100 * f.high for f, v in zip(figures, values, strict=True)]
    )
    whiskers = np.nan_to_num(np.maximum(np.stack([values - low, high - values]), 0.0))
    places = np.arange(len(names))
    axes.barh(places, np.nan_to_num(values), color=_BLUE, alpha=0.75, height=0.6)
    axes.errorbar(values, places, xerr=whiskers, fmt="none", ecolor="black", capsize=3, lw=1)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.grid(axis="x", color="#dddddd", lw=0.5)
    axes.set_axisbelow(True)
