"""A manifest's classes, speakers, durations and levels as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.corpora.manifest import Manifest
from tonfall.corpora.storage import replacing
from tonfall.corpora.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "save"]

_COLOUR = "#33658a"
_MOST_SPEAKERS = 100


def draw(manifest: Manifest, summary: Summary, levels: pd.Series[float], title: str) -> Figure:
    """Four panels: items by class, items by speaker, durations, levels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    figure.suptitle(
        f"{title}: {summary.items:,} items, {summary.speakers} speakers, {summary.hours:.2f} h"
    )
    classes, speakers, durations, loudness = figure.subplots(2, 2).flat
    _bars(classes, pd.Series(summary.classes), "class")
    _bars(speakers, _by_speaker(manifest), "speaker")
    _histogram(durations, manifest.frame["duration"], "duration in seconds")
    _histogram(loudness, levels, f"level in dB of full scale ({summary.levels_measured} items)")
    return figure


def _by_speaker(manifest: Manifest) -> pd.Series[int]:
    return manifest.frame["speaker"].value_counts().head(_MOST_SPEAKERS)


def _bars(axes: Axes, counts: pd.Series[int], what: str) -> None:
    axes.bar([str(name) for name in counts.index], counts.to_numpy(), color=_COLOUR)
    axes.set_xlabel(what)
    axes.set_ylabel("items")
    axes.tick_params(axis="x", rotation=90 if len(counts) > 8 else 30)
    if len(counts) > 40:
        axes.set_xticks([])


def _histogram(axes: Axes, values: pd.Series[float], what: str) -> None:
    axes.hist(values.dropna(), bins=40, color=_COLOUR)
    axes.set_xlabel(what)
    axes.set_ylabel("items")


def save(figure: Figure, path: Path) -> None:
    """Write the picture in the format that the ending names, in one step."""
    with replacing(path) as part:
        figure.savefig(part, dpi=120)
