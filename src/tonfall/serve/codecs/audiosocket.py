"""Asterisk AudioSocket: packets over TCP, one call and one channel a connection.

A packet is its kind (1 byte), the length of its payload (2 bytes, big-endian) and the payload.
It may arrive in any number of parts.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import ClassVar
from uuid import UUID

from tonfall.arrays import FloatArray
from tonfall.audio import Encoding, RawFormat, check_waveform, decode_samples
from tonfall.errors import ConfigError
from tonfall.serve.codecs.carrier import DEFAULT_LIMITS, Carrier, Limits, Violation
from tonfall.serve.codecs.events import (
    CallStarted,
    CarrierError,
    Channel,
    CloseCode,
    EndReason,
    Identified,
    Role,
)
from tonfall.serve.codecs.sending import Outgoing, check_channel_count, chunks, s16

__all__ = ["SAMPLING_RATES", "AudioSocket", "Kind", "packet", "packet_end", "packets_of"]

HEADER = struct.Struct(">BH")
UUID_BYTES = 16


class Kind(IntEnum):
    """What a packet is, audio apart."""

    HANG_UP = 0x00
    UUID = 0x01
    DTMF = 0x03
    ERROR = 0xFF


SAMPLING_RATES: Mapping[int, int] = {
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Hz of each kind that is audio: signed 16-bit little-endian, mono."""


class AudioSocket(Carrier):
    """One AudioSocket connection.

    The call's id is told as soon as it comes, so that it can be checked; the call starts with
    the first audio, whose kind tells the sampling rate.

    Args:
        role: who speaks.
        limits: how much this connection may bring; the size of a packet is bounded by its
            header, that of what ``receive`` is given by who reads the socket.
    """

    ends_by_closing: ClassVar[bool] = True

    def __init__(self, *, role: Role = Role.UNKNOWN, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits=limits)
        self._role = role
        self._call_id = ""
        self._kind: int | None = None
        self._raw: RawFormat | None = None
        self._pending = bytearray()

    def _check_size(self, frame: str | bytes) -> None:
        """A stream has no frames."""

    def _take(self, frame: str | bytes, now: float) -> None:  # noqa: ARG002 - needs no clock
        if isinstance(frame, str):
            raise Violation(CloseCode.UNSUPPORTED_DATA, "Text came; AudioSocket is binary.")
        self._pending += frame
        while not self._over and len(self._pending) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._pending)
            end = HEADER.size + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[HEADER.size : end])
            del self._pending[:end]
            self._on_packet(kind, payload)

    def _refuse(self, violation: Violation) -> None:
        super()._refuse(violation)
        self._pending.clear()

    def _on_packet(self, kind: int, payload: bytes) -> None:
        if kind == Kind.HANG_UP:
            self._end(EndReason.HUNG_UP, complete=True)
            self._over = True
            self._pending.clear()
        elif kind == Kind.UUID:
            self._on_uuid(payload)
        elif kind == Kind.ERROR:
            code = payload[0] if payload else 0
            self._tell(CarrierError(code, f"Asterisk reports the AudioSocket error {code}."))
        elif kind == Kind.DTMF:
            self._check_identified()
            self._on_key(payload)
        elif kind in SAMPLING_RATES:
            self._check_identified()
            self._on_audio(kind, payload)
        else:
            self.counters.ignored += 1

    def _on_uuid(self, payload: bytes) -> None:
        if len(payload) != UUID_BYTES or self._call_id:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"A UUID packet of {len(payload)} bytes came, but one of {UUID_BYTES} is "
                "expected, once, at the start.",
            )
        self._call_id = str(UUID(bytes=payload))
        self._tell(Identified(self._call_id))

    def _check_identified(self) -> None:
        if not self._call_id:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "Audio or a key came before the UUID; send the UUID packet first.",
            )

    def _on_key(self, payload: bytes) -> None:
        # Before the first audio there is no call yet to place it in: it is passed over.
        self._press(payload.decode("ascii", "replace"))

    def _on_audio(self, kind: int, payload: bytes) -> None:
        if len(payload) % 2:
            raise Violation(
                CloseCode.INVALID_PAYLOAD,
                f"An audio packet has {len(payload)} bytes, but samples take two each; force "
                "signed linear audio with c(slin).",
            )
        raw = self._raw
        if raw is None or kind != self._kind:
            raw = self._raw = self._begin(kind)
        self.counters.packets += 1
        self._hear(decode_samples(payload, raw=raw))

    def _begin(self, kind: int) -> RawFormat:
        """The first audio tells the sampling rate, and with it the call starts."""
        if self._kind is not None:
            raise Violation(
                CloseCode.UNSUPPORTED_DATA,
                f"The sampling rate changed from {SAMPLING_RATES[self._kind]} to "
                f"{SAMPLING_RATES[kind]} Hz within the call; keep one codec.",
            )
        self._kind = kind
        channels = (Channel(self._role, "audiosocket"),)
        self._start(CallStarted(self._call_id, SAMPLING_RATES[kind], channels))
        return RawFormat(encoding=Encoding.S16LE, sampling_rate=SAMPLING_RATES[kind], channels=1)


def packet_end(buffer: bytes | bytearray, start: int) -> int | None:
    """Where the packet that begins at ``start`` ends; None where not all of it is there.

    >>> packet_end(packet(Kind.DTMF, b"5") + b"rest", 0), packet_end(b"rest", 0)
    (4, None)
    """
    if len(buffer) < start + HEADER.size:
        return None
    _, length = HEADER.unpack_from(buffer, start)
    end = start + HEADER.size + int(length)
    return end if end <= len(buffer) else None


def packet(kind: int, payload: bytes = b"") -> bytes:
    """One packet.

    >>> packet(Kind.DTMF, b"5").hex()
    '03000135'
    """
    return HEADER.pack(kind, len(payload)) + payload


def packets_of(
    waveform: FloatArray, *, call_id: UUID, sampling_rate: int = 8_000
) -> Iterator[Outgoing]:
    """A recording as the packets that Asterisk would send of it.

    Args:
        waveform: (1, samples) float32 in [-1, 1].
        call_id: of the call.
        sampling_rate: Hz, one of :data:`SAMPLING_RATES`.

    Raises:
        AudioError: no waveform.
        ConfigError: more than one row, or a sampling rate that has no kind of packet.
    """
    check_channel_count(waveform, 1, name="AudioSocket")
    check_waveform(waveform, sampling_rate)
    kinds = {rate: kind for kind, rate in SAMPLING_RATES.items()}
    if sampling_rate not in kinds:
        raise ConfigError(
            f"The sampling rate is {sampling_rate} Hz, but AudioSocket has "
            f"{', '.join(map(str, kinds))} Hz only; resample the audio first."
        )
    kind = kinds[sampling_rate]
    audio = (
        Outgoing(seconds, packet(kind, s16(piece)))
        for seconds, _, piece in chunks(waveform, sampling_rate=sampling_rate)
    )
    first = Outgoing(0.0, packet(Kind.UUID, call_id.bytes))
    last = Outgoing(waveform.shape[1] / sampling_rate, packet(Kind.HANG_UP))
    return itertools.chain([first], audio, [last])
