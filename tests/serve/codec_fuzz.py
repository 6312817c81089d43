"""Any bytes as a connection to a carrier, and what must hold of it whatever they are.

The bytes are a row of steps: a byte that says what is done, two bytes of length (big-endian), and
that many bytes to do it with. ``tests/fuzz/fuzz_codecs.py`` lets a fuzzer choose them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from codec_events import check_rules, only

from tonfall.serve.codecs import (
    AudioHook,
    AudioSocket,
    CallStarted,
    Carrier,
    ChanWebSocket,
    Event,
    Limits,
    Native,
    Reply,
    Rtp,
    RtpEncoding,
    RtpFormat,
    Twilio,
)

__all__ = ["CODECS", "MOST_HELD", "held_bytes", "play_bytes", "steps_of", "written"]

SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
LIMITS = Limits(frame_bytes=65_536, call_s=7200)
MOST_HELD = 4_000_000
"""Bytes: ten seconds of all channels of the richest format, and what is kept of names."""
CODECS: Mapping[str, Callable[[], Carrier]] = {
    "native": lambda: Native(limits=LIMITS),
    "twilio": lambda: Twilio(limits=LIMITS),
    "audiohook": lambda: AudioHook(session_id=SESSION, organization_id=SESSION, limits=LIMITS),
    "audiosocket": lambda: AudioSocket(limits=LIMITS),
    "chan_websocket": lambda: ChanWebSocket(limits=LIMITS),
    "rtp": lambda: Rtp(
        call_id="c1", formats={97: RtpFormat(RtpEncoding.L16, 8000, 2)}, limits=LIMITS
    ),
}
"""Each carrier, new."""


def steps_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The steps that bytes stand for; what is cut off at the end is a shorter step."""
    start = 0
    while start + 3 <= len(data):
        length = int.from_bytes(data[start + 1 : start + 3], "big")
        yield data[start], data[start + 3 : start + 3 + length]
        start += 3 + length


def written(*frames: str | bytes) -> bytes:
    """The bytes that stand for these frames."""
    steps = []
    for frame in frames:
        content = frame.encode(errors="surrogatepass") if isinstance(frame, str) else frame
        kind = 0 if isinstance(frame, str) else 1
        steps.append(bytes([kind]) + len(content).to_bytes(2, "big") + content)
    return b"".join(steps)


def play_bytes(codec: str, data: bytes) -> list[Event]:
    """Play bytes to a new carrier, and check the rules of events and of memory."""
    carrier = CODECS[codec]()
    events: list[Event] = []
    now = 0.0
    for kind, content in steps_of(data):
        now += 0.02
        if kind % 4 == 2:
            now += int.from_bytes(content[:2], "big") / 10
        elif kind % 4 == 3:
            events += _acted(carrier, content)
        else:
            frame = content.decode(errors="replace") if kind % 4 == 0 else content
            events += carrier.receive(frame, now=now)
        assert held_bytes(carrier) < MOST_HELD
    events += carrier.close(clean=bool(len(data) % 2))
    check_rules(events, closed=True)
    _check_replies(events)
    return events


def _acted(carrier: Carrier, content: bytes) -> list[Event]:
    """Something that the server does by itself."""
    if not isinstance(carrier, AudioHook):
        return carrier.close() if content == b"close" else []
    acts: list[Callable[[], list[Event]]] = [
        carrier.finish,
        carrier.pause,
        carrier.resume,
        carrier.reconnect,
        lambda: carrier.disconnect("completed"),
    ]
    return acts[(content or b"\0")[0] % len(acts)]()


def _check_replies(events: list[Event]) -> None:
    for reply in only(Reply, events):
        if isinstance(reply.content, str):
            json.loads(reply.content)
    for call in only(CallStarted, events):
        assert 1 <= len(call.channels) <= 8


def held_bytes(value: object, seen: set[int] | None = None) -> int:
    """Roughly how many bytes an object holds on to."""
    seen = set() if seen is None else seen
    held = value.base if isinstance(value, np.ndarray) and value.base is not None else value
    if id(held) in seen:
        return 8
    seen.add(id(held))
    if isinstance(held, np.ndarray):
        return int(held.nbytes)
    if isinstance(held, str | bytes | bytearray):
        return len(held)
    if isinstance(held, Enum) or held is None or isinstance(held, int | float):
        return 8
    return 8 + sum(held_bytes(part, seen) for part in _parts(held))


def _parts(value: Any) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "deque":
        yield from value
    elif is_dataclass(value):
        yield from (getattr(value, field.name) for field in fields(value))
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from vars(value).values()
