"""A timeline as rows of text, for the terminal and the notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor
from typing import TYPE_CHECKING

from tonfall.analysis.measures import feature_words
from tonfall.timeline import UNCLEAR, Features, Timeline, Turn, seconds

if TYPE_CHECKING:
    from tonfall.analysis.summary import SpeakerSummary

__all__ = [
    "Row",
    "analysis_html",
    "as_html",
    "as_text",
    "clock",
    "feature_rows",
    "speaker_rows",
    "turn_rows",
]

Row = Mapping[str, str]
"""Column to cell; all rows of a table have the same columns."""

SHOWN_TURNS = 50
"""Turns that a notebook shows; ``turns`` has all."""


def turn_rows(turns: Sequence[Turn]) -> list[Row]:
    """A row a turn. There is a column of guesses only where something is unclear."""
    rows = [_turn(turn) for turn in turns]
    return _without_empty_guesses(rows)


def feature_rows(turns: Sequence[Turn]) -> list[Row]:
    """A row for each turn whose voice was measured: numbers, deviations, and these in words."""
    return [_measured(turn, turn.features) for turn in turns if turn.features]


def speaker_rows(summaries: Sequence[SpeakerSummary]) -> list[Row]:
    """A row a speaker, with what holds longest and second longest."""
    return _without_empty_guesses([_speaker(each) for each in summaries])


def clock(time: float) -> str:
    """Minutes, and seconds to a tenth; halves are rounded up, as on the page.

    >>> clock(75.96), clock(59.96), clock(1.25)
    ('1:16.0', '1:00.0', '0:01.3')
    """
    minutes, tenths = divmod(floor(time * 10 + 0.5), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"


def as_text(rows: Sequence[Row]) -> str:
    """Columns of even width, without lines; empty where there are no rows.

    >>> print(as_text([{"speaker": "S1", "talk": "58%"}]))
    speaker  talk
    S1       58%
    """
    if not rows:
        return ""
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_html(rows: Sequence[Row]) -> str:
    """An HTML table; empty where there are no rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row.values()) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def analysis_html(timeline: Timeline, summaries: Sequence[SpeakerSummary]) -> str:
    """What a notebook shows of a recording: facts, speakers, turns and notes."""
    parts = [f"<p><b>{escape(timeline.facts)}</b></p>", as_html(speaker_rows(summaries))]
    parts.append(as_html(turn_rows(timeline.turns[:SHOWN_TURNS])))
    parts.append(as_html(feature_rows(timeline.turns[:SHOWN_TURNS])))
    left = len(timeline.turns) - SHOWN_TURNS
    notes = ([f"{left} more turns; .turns has all."] if left > 0 else []) + [*timeline.notes]
    return "<div>" + "".join([*parts, *(f"<p>{escape(note)}</p>" for note in notes)]) + "</div>"


def _turn(turn: Turn) -> dict[str, str]:
    return {
        "start": clock(seconds(turn.segment.start)),
        "end": clock(seconds(turn.segment.end)),
        "speaker": turn.speaker,
        "sounds": _sounds(turn),
        "guess": (turn.guess or "") if turn.unclear else "",
        "confidence": _number(turn.confidence),
        "arousal": _number(turn.arousal),
        "valence": _number(turn.valence),
    }


def _measured(turn: Turn, features: Features) -> dict[str, str]:
    return {
        "start": clock(seconds(turn.segment.start)),
        "end": clock(seconds(turn.segment.end)),
        "speaker": turn.speaker,
        "pitch": _deviating(features.pitch_hz, features.pitch_z, "{:.0f} Hz"),
        "loudness": _deviating(features.loudness, features.loudness_z, "{:.2f}"),
        "syllables": _deviating(features.syllables_per_s, features.syllables_z, "{:.1f}/s"),
        "HNR": _deviating(features.hnr_db, features.hnr_z, "{:.0f} dB"),
        "than usual": ", ".join(feature_words(features)),
    }


def _deviating(value: float | None, score: float | None, form: str) -> str:
    """The number, and in brackets its standard deviations from the speaker's baseline."""
    if value is None:
        return "-"
    return form.format(value) + ("" if score is None else f" ({score:+.1f})")


def _sounds(turn: Turn) -> str:
    return f"{turn.label or 'not judged'}{' (short)' if turn.short else ''}"


def _speaker(summary: SpeakerSummary) -> dict[str, str]:
    shares = sorted(summary.label_shares.items(), key=lambda entry: -entry[1])
    ranked = [f"{label} {share:.0%}" for label, share in shares if share] + ["-", "-"]
    return {
        "speaker": summary.speaker,
        "speech": f"{summary.speech_seconds:.1f} s",
        "talk": f"{summary.share_of_talk:.0%}",
        "mostly": ranked[0],
        "then": ranked[1],
        "guess": (summary.guess or "") if summary.label == UNCLEAR else "",
        "arousal": _number(summary.arousal),
        "valence": _number(summary.valence),
        "trend": str(summary.trend),
    }


def _without_empty_guesses(rows: Sequence[dict[str, str]]) -> list[Row]:
    if any(row["guess"] for row in rows):
        return list(rows)
    return [{name: cell for name, cell in row.items() if name != "guess"} for row in rows]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
