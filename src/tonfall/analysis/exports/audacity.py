"""Audacity's label track: start, end and text, tab-separated."""

from __future__ import annotations

from tonfall.analysis.exports.text import exact_seconds, judgement, one_line, utf8
from tonfall.timeline import Timeline, Turn

__all__ = ["write_audacity"]


def write_audacity(timeline: Timeline) -> bytes:
    """The turns as labels that Audacity imports (File, Import, Labels)."""
    return utf8("".join(_label(turn) for turn in timeline.turns))


def _label(turn: Turn) -> str:
    start, end = exact_seconds(turn.segment.start), exact_seconds(turn.segment.end)
    return f"{start}\t{end}\t{one_line(turn.speaker)}: {judgement(turn)}\n"
