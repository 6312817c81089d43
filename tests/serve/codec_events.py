"""What the tests of all carriers share: playing frames, and the rules that all events obey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Carrier,
    CarrierError,
    CloseCode,
    Event,
    Gap,
    Identified,
    Outgoing,
    Probed,
    Reject,
    Reply,
)

E = TypeVar("E")
ANYWHERE = (Identified, Probed, CarrierError, Reply, Reject)


def play(carrier: Carrier, frames: Iterable[str | bytes], *, step_s: float = 0.02) -> list[Event]:
    """All events of frames that come at even times."""
    return [
        event
        for number, frame in enumerate(frames)
        for event in carrier.receive(frame, now=number * step_s)
    ]


def play_outgoing(carrier: Carrier, frames: Iterable[Outgoing]) -> list[Event]:
    """All events of frames that come when they were sent."""
    return [
        event for frame in frames for event in carrier.receive(frame.content, now=frame.seconds)
    ]


def only(kind: type[E], events: Sequence[Event]) -> list[E]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def heard(events: Sequence[Event]) -> FloatArray:
    """(channels, n) samples of all audio, with zeros for gaps."""
    channels = len(only(CallStarted, events)[0].channels)
    pieces = [np.zeros((channels, 0), np.float32)]
    for event in events:
        if isinstance(event, Audio):
            pieces.append(event.samples)
        elif isinstance(event, Gap):
            pieces.append(np.zeros((channels, event.samples), np.float32))
    return np.concatenate(pieces, axis=1)


def plain(events: Sequence[Event]) -> list[object]:
    """Events as values that can be compared: audio as its bytes."""
    return [
        ("audio", event.position, event.samples.shape, event.samples.tobytes())
        if isinstance(event, Audio)
        else event
        for event in events
    ]


def rejection(events: Sequence[Event], code: CloseCode) -> str:
    """The sentence of the one rejection, whose code must be this."""
    (reject,) = only(Reject, events)
    assert reject.code is code
    return reject.sentence


def check_rules(events: Sequence[Event], *, closed: bool) -> None:
    """What holds of the events of every connection, whatever came in."""
    kinds = [type(event) for event in events]
    assert kinds.count(CallStarted) <= 1
    assert kinds.count(CallEnded) <= kinds.count(CallStarted)
    if closed:
        assert kinds.count(CallEnded) == kinds.count(CallStarted)
    if Reject in kinds:
        assert set(kinds[kinds.index(Reject) + 1 :]) <= {Reply}
    outside = [event for event in events if not isinstance(event, ANYWHERE)]
    if outside:
        assert isinstance(outside[0], CallStarted)
        assert not only(CallEnded, outside[:-1])
    check_positions(events)


def check_positions(events: Sequence[Event]) -> None:
    """Audio and gaps follow each other without a step, in samples that are sound."""
    position = 0
    for event in events:
        if isinstance(event, Audio):
            channels = len(only(CallStarted, events)[0].channels)
            assert event.position == position
            assert event.samples.dtype == np.float32
            assert event.samples.shape[0] == channels
            assert event.samples.shape[1] > 0
            assert np.abs(event.samples).max() <= 1
            position += event.samples.shape[1]
        elif isinstance(event, Gap):
            assert event.position == position
            assert event.samples > 0
            position += event.samples


def noise(channels: int, samples: int, *, seed: int = 0) -> FloatArray:
    """(channels, samples) that no two pieces of are alike."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.9, 0.9, (channels, samples)).astype(np.float32)
