"""Timelines as annotation tiers, as Praat and ELAN have them: names, and intervals in order.

Each speaker has two tiers: the turns, and the windows' labels as non-overlapping stretches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tonfall.analysis.strip import runs, strip
from tonfall.timeline import Segment, Timeline

__all__ = ["Interval", "Tier", "tiers"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time with its annotation; never empty."""

    segment: Segment
    text: str


@dataclass(frozen=True, slots=True)
class Tier:
    """Intervals of one speaker, in order and without overlap."""

    name: str
    speaker: str
    intervals: tuple[Interval, ...]


def tiers(timeline: Timeline) -> tuple[Tier, ...]:
    """Two tiers a speaker, "<speaker> turns" and "<speaker> windows"."""
    return tuple(
        tier
        for speaker in timeline.speakers
        for tier in (_turn_tier(timeline, speaker), _window_tier(timeline, speaker))
    )


def _turn_tier(timeline: Timeline, speaker: str) -> Tier:
    turns = sorted(
        (turn for turn in timeline.turns if turn.speaker == speaker),
        key=lambda turn: turn.segment,
    )
    intervals = (Interval(turn.segment, turn.label or "-") for turn in turns)
    return Tier(f"{speaker} turns", speaker, tuple(_apart(intervals)))


def _window_tier(timeline: Timeline, speaker: str) -> Tier:
    stretches = runs(strip(timeline, speaker))
    intervals = (Interval(run.segment, run.label) for run in stretches)
    return Tier(f"{speaker} windows", speaker, tuple(intervals))


def _apart(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Ordered intervals, each starting where the one before has ended, and none empty."""
    latest = 0
    for interval in intervals:
        start, end = max(interval.segment.start, latest), interval.segment.end
        if start < end:
            yield Interval(Segment(start, end), interval.text)
            latest = end
