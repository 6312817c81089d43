"""RTP: audio in datagrams, put in order by their time stamps (RFC 3550 and 3551).

RTP knows no calls: who opens the port knows which call it is for, and says so. Anyone may send a
datagram, so none is refused: what cannot be used, or comes far faster than it is spoken, is counted
and dropped. Keep to the address that first sent one that :meth:`Rtp.accepts`, and drop what other
addresses send. A stream ends by the sender's goodbye on the same port (RFC 5761), or by silence,
which whoever reads the port measures.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import check_waveform
from tonfall.errors import ConfigError
from tonfall.serve.codecs.carrier import Carrier, Limits
from tonfall.serve.codecs.events import CallStarted, Channel, Counters, EndReason, Role
from tonfall.serve.codecs.jitter_buffer import JitterBuffer, Track
from tonfall.serve.codecs.messages import checked_identifier
from tonfall.serve.codecs.rtp_format import (
    COMFORT_NOISE,
    RtpFormat,
    formats_with,
)
from tonfall.serve.codecs.rtp_packet import (
    TIMESTAMPS,
    RtpPacket,
    goodbye,
    goodbyes,
    is_rtcp,
    parse,
    write,
)
from tonfall.serve.codecs.rtp_rate import ArrivalRate
from tonfall.serve.codecs.rtp_statistics import Reception
from tonfall.serve.codecs.rtp_timestamps import MovingTimestamps
from tonfall.serve.codecs.sending import Outgoing, check_channel_count, chunks
from tonfall.serve.codecs.stream_clock import Packet, StreamClock

__all__ = ["LONGEST_BUFFER_MS", "SHORTEST_BUFFER_MS", "Rtp", "packets_of"]

SHORTEST_BUFFER_MS = 60
LONGEST_BUFFER_MS = 200
FASTEST = 2.0
"""Clocks drift by far less, and a network that stood still catches up."""
SILENCE: FloatArray = np.zeros((1, 1), np.float32)
RTP_LIMITS = Limits(frame_bytes=8_192)
"""20 ms of two channels at 48 kHz are 3,840 bytes."""


class _Stream:
    """What is kept of a stream once its first packet told the format."""

    def __init__(self, form: RtpFormat, *, buffer_ms: int, counters: Counters) -> None:
        rate = form.sampling_rate
        depth = rate * buffer_ms // 1000
        clock = StreamClock[FloatArray](
            sampling_rate=rate, counters=counters, patience=depth, wrap=TIMESTAMPS
        )
        self.form = form
        self.reception = Reception(sampling_rate=rate)
        self.timestamps = MovingTimestamps()
        self.track = Track(clock, channels=form.channels, counters=counters)
        self.buffer = JitterBuffer((self.track,), depth=depth, counters=counters, silence=SILENCE)


class Rtp(Carrier):
    """One RTP stream.

    Args:
        call_id: of the call that the port was opened for.
        roles: who speaks on each channel; unknown where not said.
        formats: what the payload types 96 to 127 stand for, where they are used.
        buffer_ms: 60 to 200; how much audio after a missing packet must have come before it is
            given up. Packets that come in order are not held back.
        fastest: times real time, from 1 on: what comes faster for longer is dropped.
        limits: how much this stream may bring.

    Raises:
        ConfigError: an id, a payload type or a buffer outside these.
    """

    ends_by_closing: ClassVar[bool] = True

    def __init__(
        self,
        *,
        call_id: str,
        roles: Sequence[Role] = (),
        formats: Mapping[int, RtpFormat] | None = None,
        buffer_ms: int = 120,
        fastest: float = FASTEST,
        limits: Limits = RTP_LIMITS,
    ) -> None:
        super().__init__(limits=limits)
        if not SHORTEST_BUFFER_MS <= buffer_ms <= LONGEST_BUFFER_MS:
            raise ConfigError(
                f"The RTP buffer is {buffer_ms} ms, but {SHORTEST_BUFFER_MS} to "
                f"{LONGEST_BUFFER_MS} ms are possible."
            )
        self._call_id = checked_identifier(call_id, name="call_id")
        self._roles = roles
        self._formats = formats_with(formats or {})
        self._buffer_ms = buffer_ms
        self._stream: _Stream | None = None
        self._rate = ArrivalRate(fastest)

    @property
    def ssrc(self) -> int | None:
        """The sender that is followed."""
        return self._stream.reception.ssrc if self._stream else None

    @property
    def jitter_ms(self) -> float:
        """How much the time between packets varies, in milliseconds; 0 before the first."""
        return self._stream.reception.jitter_ms if self._stream else 0.0

    def accepts(self, datagram: bytes) -> bool:
        """True for a packet of audio that this stream can take: its sender may be kept to."""
        packet = self._parsed(datagram)
        return packet is not None and packet.payload_type in self._formats

    def _check_size(self, frame: str | bytes) -> None:
        """A datagram that is too long is dropped, as all others that cannot be read."""

    def _take(self, frame: str | bytes, now: float) -> None:
        packet = self._parsed(frame)
        if packet is None:
            self._take_other(frame)
            return
        form = self._formats.get(packet.payload_type)
        stream = self._stream
        if stream is None and form is not None:
            stream = self._stream = self._begin(packet, form)
        if stream is None:
            self.counters.ignored += 1
            return
        stream.reception.count(packet)
        self.counters.lost = stream.reception.lost
        if not self._rate.allows(_seconds(packet, form or stream.form), now=now):
            self.counters.too_fast += 1
            return
        self._on_packet(stream, packet, now)

    def _take_other(self, frame: str | bytes) -> None:
        """What is no audio packet: perhaps a control packet that ends the stream."""
        if isinstance(frame, str) or len(frame) > self.limits.frame_bytes or not is_rtcp(frame):
            self.counters.malformed += 1
        elif self.ssrc in goodbyes(frame):
            self._end(EndReason.BYE, complete=True)
            self._over = True
        else:
            self.counters.ignored += 1

    def _parsed(self, frame: str | bytes) -> RtpPacket | None:
        """The packet in a datagram, None where it cannot be read."""
        if isinstance(frame, str) or len(frame) > self.limits.frame_bytes:
            return None
        packet = parse(frame)
        if packet is None:
            return None
        form = self._formats.get(packet.payload_type)
        whole = form is None or len(packet.payload) % form.bytes_per_frame == 0
        return packet if whole else None

    def _begin(self, packet: RtpPacket, form: RtpFormat) -> _Stream:
        stream = _Stream(form, buffer_ms=self._buffer_ms, counters=self.counters)
        stream.reception.follow(packet)
        roles = (*self._roles, *[Role.UNKNOWN] * form.channels)[: form.channels]
        channels = tuple(Channel(role, str(index)) for index, role in enumerate(roles))
        parameters = {"ssrc": f"{packet.ssrc:08x}", "encoding": str(form.encoding)}
        self._start(CallStarted(self._call_id, form.sampling_rate, channels, parameters))
        return stream

    def _on_packet(self, stream: _Stream, packet: RtpPacket, now: float) -> None:
        samples = self._samples(stream, packet)
        if samples is None:
            self.counters.ignored += 1
            return
        stream.reception.measure(packet, now=now)
        timestamp = stream.timestamps.of(packet, length=samples.shape[1])
        placed = Packet(timestamp, samples, now, packet.ssrc)
        restart = stream.buffer.put(stream.track, placed)
        if restart is not None:
            stream.reception.follow(packet)
            self._restart(restart)
        self._tell_pieces(stream.buffer.take())

    def _samples(self, stream: _Stream, packet: RtpPacket) -> FloatArray | None:
        """(channels, n) samples, none of them for silence; None for what is no audio of ours."""
        if packet.payload_type == COMFORT_NOISE:
            return np.zeros((stream.form.channels, 0), np.float32)
        form = self._formats.get(packet.payload_type)
        if form is None or not packet.payload or not form.fits(stream.form):
            return None
        return form.decode(packet.payload)

    def _flush(self) -> None:
        if self._stream is not None:
            self._tell_pieces(self._stream.buffer.take(rest=True))


def _seconds(packet: RtpPacket, form: RtpFormat) -> float:
    """Of the audio in a packet of this format."""
    return len(packet.payload) / form.bytes_per_frame / form.sampling_rate


def packets_of(
    waveform: FloatArray,
    *,
    payload_type: int = 0,
    form: RtpFormat | None = None,
    ssrc: int = 1,
    sequence: int = 0,
    timestamp: int = 0,
) -> Iterator[Outgoing]:
    """A recording as RTP packets of 20 ms, and a goodbye.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        payload_type: 0 is PCMU, 8 PCMA, 10 and 11 L16.
        form: what the payload type stands for, where it is one of 96 to 127.
        ssrc: number of the sender.
        sequence: number of the first packet.
        timestamp: of the first packet.

    Raises:
        AudioError: no waveform.
        ConfigError: another number of rows than the format has, or an unknown payload type.
    """
    dynamic = {} if form is None else {payload_type: form}
    chosen = formats_with(dynamic).get(payload_type)
    if chosen is None:
        raise ConfigError(
            f"The RTP payload type {payload_type} needs a format; say what it stands for."
        )
    check_channel_count(waveform, chosen.channels, name="this RTP stream")
    check_waveform(waveform, chosen.sampling_rate)
    pieces = chunks(waveform, sampling_rate=chosen.sampling_rate)
    packets = (
        Outgoing(
            seconds,
            write(
                RtpPacket(
                    payload_type=payload_type,
                    marker=position == 0,
                    sequence=sequence + number,
                    timestamp=timestamp + position,
                    ssrc=ssrc,
                    payload=chosen.encode(piece),
                )
            ),
        )
        for number, (seconds, position, piece) in enumerate(pieces)
    )
    last = Outgoing(waveform.shape[1] / chosen.sampling_rate, goodbye(ssrc))
    return itertools.chain(packets, [last])
