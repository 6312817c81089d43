"""Calls for tests of the desk: audio as a carrier would tell it, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.runtime import Predictor
from tonfall.serve.calls import Desk, LiveCall
from tonfall.serve.codecs import Audio, CallEnded, CallStarted, Channel, EndReason, Event, Role
from tonfall.serve.records import CallClosed, Change, TurnHeard, WindowHeard
from tonfall.timeline import Turn, Window

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000
TENANT = "acme"
Kind = TypeVar("Kind")
CUSTOMER, AGENT, UNKNOWN = Role.CUSTOMER, Role.AGENT, Role.UNKNOWN


class Shop:
    """A desk, and all that it told."""

    def __init__(self, predictor: Predictor, **options: object) -> None:
        self.told: list[Change] = []
        options.setdefault("submit", self.told.append)
        options.setdefault("rules", ())
        self.desk = Desk(predictor, **options)  # type: ignore[arg-type]

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_error: object) -> None:
        self.desk.close()

    def windows(self, call: LiveCall) -> list[Window]:
        """The call's windows, in order of time and channel."""
        return windows_of(self.told, call)

    def closed(self, call: LiveCall) -> CallClosed:
        """The end of a call, told once."""
        [closed] = [each for each in of_kind(self.told, CallClosed) if each.call == call.id]
        return closed


def example(start: float = 0.0, end: float | None = None) -> FloatArray:
    """(2, n) samples at 8 kHz of the example call, from ``start`` to ``end`` seconds."""
    waveform, rate = read(EXAMPLE)
    assert rate == RATE
    return waveform[:, int(start * rate) : None if end is None else int(end * rate)].copy()


def started(*roles: Role, call_id: str = "CA1", rate: int = RATE) -> CallStarted:
    """How a call with channels of these roles begins."""
    channels = tuple(Channel(role, f"track{number}") for number, role in enumerate(roles))
    return CallStarted(call_id, rate, channels)


def packets(
    samples: FloatArray, *, lengths: Iterable[int] | None = None, position: int = 0
) -> Iterator[Audio]:
    """The samples in packets of these lengths, and then of 20 ms."""
    every, start = iter(lengths or ()), 0
    while start < samples.shape[1]:
        end = start + next(every, RATE // 50)
        part = samples[:, start:end]
        yield Audio(part, position + start)
        start += part.shape[1]


def play(call: LiveCall, events: Iterable[Event], *, end: bool = True) -> None:
    """Tell a call all of this as fast as it has room for it, and its end."""
    until = time.monotonic() + 60
    for event in events:
        while call.congested and time.monotonic() < until:
            time.sleep(0.005)
        call.take(event)
    if end:
        call.take(CallEnded(EndReason.STOP, complete=True))


def open_call(desk: Desk, *roles: Role, call_id: str = "CA1", **options: object) -> LiveCall:
    """A call of the tenant ``acme`` over Twilio."""
    return desk.open(
        started(*(roles or (CUSTOMER, AGENT)), call_id=call_id),
        tenant=TENANT,
        carrier="twilio",
        **options,  # type: ignore[arg-type]
    )


def finish(*calls: LiveCall) -> None:
    """Wait until they are over; on a busy machine minutes of computing take long."""
    for call in calls:
        assert call.finished(300)


def windows_of(changes: Sequence[Change], call: LiveCall) -> list[Window]:
    """The call's windows, in order of time and channel."""
    windows = [c.window for c in changes if isinstance(c, WindowHeard) and c.call == call.id]
    return sorted(windows, key=lambda window: (window.segment.end, window.channel))


def turns_of(changes: Sequence[Change], call: LiveCall) -> list[Turn]:
    """The call's turns, in order of time and channel."""
    turns = [c.turn for c in changes if isinstance(c, TurnHeard) and c.call == call.id]
    return sorted(turns, key=lambda turn: (turn.segment.start, turn.channel))


def of_kind(changes: Iterable[Change], kind: type[Kind]) -> list[Kind]:
    """The changes of this kind."""
    return [change for change in changes if isinstance(change, kind)]


def noise(seconds: float, *, channels: int = 2) -> FloatArray:
    """(channels, n) samples at 8 kHz of faint noise."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.001, (channels, int(seconds * RATE))).astype(np.float32)
