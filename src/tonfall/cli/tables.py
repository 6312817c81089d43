"""Results as tables for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from tonfall.timeline import UNCLEAR, Timeline, seconds

if TYPE_CHECKING:
    from tonfall.analysis import Analysis
    from tonfall.analysis.batch import Outcome
    from tonfall.analysis.summary import SpeakerSummary

__all__ = ["print_analysis", "print_outcomes"]

_PIPE_WIDTH = 100


def print_analysis(analysis: Analysis) -> None:
    """Turns, then a summary for each speaker, then the notes."""
    console = _console()
    timeline = analysis.timeline
    if timeline.turns:
        console.print(_turns(timeline))
        console.print(_speakers(analysis.summary()))
    for note in timeline.notes:
        console.print(note, style="dim")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each file of a batch."""
    table = _table()
    for name in ("file", "length", "speakers", "result"):
        table.add_column(name, overflow="fold")
    for outcome in outcomes:
        spoken = "; ".join(f"{each.speaker} {each.label or '-'}" for each in outcome.speakers)
        length = "-" if outcome.error else _clock(outcome.seconds)
        result = outcome.error or spoken or "no speech was found"
        table.add_row(outcome.file, length, str(len(outcome.speakers) or "-"), result)
    _console().print(table)


def _turns(timeline: Timeline) -> Table:
    table = _table()
    guess = ["guess"] if any(turn.unclear for turn in timeline.turns) else []
    for name in ("start", "end", "speaker", "sounds", *guess, "confidence", "arousal", "valence"):
        right = name not in ("speaker", "sounds", "guess")
        table.add_column(name, justify="right" if right else "left")
    for turn in timeline.turns:
        table.add_row(
            _clock(seconds(turn.segment.start)),
            _clock(seconds(turn.segment.end)),
            turn.speaker,
            turn.label or "not judged",
            *([turn.guess if turn.unclear else None] if guess else []),
            _number(turn.confidence),
            _number(turn.arousal),
            _number(turn.valence),
            style="dim" if turn.unclear or turn.label is None else None,
        )
    return table


def _speakers(summaries: Sequence[SpeakerSummary]) -> Table:
    table = _table()
    guess = ["guess"] if any(each.label == UNCLEAR for each in summaries) else []
    names = ("speaker", "speech", "talk", "mostly", "then", *guess, "arousal", "valence", "trend")
    for name in names:
        table.add_column(name)
    for summary in summaries:
        shares = sorted(summary.label_shares.items(), key=lambda entry: -entry[1])
        ranked = [f"{label} {share:.0%}" for label, share in shares if share] + ["-", "-"]
        table.add_row(
            summary.speaker,
            f"{summary.speech_seconds:.1f} s",
            f"{summary.share_of_talk:.0%}",
            ranked[0],
            ranked[1],
            *([summary.guess if summary.label == UNCLEAR else None] if guess else []),
            _number(summary.arousal),
            _number(summary.valence),
            str(getattr(summary.trend, "value", summary.trend)),
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _clock(value: float) -> str:
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, highlight=False)


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False)
