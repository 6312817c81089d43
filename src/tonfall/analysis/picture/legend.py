"""What the picture is of, and what its colours and lines mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tonfall.analysis.measures import MEASURES
from tonfall.analysis.palette import AROUSAL, STYLES, VALENCE, hatch_colour
from tonfall.analysis.picture.features import MEASURE_DASHES
from tonfall.analysis.picture.layout import (
    DASHES,
    INK,
    MUTED,
    Layout,
    LineStyle,
    clock,
    short,
)
from tonfall.timeline import UNCLEAR, Timeline

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

__all__ = ["draw_legend", "draw_title", "legend_height"]

ROW_INCHES = 0.21
COLUMN_INCHES = 1.22


def draw_title(layout: Layout) -> None:
    """The recording's name; its length and model beside it where there is room."""
    timeline = layout.timeline
    name = timeline.recording.file.rsplit("/", 1)[-1] or "recording"
    room = int((layout.right - layout.left) / 0.085)
    baseline = "with" if timeline.baseline else "without"
    facts = f"{clock(timeline.recording.duration)} · model {timeline.model}, {baseline} baseline"
    beside = len(name) * 0.085 + len(facts) * 0.065 < layout.right - layout.left
    layout.write(layout.left, 0.2, short(name, room), side="left", size=9.5, colour=INK)
    if beside:
        layout.write(layout.right, 0.2, facts, side="right", size=7.5, colour=MUTED)


def draw_legend(layout: Layout) -> None:
    """Only what the picture shows."""
    layout.figure.legend(
        handles=_handles(layout.timeline),
        loc="lower center",
        ncols=_columns(layout.width),
        frameon=False,
        fontsize=7.5,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.4,
    )


def legend_height(timeline: Timeline, width: float) -> float:
    """Its height in inches."""
    if not timeline.speakers:
        return 0.0
    return 0.12 + ROW_INCHES * -(-len(_handles(timeline)) // _columns(width))


def _columns(width: float) -> int:
    return max(2, int((width - 0.3) / COLUMN_INCHES))


def _handles(timeline: Timeline) -> list[Patch | Line2D]:
    windows = timeline.windows
    shown = {window.label for window in windows}
    labels = (*timeline.labels, UNCLEAR)
    entries: list[Patch | Line2D] = [_patch(label) for label in labels if label in shown]
    if any(window.arousal is not None for window in windows):
        entries.append(_line(AROUSAL, "arousal"))
    if any(window.valence is not None for window in windows):
        entries.append(_line(VALENCE, "valence", dashes=DASHES))
    if any(window.features for window in windows):
        entries += [
            _line(each.colour, each.name, dashes=dashes)
            for each, dashes in zip(MEASURES, MEASURE_DASHES, strict=True)
        ]
    return entries


def _patch(label: str) -> Patch:
    from matplotlib.patches import Patch

    style = STYLES[label]
    return Patch(
        facecolor=style.colour,
        hatch=style.hatch,
        edgecolor=hatch_colour(style.colour),
        linewidth=0,
        label=f"{style.letter}  {label}",
    )


def _line(
    colour: str,
    text: str,
    *,
    dashes: LineStyle = "solid",
) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=1.5, linestyle=dashes, label=text)
