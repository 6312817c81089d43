"""How names and judgements are written where only a line of text fits."""

from __future__ import annotations

from tonfall.timeline import SAMPLING_RATE, Turn

__all__ = ["exact_seconds", "judgement", "one_line", "utf8"]


def utf8(text: str) -> bytes:
    """UTF-8 of any string; half characters, as in undecodable file names, become "?"."""
    return text.encode("utf-8", "replace")


def one_line(text: str) -> str:
    r"""The text with every run of white space, line breaks included, made one space.

    >>> one_line("two\n  lines")
    'two lines'
    """
    return " ".join(text.split())


def exact_seconds(samples: int) -> str:
    """Seconds of a count of samples at 16 kHz, in plain decimals and without loss.

    >>> exact_seconds(1), exact_seconds(24000)
    ('0.0000625', '1.5')
    """
    whole, rest = divmod(samples, SAMPLING_RATE)
    # One sample is 62.5 microseconds, so seven digits hold every count.
    digits = f"{rest * 10_000_000 // SAMPLING_RATE:07d}".rstrip("0")
    return f"{whole}.{digits or '0'}"


def judgement(turn: Turn) -> str:
    """The turn's label and confidence as people read them.

    >>> from tonfall.timeline import Segment
    >>> judgement(Turn(Segment(0, 1), 0, "agent", "anger", 0.716))
    'anger 72 %'
    >>> judgement(Turn(Segment(0, 1), 0, "agent", "anger", 0.386, unclear=True))
    'unclear (anger? 39 %)'
    """
    if turn.guess is None or turn.confidence is None:
        return "not judged"
    confidence = f"{100 * turn.confidence:.0f} %"
    if turn.unclear:
        return f"{turn.label} ({turn.guess}? {confidence})"
    return f"{turn.guess} {confidence}"
