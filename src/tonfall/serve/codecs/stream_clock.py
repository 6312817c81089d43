"""Where a packet belongs in a call, told from its time stamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tonfall.serve.codecs.events import Counters

__all__ = ["JUMP_S", "Packet", "Samples", "StreamClock"]

Samples = TypeVar("Samples", npt.NDArray[np.float32], npt.NDArray[np.uint8])
"""Audio as it is, or as codes of G.711 that are decoded once they are in order."""

JUMP_S = 10
"""Seconds: a time stamp that is farther off belongs to another stream."""
CONFIRMED_S = 1
"""Seconds: two packets that are far off from the rest, but as near as this, agree."""
LONGEST_SILENCE_S = 86_400.0


class Packet(NamedTuple, Generic[Samples]):
    """Audio with its time stamp.

    Attributes:
        timestamp: in samples, of a clock that may start anywhere.
        samples: (channels, n) samples or codes; n = 0 says that there is silence from here on.
        now: seconds of the receiver's clock when it came.
        source: a number that changes with the sender (RTP's SSRC).
    """

    timestamp: int
    samples: Samples
    now: float
    source: int = 0

    @property
    def length(self) -> int:
        """In samples."""
        length: int = self.samples.shape[1]
        return length


@dataclass(slots=True)
class _Anchor:
    """The newest packet: by its place, those of all others of its source are told."""

    source: int
    timestamp: int
    position: int
    length: int = 0
    now: float | None = None


class StreamClock(Generic[Samples]):
    """Tells positions, in samples since the call's start, of one sender's packets.

    A packet of another source, or more than ten seconds off, is held. If the next one agrees
    with it, another stream has begun: it goes on where the one before ended, after as much
    silence as the receiver's clock saw. Otherwise it was a stray.

    Args:
        sampling_rate: of the time stamps, in Hz.
        counters: counts restarts, and strays as late.
        patience: in samples; packets may come that much late without there being silence.
        wrap: time stamps start over there; None where they never do.
        origin: the time stamp of the call's start; None where the first packet says it.
    """

    def __init__(
        self,
        *,
        sampling_rate: int,
        counters: Counters,
        patience: int,
        wrap: int | None = None,
        origin: int | None = None,
    ) -> None:
        self._rate = sampling_rate
        self._near = JUMP_S * sampling_rate
        self._counters = counters
        self._patience = patience
        self._wrap = wrap
        self._anchor = None if origin is None else _Anchor(0, origin, 0)
        self._held: Packet[Samples] | None = None

    def follow(self, packet: Packet[Samples], *, newest: int) -> int | None:
        """The position of a packet of the stream that is known, and not far off.

        Args:
            packet: the next that came.
            newest: position of the newest packet in the call, to tell how far off this one is.

        Returns:
            None where it may be a stray or another stream's: see :meth:`consider`.
        """
        anchor = self._anchor
        if anchor is None:
            anchor = self._anchor = _anchor(packet, newest)
        elif packet.source != anchor.source:
            return None
        position = anchor.position + self._since(anchor.timestamp, packet.timestamp)
        if not -self._near <= position - newest <= self._near:
            return None
        if self._held is not None:
            self._let_go()
        if position >= anchor.position:
            anchor.timestamp, anchor.position = packet.timestamp, position
            anchor.length, anchor.now = packet.samples.shape[1], packet.now
        return position

    def consider(self, packet: Packet[Samples], *, end: int) -> list[tuple[int, Packet[Samples]]]:
        """Hold a packet that :meth:`follow` did not place, or see that a stream began with it.

        Args:
            packet: the one that was not placed.
            end: position where another stream would go on.

        Returns:
            The position of the packet that was held and of this one where they agree, the first
            of them being where the other stream begins; else nothing.
        """
        held = self._held
        if held is None or not self._agree(held, packet):
            self._let_go()
            self._held = packet
            return []
        self._held = None
        self._counters.restarts += 1
        first = end + self._silence(held)
        position = first + self._since(held.timestamp, packet.timestamp)
        self._anchor = _anchor(packet, position)
        return [(first, held), (position, packet)]

    def _since(self, before: int, timestamp: int) -> int:
        """Samples between two time stamps, by the shorter way round where they wrap."""
        if self._wrap is None:
            return timestamp - before
        half = self._wrap // 2
        return (timestamp - before + half) % self._wrap - half

    def _agree(self, held: Packet[Samples], packet: Packet[Samples]) -> bool:
        since = self._since(held.timestamp, packet.timestamp)
        return held.source == packet.source and 0 < since <= CONFIRMED_S * self._rate

    def _silence(self, packet: Packet[Samples]) -> int:
        """Samples by the receiver's clock between the last stream's end and a packet."""
        anchor = self._anchor
        if anchor is None or anchor.now is None:
            return 0
        elapsed = min(packet.now - anchor.now, LONGEST_SILENCE_S)
        silence = round(elapsed * self._rate) - anchor.length
        return silence if silence > self._patience else 0

    def _let_go(self) -> None:
        """Nothing confirmed the held packet: it was a stray."""
        self._counters.late += self._held is not None
        self._held = None


def _anchor(packet: Packet[Samples], position: int) -> _Anchor:
    return _Anchor(packet.source, packet.timestamp, position, packet.length, packet.now)
