"""The header of an RTP packet (RFC 3550, section 5.1), both ways."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = [
    "SEQUENCES",
    "TIMESTAMPS",
    "RtpPacket",
    "goodbye",
    "goodbyes",
    "is_rtcp",
    "parse",
    "write",
]

HEADER = struct.Struct(">BBHII")
EXTENSION = struct.Struct(">HH")
WORD = 4
VERSION = 2
SEQUENCES = 1 << 16
"""Sequence numbers start over there."""
TIMESTAMPS = 1 << 32
"""Time stamps start over there."""
RTCP = range(72, 77)
"""Payload types that RTCP packets on the same port look like (RFC 5761, section 4)."""
RTCP_HEADER = struct.Struct(">BBH")
BYE = 203


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet.

    Attributes:
        payload_type: 0 to 127: how the payload is written.
        marker: in audio, True on the first packet after a silence.
        sequence: counts packets, modulo 65,536.
        timestamp: of the first sample, modulo 2 to the 32nd.
        ssrc: a random number for the sender.
        payload: without padding.
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(datagram: bytes) -> RtpPacket | None:
    """The packet in a datagram, or None where there is none.

    >>> parse(bytes.fromhex("800000010000000200000003") + b"sound").payload
    b'sound'
    """
    if len(datagram) < HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
    payload_type = second & 0x7F
    if first >> 6 != VERSION or payload_type in RTCP:
        return None
    payload = _payload(datagram, first)
    if payload is None:
        return None
    return RtpPacket(payload_type, bool(second >> 7), sequence, timestamp, ssrc, payload)


def write(packet: RtpPacket) -> bytes:
    """The datagram of a packet, without anything optional in its header."""
    second = packet.payload_type | packet.marker << 7
    head = HEADER.pack(
        VERSION << 6,
        second,
        packet.sequence % SEQUENCES,
        packet.timestamp % TIMESTAMPS,
        packet.ssrc,
    )
    return head + packet.payload


def is_rtcp(datagram: bytes, start: int = 0) -> bool:
    """True where a control packet begins, on the port of the audio as well (RFC 5761)."""
    return (
        len(datagram) >= start + RTCP_HEADER.size
        and datagram[start] >> 6 == VERSION
        and datagram[start + 1] & 0x7F in RTCP
    )


def goodbyes(datagram: bytes) -> frozenset[int]:
    """The senders that say that they are done, in a control packet and those joined to it.

    >>> goodbyes(goodbye(7))
    frozenset({7})
    """
    gone: set[int] = set()
    start = 0
    while is_rtcp(datagram, start):
        first, kind, words = RTCP_HEADER.unpack_from(datagram, start)
        body = datagram[start + RTCP_HEADER.size : start + WORD * (words + 1)]
        if kind == BYE:
            sources = min(first & 0x1F, len(body) // WORD)
            gone.update(struct.unpack_from(f">{sources}I", body))
        start += WORD * (words + 1)
    return frozenset(gone)


def goodbye(ssrc: int) -> bytes:
    """The control packet by which a sender says that it is done (RFC 3550, section 6.6)."""
    return RTCP_HEADER.pack(VERSION << 6 | 1, BYE, 1) + struct.pack(">I", ssrc)


def _payload(datagram: bytes, first: int) -> bytes | None:
    """What lies between header and padding; None where the lengths do not add up."""
    start = HEADER.size + WORD * (first & 0x0F)
    if first & 0x10:
        if len(datagram) < start + EXTENSION.size:
            return None
        _, words = EXTENSION.unpack_from(datagram, start)
        start += EXTENSION.size + WORD * words
    stop = len(datagram)
    padded = bool(first & 0x20)
    if padded:
        stop -= datagram[-1]
    if start > stop or (padded and stop == len(datagram)):
        return None
    return datagram[start:stop]
