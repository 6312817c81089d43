"""What one RTP sender's packets say of the network: how many were lost, how unevenly they come."""

from __future__ import annotations

from tonfall.serve.codecs.rtp_packet import SEQUENCES, TIMESTAMPS, RtpPacket

__all__ = ["Reception"]

WINDOW = 1024
"""Packets back from the newest for which it is known which came: 20 s."""
LARGEST_STEP = 3000
"""Packets: a larger step forward is a sender that counts anew, not a loss (RFC 3550, A.1)."""
SMOOTHING = 16
"""Packets over which jitter is averaged (RFC 3550, 6.4.1)."""


class Reception:
    """Counts one sender's packets by their sequence numbers.

    Args:
        sampling_rate: of the time stamps, in Hz.
    """

    def __init__(self, *, sampling_rate: int) -> None:
        self.ssrc: int | None = None
        self._rate = sampling_rate
        self._lost_before = 0
        self._expected = 0
        self._received = 0
        self._newest = 0
        self._seen = 0
        self._jitter = 0.0
        self._last: tuple[int, float] | None = None

    @property
    def lost(self) -> int:
        """Packets that did not come (yet), of all senders so far."""
        return self._lost_before + self._expected - self._received

    @property
    def jitter_ms(self) -> float:
        """How much the time between packets varies, in milliseconds (RFC 3550, 6.4.1)."""
        return 1000 * self._jitter / self._rate

    def follow(self, packet: RtpPacket) -> None:
        """From here on, count the packets of the sender of this one."""
        self.ssrc = packet.ssrc
        self._begin(packet.sequence)
        self._last = None

    def count(self, packet: RtpPacket) -> None:
        """Count a packet of whatever type; those of other senders do not matter."""
        if packet.ssrc != self.ssrc:
            return
        step = (packet.sequence - self._newest) % SEQUENCES
        if step >= SEQUENCES // 2:
            self._count_older(SEQUENCES - step)
        elif step > LARGEST_STEP:
            self._begin(packet.sequence)
        elif step:
            self._newest = packet.sequence
            self._expected += step
            self._received += 1
            self._seen = (self._seen << step | 1) & ((1 << WINDOW) - 1)

    def measure(self, packet: RtpPacket, *, now: float) -> None:
        """Update the jitter.

        Args:
            packet: of audio.
            now: seconds of the receiver's clock.
        """
        if packet.ssrc != self.ssrc:
            return
        if self._last is not None:
            before, then = self._last
            half = TIMESTAMPS // 2
            elapsed = (packet.timestamp - before + half) % TIMESTAMPS - half
            deviation = abs((now - then) * self._rate - elapsed)
            self._jitter += (deviation - self._jitter) / SMOOTHING
        self._last = (packet.timestamp, now)

    def _begin(self, sequence: int) -> None:
        self._lost_before = self.lost
        self._expected = self._received = self._seen = 1
        self._newest = sequence

    def _count_older(self, age: int) -> None:
        """A packet that was missing so far, unless it is there twice or before the first."""
        if age < min(WINDOW, self._expected) and not self._seen >> age & 1:
            self._seen |= 1 << age
            self._received += 1
