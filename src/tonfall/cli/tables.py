"""Results as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from tonfall.analysis.rows import Row, clock, feature_rows, speaker_rows, turn_rows
from tonfall.audio import printable
from tonfall.cli.console import console, one_line, print_line
from tonfall.timeline import Timeline

if TYPE_CHECKING:
    from tonfall.analysis import Analysis
    from tonfall.analysis.batch import Outcome
    from tonfall.analysis.summary import SpeakerSummary

__all__ = ["print_analysis", "print_outcomes"]


def print_analysis(analysis: Analysis) -> None:
    """Turns, then a summary for each speaker, then the notes."""
    timeline, output = analysis.timeline, console()
    if timeline.turns:
        output.print(_turns(timeline))
        measured = feature_rows(timeline.turns)
        if measured:
            output.print(_features(measured))
        output.print(_speakers(analysis.summary()))
    for note in timeline.notes:
        print_line(note, style="dim")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each file of a batch."""
    table = _table()
    for name in ("file", "length", "speakers", "result"):
        table.add_column(name, overflow="fold")
    for outcome in outcomes:
        spoken = "; ".join(f"{each.speaker} {each.label or '-'}" for each in outcome.speakers)
        length = "-" if outcome.error else clock(outcome.seconds)
        result = outcome.error or spoken or "no speech was found"
        file = one_line(printable(outcome.file))
        table.add_row(file, length, str(len(outcome.speakers) or "-"), one_line(result))
    console().print(table)


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


def _features(rows: Sequence[Row]) -> Table:
    table = _table()
    for name in rows[0]:
        left = name in ("speaker", "than usual")
        table.add_column(name, justify="left" if left else "right")
    for row in rows:
        table.add_row(*row.values())
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
