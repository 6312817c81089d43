"""The emotion strip: for each moment of speech, the one window whose judgement stands.

Windows of three seconds every second overlap; a picture, a label track and a share of time
need stretches that do not. A moment belongs to the window whose centre is nearest, as far as
that window reaches and as far as the speaker speaks. Speech that no window reaches is left
open: it was not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tonfall.timeline import Segment, Timeline, Window

__all__ = ["Cell", "Run", "coarse_runs", "runs", "speech", "strip", "unjudged"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of speech for which one window's judgement stands."""

    segment: Segment
    window: Window


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells of the same label, seen as one.

    Attributes:
        segment: from the first cell's start to the last cell's end.
        label: what all its cells are called.
        confidence: mean over the cells, weighted by their length.
    """

    segment: Segment
    label: str
    confidence: float


def speech(timeline: Timeline, speaker: str) -> tuple[Segment, ...]:
    """When the speaker speaks, in order and without overlap."""
    turns = [turn.segment for turn in timeline.turns if turn.speaker == speaker]
    return tuple(_joined(sorted(turn for turn in turns if turn.samples)))


def strip(timeline: Timeline, speaker: str) -> tuple[Cell, ...]:
    """The speaker's cells, in order and without overlap, inside the speaker's turns."""
    windows = [window for window in timeline.windows if window.speaker == speaker]
    windows.sort(key=lambda window: (_twice_the_centre(window), window.segment))
    return tuple(_clipped(_reaches(windows), speech(timeline, speaker)))


def unjudged(timeline: Timeline, speaker: str) -> tuple[Segment, ...]:
    """The speaker's speech that no window reaches, in order."""
    cells = [cell.segment for cell in strip(timeline, speaker)]
    return tuple(_gaps(speech(timeline, speaker), cells))


def runs(cells: Iterable[Cell]) -> tuple[Run, ...]:
    """Join neighbouring cells that say the same."""
    groups: list[list[Cell]] = []
    for cell in cells:
        if groups and _continues(groups[-1][-1], cell):
            groups[-1].append(cell)
        else:
            groups.append([cell])
    return tuple(_run(group) for group in groups)


def coarse_runs(cells: Iterable[Cell], *, step: int) -> tuple[Run, ...]:
    """Runs of at least ``step`` samples, each what was heard longest in its time.

    For pictures of long recordings, in which a second is less than a dot wide.
    """
    bins: dict[int, list[Cell]] = {}
    for cell in cells:
        middle = (cell.segment.start + cell.segment.end) // 2
        bins.setdefault(middle // step, []).append(cell)
    return runs(
        Cell(Segment(index * step, (index + 1) * step), _longest(inside).window)
        for index, inside in bins.items()
    )


def _longest(cells: Sequence[Cell]) -> Cell:
    """A cell of the label that holds longest."""
    samples: dict[str, int] = {}
    for cell in cells:
        label = cell.window.label
        samples[label] = samples.get(label, 0) + cell.segment.samples
    most = max(samples, key=samples.__getitem__)
    return next(cell for cell in cells if cell.window.label == most)


def _joined(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Sorted segments, those that overlap or touch made one."""
    current: Segment | None = None
    for segment in segments:
        if current is not None and segment.start <= current.end:
            current = Segment(current.start, max(current.end, segment.end))
            continue
        if current is not None:
            yield current
        current = segment
    if current is not None:
        yield current


def _reaches(windows: Sequence[Window]) -> Iterator[Cell]:
    """Each window, in order of centre, cut where its neighbours take over."""
    borders = list(accumulate((_border(*pair) for pair in pairwise(windows)), max))
    starts = [0, *borders]
    ends = [*borders, max((window.segment.end for window in windows), default=0)]
    for window, earliest, latest in zip(windows, starts, ends, strict=False):
        start = max(earliest, window.segment.start)
        end = min(latest, window.segment.end)
        if start < end:
            yield Cell(Segment(start, end), window)


def _border(left: Window, right: Window) -> int:
    """Half-way between two centres, as far as both windows reach there."""
    half_way = (_twice_the_centre(left) + _twice_the_centre(right)) // 4
    return min(max(half_way, right.segment.start), left.segment.end)


def _twice_the_centre(window: Window) -> int:
    return window.segment.start + window.segment.end


def _clipped(cells: Iterable[Cell], stretches: Sequence[Segment]) -> Iterator[Cell]:
    """The parts of ordered cells that lie inside ordered stretches."""
    first = 0
    for cell in cells:
        while first < len(stretches) and stretches[first].end <= cell.segment.start:
            first += 1
        for stretch in stretches[first:]:
            if stretch.start >= cell.segment.end:
                break
            start = max(stretch.start, cell.segment.start)
            end = min(stretch.end, cell.segment.end)
            if start < end:
                yield Cell(Segment(start, end), cell.window)


def _gaps(stretches: Iterable[Segment], cells: Sequence[Segment]) -> Iterator[Segment]:
    """What ordered cells leave open inside the ordered stretches that hold them."""
    first = 0
    for stretch in stretches:
        start = stretch.start
        while first < len(cells) and cells[first].end <= stretch.end:
            if start < cells[first].start:
                yield Segment(start, cells[first].start)
            start = cells[first].end
            first += 1
        if start < stretch.end:
            yield Segment(start, stretch.end)


def _continues(left: Cell, right: Cell) -> bool:
    same = left.window.label == right.window.label
    return same and left.segment.end == right.segment.start


def _run(cells: Sequence[Cell]) -> Run:
    segment = Segment(cells[0].segment.start, cells[-1].segment.end)
    total = sum(cell.window.confidence * cell.segment.samples for cell in cells)
    return Run(segment, cells[0].window.label, total / segment.samples)
