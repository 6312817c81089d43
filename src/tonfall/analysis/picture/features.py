"""The row of a speaker's features: how each window departs from the speaker's own baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tonfall.analysis.measures import MEASURES
from tonfall.analysis.picture.layout import GRID, MUTED, Layout, LineStyle
from tonfall.timeline import SAMPLING_RATE, Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FARTHEST", "MEASURE_DASHES", "draw_features"]

FARTHEST = 3.0
"""Standard deviations at the edges; what is farther is drawn there."""

MEASURE_DASHES: tuple[LineStyle, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
"""Of the curves, in the order of `MEASURES`: told apart in grey, too."""

_LONGEST_STEP_S = 2.5
"""Windows whose middles are farther apart are not joined."""


def draw_features(layout: Layout, axes: Axes, speaker: str) -> None:
    """A curve for each feature, over the middles of the windows."""
    axes.set_ylim(-1.05 * FARTHEST, 1.05 * FARTHEST)
    axes.set_yticks([-2, 0, 2], ["\N{MINUS SIGN}2 sd", "usual", "+2 sd"])
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.set_axisbelow(True)
    windows = [each for each in layout.timeline.windows if each.speaker == speaker]
    times = np.array([_middle(each) for each in windows])
    for measure, dashes in zip(MEASURES, MEASURE_DASHES, strict=True):
        values = np.array([_score(each, measure.score) for each in windows], np.float64)
        axes.plot(
            *_broken(times, np.clip(values, -FARTHEST, FARTHEST)),
            color=measure.colour,
            linestyle=dashes,
            linewidth=1.2,
        )


def _middle(window: Window) -> float:
    return (window.segment.start + window.segment.end) / (2 * SAMPLING_RATE)


def _score(window: Window, name: str) -> float:
    value = getattr(window.features, name) if window.features else None
    return np.nan if value is None else float(value)


def _broken(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With a gap wherever the windows have one."""
    breaks = np.flatnonzero(np.diff(times) > _LONGEST_STEP_S) + 1
    return np.insert(times, breaks, np.nan), np.insert(values, breaks, np.nan)
