"""The rows of a speaker's band: waveform, strip and curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tonfall.analysis.envelope import QUIETEST_PEAK, Envelope
from tonfall.analysis.palette import AROUSAL, STYLES, VALENCE, hatch_colour, ink
from tonfall.analysis.picture.features import draw_features
from tonfall.analysis.picture.layout import (
    DASHES,
    GRID,
    INK,
    NAME_LENGTH,
    OUTLINE,
    QUIET,
    SPEAKING,
    Band,
    Layout,
    LineStyle,
    short,
)
from tonfall.analysis.strip import Run, coarse_runs, runs, speech, strip
from tonfall.analysis.trajectory import TrajectoryPoint, trajectory
from tonfall.timeline import SAMPLING_RATE, Segment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_band", "draw_silence"]

WAVEFORM_BINS = 1000
CELLS_AN_INCH = 40
"""Strips with more cells than that show what was heard longest in each place."""

LETTER_INCHES = 0.1
"""Width from which on a cell has its letter."""

GAP_INCHES = 0.12
"""Width from which on a pause breaks the curves."""

Numbers = npt.NDArray[np.floating[Any]]


def draw_band(layout: Layout, band: Band, speaker: str, envelope: Envelope | None) -> Axes:
    """Fill the rows of one speaker and return the lowest."""
    _draw_waveform(layout, band.waveform, speaker, envelope)
    _draw_strip(layout, band.strip, speaker)
    _draw_curves(layout, band.curves, speaker)
    if band.features:
        draw_features(layout, band.features, speaker)
    return band.lowest


def draw_silence(layout: Layout, envelope: Envelope | None) -> None:
    """Where nobody speaks: the waveform and the notes that say so."""
    axes = layout.next_row(1.88)
    axes.set_ylim(-1, 1)
    if envelope is not None:
        for channel in range(envelope.extremes.shape[0]):
            _fill_waveform(axes, envelope, channel, QUIET)
    axes.text(
        0.5,
        0.5,
        short(" ".join(layout.timeline.notes) or "No speech was found.", 110),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=INK,
        size=9,
        parse_math=False,
        bbox={"facecolor": "white", "edgecolor": GRID, "boxstyle": "round,pad=0.6"},
    )
    layout.label_times(axes)


def _draw_waveform(layout: Layout, axes: Axes, speaker: str, envelope: Envelope | None) -> None:
    turns = speech(layout.timeline, speaker)
    channel = next(turn.channel for turn in layout.timeline.turns if turn.speaker == speaker)
    axes.set_ylim(-1, 1)
    axes.axhline(0, color=QUIET, linewidth=0.5)
    if envelope is None or channel >= envelope.extremes.shape[0]:
        axes.broken_barh([_span(turn) for turn in turns], (-0.3, 0.6), color=SPEAKING)
    else:
        _fill_waveform(axes, envelope, channel, QUIET)
        _fill_waveform(axes, envelope, channel, SPEAKING, within=turns)
    axes.set_ylabel(
        short(speaker, NAME_LENGTH),
        rotation=0,
        ha="right",
        va="center",
        labelpad=8,
        color=INK,
        size=9,
        weight="bold",
        parse_math=False,
    )


def _fill_waveform(
    axes: Axes,
    envelope: Envelope,
    channel: int,
    colour: str,
    *,
    within: Sequence[Segment] | None = None,
) -> None:
    """The outline, scaled to the channel's peak; only inside the segments, if there are any."""
    outline = envelope.reduced(WAVEFORM_BINS)
    low, high = outline.extremes[channel].T
    if not len(low):
        return
    peak = max(float(np.abs(outline.extremes[channel]).max()), QUIETEST_PEAK)
    times = (np.arange(len(low)) + 0.5) * outline.bin_seconds
    shown = None if within is None else _inside(times, within, slack=outline.bin_seconds / 2)
    axes.fill_between(times, low / peak, high / peak, where=shown, color=colour, linewidth=0.3)


