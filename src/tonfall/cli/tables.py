"""Results as tables for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from tonfall.analysis.rows import clock, speaker_rows, turn_rows
from tonfall.audio import printable
from tonfall.timeline import Timeline

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
        length = "-" if outcome.error else clock(outcome.seconds)
        result = outcome.error or spoken or "no speech was found"
        table.add_row(printable(outcome.file), length, str(len(outcome.speakers) or "-"), result)
    _console().print(table)


def _turns(timeline: Timeline) -> Table:
    table = _table()
    rows = turn_rows(timeline.turns)
    for name in rows[0]:
        right = name not in ("speaker", "sounds", "guess")
        table.add_column(name, justify="right" if right else "left")
    for turn, row in zip(timeline.turns, rows, strict=True):
        sure = turn.label is not None and not turn.unclear
        table.add_row(*row.values(), style=None if sure else "dim")
    return table


def _speakers(summaries: Sequence[SpeakerSummary]) -> Table:
    table = _table()
    rows = speaker_rows(summaries)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*row.values())
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), highlight=False)


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False)
