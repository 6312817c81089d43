"""RTTM, as diarization tools read it: one SPEAKER line a turn."""

from __future__ import annotations

from pathlib import PurePath

from tonfall.analysis.exports.text import exact_seconds, utf8
from tonfall.timeline import Timeline, Turn

__all__ = ["write_rttm"]


def write_rttm(timeline: Timeline) -> bytes:
    """The turns as RTTM, one line each.

    The file's name without folder and ending is the first field. As blanks separate fields,
    those in names are written as in web addresses (``%20``), and so is the percent sign.
    """
    uri = _field(PurePath(timeline.recording.file).stem or "stream")
    lines = [_line(uri, turn) for turn in timeline.turns]
    return utf8("".join(f"{line}\n" for line in lines))


def _line(uri: str, turn: Turn) -> str:
    start = exact_seconds(turn.segment.start)
    duration = exact_seconds(turn.segment.samples)
    speaker = _field(turn.speaker)
    return f"SPEAKER {uri} {turn.channel + 1} {start} {duration} <NA> <NA> {speaker} <NA> <NA>"


def _field(name: str) -> str:
    return "".join(_escaped(character) for character in name)


def _escaped(character: str) -> str:
    if character.isspace() or not character.isprintable() or character in '%"':
        return "".join(f"%{byte:02X}" for byte in utf8(character))
    return character
