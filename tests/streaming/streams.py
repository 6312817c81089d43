"""Streams for tests: sounds, ways to cut them, and what is to be the same whatever the cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.streaming import Engine, Event, Scorer, Stream, TurnEnded, WindowScored
from tonfall.timeline import Turn, Window

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000

SCORES = 1e-6
"""Batches of another shape may add in another order, which moves the last bits of float32."""


def example(start: float = 0.0, end: float | None = None) -> FloatArray:
    """(2, n) samples at 8 kHz of the example call, from ``start`` to ``end`` seconds."""
    waveform, rate = read(EXAMPLE)
    assert rate == RATE
    return waveform[:, int(start * rate) : None if end is None else int(end * rate)].copy()


def white_noise(seconds: float, *, level: float = 0.01, channels: int = 1) -> FloatArray:
    """(channels, n) samples at 8 kHz."""
    rng = np.random.default_rng(0)
    return rng.normal(0, level, (channels, int(seconds * RATE))).astype(np.float32)


def cut(samples: FloatArray, lengths: Iterable[int]) -> list[FloatArray]:
    """The samples in chunks of these lengths, and then the rest."""
    return np.split(samples, np.cumsum(list(lengths), dtype=int), axis=1)


def push_all(stream: Stream, chunks: Iterable[FloatArray]) -> list[Event]:
    """Everything that a stream tells of chunks that are all it gets."""
    events = [event for chunk in chunks for event in stream.push(chunk)]
    return events + stream.close()


def serve_all(engines: Sequence[Engine], scorer: Scorer) -> list[list[Event]]:
    """The last that engines tell, closed and served together."""
    for engine in engines:
        engine.close()
    scorer.serve(engines)
    return [engine.take_events() for engine in engines]


def turns_of(events: Iterable[Event]) -> list[Turn]:
    """In order of time and channel."""
    turns = [event.turn for event in events if isinstance(event, TurnEnded)]
    return sorted(turns, key=lambda turn: (turn.segment, turn.channel))


def windows_of(events: Iterable[Event]) -> list[Window]:
    """In order of time and channel."""
    windows = [event.window for event in events if isinstance(event, WindowScored)]
    return sorted(windows, key=lambda window: (window.segment.end, window.channel))


def assert_same(
    found: Sequence[Event], expected: Sequence[Event], *, within: float = SCORES
) -> None:
    """The same turns and windows: all but the scores to the bit, the scores within a bound."""
    for of in (turns_of, windows_of):
        ours, theirs = of(found), of(expected)
        assert [_facts(value) for value in ours] == [_facts(value) for value in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert _scores(one) == pytest.approx(_scores(other), rel=0, abs=within)


def _facts(value: Turn | Window) -> Turn | Window:
    return replace(
        value, probabilities=(), confidence=None, arousal=None, valence=None, dominance=None
    )


def _scores(value: Turn | Window) -> tuple[float, ...]:
    named = (value.confidence, value.arousal, value.valence, value.dominance)
    return (*value.probabilities, *(score for score in named if score is not None))
