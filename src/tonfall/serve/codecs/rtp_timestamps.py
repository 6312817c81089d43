"""Time stamps of senders whose own stand still, as some gateways' do."""

from __future__ import annotations

from dataclasses import dataclass

from tonfall.serve.codecs.rtp_packet import SEQUENCES, TIMESTAMPS, RtpPacket

__all__ = ["MovingTimestamps"]

NEAR = 1024
"""Packets: two whose numbers are farther apart are not put in order by them."""
MOST_SENDERS = 8
"""That are remembered: anybody may send a packet under another number."""


@dataclass(slots=True)
class _Newest:
    """The newest packet of audio of a sender, and the time stamp that was told for it."""

    packet: RtpPacket
    told: int
    length: int


class MovingTimestamps:
    """Tells the time stamps of packets of audio, by their numbers where they stand still.

    Two packets of audio never begin at the same time. Where the next one, by its number, has the
    time stamp of the one before, the sender does not count: from there on a packet's place is told
    from its number and the length of the packets, until time stamps move again.
    """

    def __init__(self) -> None:
        self._senders: dict[int, _Newest] = {}

    def of(self, packet: RtpPacket, *, length: int) -> int:
        """The time stamp to place a packet by.

        Args:
            packet: the next that came.
            length: of its audio, in samples; 0 where it only says that there is silence.
        """
        before = self._senders.get(packet.ssrc)
        if before is None:
            if length:
                self._remember(packet, length)
            return packet.timestamp
        moved = (packet.timestamp - before.packet.timestamp) % TIMESTAMPS
        step = _signed(packet.sequence - before.packet.sequence)
        if not moved and length and abs(step) <= NEAR:
            moved = step * before.length
        told = (before.told + moved) % TIMESTAMPS
        if step > 0 and length:
            before.packet, before.told, before.length = packet, told, length
        return told

    def _remember(self, packet: RtpPacket, length: int) -> None:
        if len(self._senders) >= MOST_SENDERS:
            del self._senders[next(iter(self._senders))]
        self._senders[packet.ssrc] = _Newest(packet, packet.timestamp, length)


def _signed(step: int) -> int:
    """Packets from one number to another, by the shorter way round."""
    half = SEQUENCES // 2
    return (step + half) % SEQUENCES - half