def _inside(times: Numbers, segments: Sequence[Segment], *, slack: float) -> list[bool]:
    """For each time, True inside (or within ``slack`` of) one of the ordered segments."""
    inside = np.zeros(len(times), np.bool_)
    for segment in segments:
        start, length = _span(segment)
        first, last = np.searchsorted(times, [start - slack, start + length + slack])
        inside[first:last] = True
    return [bool(each) for each in inside]


def _draw_strip(layout: Layout, axes: Axes, speaker: str) -> None:
    axes.set_ylim(-0.02, 1.02)
    cells = strip(layout.timeline, speaker)
    if layout.seconds_an_inch > CELLS_AN_INCH:
        step = round(layout.seconds_an_inch / CELLS_AN_INCH * SAMPLING_RATE)
        shown = coarse_runs(cells, step=step)
    else:
        shown = runs(cells)
        # Speech that is unclear or was not judged is seen by its outline.
        turns = [_span(turn) for turn in speech(layout.timeline, speaker)]
        axes.broken_barh(turns, (0, 1), facecolor="none", edgecolor=OUTLINE, linewidth=0.8)
    for run in shown:
        _draw_run(axes, run, inches=run.segment.duration / layout.seconds_an_inch)


def _draw_run(axes: Axes, run: Run, *, inches: float) -> None:
    style = STYLES[run.label]
    colour = style.colour
    axes.broken_barh(
        [_span(run.segment)],
        (0, 1),
        facecolor=colour,
        hatch=style.hatch,
        edgecolor=hatch_colour(colour),
        linewidth=0,
    )
    if inches < LETTER_INCHES:
        return
    start, length = _span(run.segment)
    axes.text(
        start + length / 2,
        0.47,
        style.letter,
        ha="center",
        va="center",
        size=7,
        color=ink(colour),
        weight="bold",
        clip_on=True,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8} if style.hatch else None,
    )


def _draw_curves(layout: Layout, axes: Axes, speaker: str) -> None:
    points = trajectory(layout.timeline, speaker)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for stretch in _stretches(points, gap=GAP_INCHES * layout.seconds_an_inch):
        _draw_curve(axes, stretch, [point.arousal for point in stretch], AROUSAL, "solid")
        _draw_curve(axes, stretch, [point.valence for point in stretch], VALENCE, DASHES)


def _draw_curve(
    axes: Axes,
    stretch: Sequence[TrajectoryPoint],
    values: Sequence[float | None],
    colour: str,
    dashes: LineStyle,
) -> None:
    """A line, or a dot where there is but one point."""
    known = np.array([np.nan if value is None else value for value in values])
    marker = "o" if len(stretch) == 1 else "none"
    axes.plot(
        _times(stretch),
        known,
        color=colour,
        linestyle=dashes,
        linewidth=1.5,
        marker=marker,
        markersize=2.5,
    )


def _stretches(points: Sequence[TrajectoryPoint], *, gap: float) -> list[list[TrajectoryPoint]]:
    """The points, parted where the curve is broken for at least ``gap`` seconds."""
    stretches: list[list[TrajectoryPoint]] = []
    end = float("-inf")
    for point in points:
        start = point.window.segment.start / SAMPLING_RATE
        if stretches and (point.connected or start - end < gap):
            stretches[-1].append(point)
        else:
            stretches.append([point])
        end = point.window.segment.end / SAMPLING_RATE
    return stretches


def _times(points: Sequence[TrajectoryPoint]) -> Numbers:
    """Where the points are drawn: at the middle of their windows, as the strip is."""
    middles = [point.window.segment.start + point.window.segment.end for point in points]
    return np.array(middles) / (2 * SAMPLING_RATE)


def _span(segment: Segment) -> tuple[float, float]:
    """Start and length in seconds, as matplotlib's bars want them."""
    return segment.start / SAMPLING_RATE, segment.samples / SAMPLING_RATE
