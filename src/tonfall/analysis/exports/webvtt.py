"""WebVTT: one cue a turn, with the speaker as voice; players show it as subtitles."""

from __future__ import annotations

import html

from tonfall.analysis.exports.text import judgement, one_line, utf8
from tonfall.timeline import SAMPLING_RATE, Timeline, Turn

__all__ = ["write_webvtt"]


def write_webvtt(timeline: Timeline) -> bytes:
    """The turns as WebVTT cues, in order of their starts."""
    turns = sorted(timeline.turns, key=lambda turn: turn.segment)
    cues = [_cue(turn) for turn in turns if turn.segment.samples]
    return utf8("\n\n".join(["WEBVTT", *cues]) + "\n")


def _cue(turn: Turn) -> str:
    start, end = _clock(turn.segment.start), _clock(turn.segment.end)
    speaker = html.escape(one_line(turn.speaker), quote=False)
    return f"{start} --> {end}\n<v {speaker}>{speaker}: {judgement(turn)}"


def _clock(samples: int) -> str:
    """Hours, minutes, seconds and milliseconds."""
    milliseconds = samples * 1000 // SAMPLING_RATE
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
