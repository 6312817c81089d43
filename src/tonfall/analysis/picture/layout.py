"""Where things stand in the picture, and its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tonfall.analysis.exports.text import one_line
from tonfall.timeline import SAMPLING_RATE, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "DASHES",
    "GRID",
    "INK",
    "MUTED",
    "NAME_LENGTH",
    "OUTLINE",
    "QUIET",
    "SPEAKING",
    "Band",
    "Layout",
    "LineStyle",
    "clock",
    "short",
]

INK = "#22262a"
MUTED = "#6b7178"
GRID = "#e3e5e8"
QUIET = "#c3c8ce"
SPEAKING = "#59616a"
OUTLINE = "#8f969e"
LineStyle = Literal["solid"] | tuple[float, Sequence[float]]
DASHES: LineStyle = (0, (2.4, 1.2))

NAME_LENGTH = 18
"""Characters of a speaker's name that are shown."""

ROWS = {"waveform": 0.62, "strip": 0.34, "curves": 0.92, "features": 0.92}
"""Heights in inches of the rows of a band; the last is there where features were measured."""

RIGHT, TOP, BOTTOM, BETWEEN = 0.55, 0.46, 0.3, 0.26
"""Margins in inches, the last between two speakers. The left one follows the names."""

TICK_INCHES = 0.55
TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds that may lie between two labelled times."""


@dataclass(frozen=True, slots=True)
class Band:
    """The axes of one speaker, from the top down."""

    waveform: Axes
    strip: Axes
    curves: Axes
    features: Axes | None = None

    @property
    def lowest(self) -> Axes:
        """What times are written below."""
        return self.features or self.curves


class Layout:
    """A figure that is filled with bands from the top down, all over the same time.

    Args:
        timeline: what to draw.
        width: in inches.
        legend: its height in inches.

    Attributes:
        duration: seconds from the left to the right end of every axes.
        seconds_an_inch: of an axes' width.
    """

    def __init__(self, timeline: Timeline, *, width: float, legend: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        from tonfall.analysis.picture.figure import Picture

        bands = len(timeline.speakers) or 1
        self._rows = _rows(timeline)
        inside = bands * sum(self._rows) + (bands - 1) * BETWEEN
        self.timeline = timeline
        self.width = width
        self.height = inside + TOP + BOTTOM + legend
        self.left = _left_margin(timeline)
        self.duration = _duration(timeline)
        self.seconds_an_inch = self.duration / (width - self.left - RIGHT)
        self.figure = Picture(figsize=(width, self.height), facecolor="white")
        FigureCanvasAgg(self.figure)
        self._next = self.height - TOP

    def next_band(self) -> Band:
        """Axes for the next speaker."""
        band = Band(*(self.next_row(height) for height in self._rows))
        self._next -= BETWEEN
        return band

    def next_row(self, height: float) -> Axes:
        """Axes of a height in inches, below what there is."""
        self._next -= height
        across = (self.width - self.left - RIGHT) / self.width
        # A little air between the rows of a band.
        bottom, share = (self._next + 0.03) / self.height, (height - 0.06) / self.height
        axes = self.figure.add_axes((self.left / self.width, bottom, across, share))
        axes.set_xlim(0, self.duration)
        axes.set_facecolor("none")
        axes.tick_params(length=0, colors=MUTED, labelsize=7)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        return axes

    def label_times(self, axes: Axes) -> None:
        """Minutes and seconds below the last row, at round numbers."""
        most = max(1.0, (self.width - self.left - RIGHT) / TICK_INCHES)
        step = next((s for s in TICK_STEPS if self.duration / s <= most), TICK_STEPS[-1])
        ticks = np.arange(0, self.duration + 1e-9, step)
        axes.set_xticks(ticks, [clock(tick) for tick in ticks])
        axes.tick_params(axis="x", length=3, width=0.6, color=MUTED, labelsize=7.5)

    def write(self, x: float, y: float, text: str, *, side: str, size: float, colour: str) -> None:
        """One line of text, as it is, at a place in inches from the left and the top."""
        place = (x / self.width, 1 - y / self.height)
        self.figure.text(
            *place, text, ha=side, va="center", size=size, color=colour, parse_math=False
        )

    @property
    def right(self) -> float:
        """Right end of the axes in inches."""
        return self.width - RIGHT


def _rows(timeline: Timeline) -> list[float]:
    measured = any(window.features for window in timeline.windows)
    return [height for name, height in ROWS.items() if measured or name != "features"]


def short(text: str, length: int) -> str:
    """The text on one line, cut to ``length`` characters."""
    text = one_line(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def clock(time: float) -> str:
    """Minutes and seconds, and hours or tenths where there are any.

    >>> clock(75), clock(3675), clock(0.5)
    ('1:15', '1:01:15', '0:00.5')
    """
    minutes, seconds = divmod(round(time, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    rest = f"{seconds:04.1f}".removesuffix(".0")
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def _duration(timeline: Timeline) -> float:
    ends = [turn.segment.end for turn in timeline.turns]
    return max([1, timeline.recording.samples, *ends]) / SAMPLING_RATE


def _left_margin(timeline: Timeline) -> float:
    """Wide enough in inches for the speakers' names."""
    longest = max((len(short(name, NAME_LENGTH)) for name in timeline.speakers), default=0)
    return 0.4 + 0.085 * longest
