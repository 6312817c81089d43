"""Praat TextGrid: interval tiers of turns and windows."""

from __future__ import annotations

from collections.abc import Iterator

from tonfall.analysis.exports.text import exact_seconds, utf8
from tonfall.analysis.exports.tiers import Interval, Tier, tiers
from tonfall.timeline import Segment, Timeline

__all__ = ["write_textgrid"]


def write_textgrid(timeline: Timeline) -> bytes:
    """The timeline as a TextGrid in Praat's long text format, UTF-8.

    Where nobody speaks there is one empty tier, as Praat wants at least one.
    """
    end = max([1, timeline.recording.samples, *(turn.segment.end for turn in timeline.turns)])
    shown = tiers(timeline) or (Tier("speech", "", ()),)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        *_span(end, ""),
        "tiers? <exists>",
        f"size = {len(shown)}",
        "item []:",
    ]
    for number, tier in enumerate(shown, start=1):
        lines.append(f"    item [{number}]:")
        lines.extend(_tier(tier, end))
    return utf8("\n".join(lines) + "\n")


def _tier(tier: Tier, end: int) -> Iterator[str]:
    intervals = list(_filled(tier.intervals, end))
    yield '        class = "IntervalTier"'
    yield f"        name = {_quoted(tier.name)}"
    yield from _span(end, "        ")
    yield f"        intervals: size = {len(intervals)}"
    for number, interval in enumerate(intervals, start=1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {exact_seconds(interval.segment.start)}"
        yield f"            xmax = {exact_seconds(interval.segment.end)}"
        yield f"            text = {_quoted(interval.text)}"


def _span(end: int, indent: str) -> tuple[str, str]:
    return f"{indent}xmin = 0", f"{indent}xmax = {exact_seconds(end)}"


def _filled(intervals: tuple[Interval, ...], end: int) -> Iterator[Interval]:
    """The intervals and, as a TextGrid has no holes, empty ones between them."""
    latest = 0
    for interval in intervals:
        if latest < interval.segment.start:
            yield Interval(Segment(latest, interval.segment.start), "")
        yield interval
        latest = interval.segment.end
    if latest < end:
        yield Interval(Segment(latest, end), "")


def _quoted(text: str) -> str:
    """Praat's string: quotes inside are doubled."""
    return '"' + text.replace('"', '""') + '"'
