"""Asterisk's chan_websocket: raw audio in binary frames, control in text frames.

Control messages are plain lines or, from Asterisk 20.18, 22.8 and 23.2 on, JSON objects where
``control_message_format=json``; both are taken. The protocol has no message for the end: the
socket closes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter

from tonfall.arrays import FloatArray
from tonfall.audio import Encoding, RawFormat, check_waveform, decode_samples, encode_mulaw
from tonfall.serve.codecs.carrier import DEFAULT_LIMITS, Carrier, Limits, Violation
from tonfall.serve.codecs.events import CallStarted, Channel, CloseCode, Role
from tonfall.serve.codecs.messages import (
    JsonMessage,
    UnknownMessageError,
    checked_identifier,
    read_message,
)
from tonfall.serve.codecs.sending import Outgoing, check_channel_count, chunks

__all__ = ["FORMATS", "ChanWebSocket", "messages_of"]

FORMATS: Mapping[str, tuple[Encoding, int]] = {
    "ulaw": (Encoding.MULAW, 8_000),
    "alaw": (Encoding.ALAW, 8_000),
    "slin": (Encoding.S16LE, 8_000),
    "slin12": (Encoding.S16LE, 12_000),
    "slin16": (Encoding.S16LE, 16_000),
    "slin24": (Encoding.S16LE, 24_000),
    "slin32": (Encoding.S16LE, 32_000),
    "slin44": (Encoding.S16LE, 44_100),
    "slin48": (Encoding.S16LE, 48_000),
    "slin96": (Encoding.S16LE, 96_000),
    "slin192": (Encoding.S16LE, 192_000),
}
"""How Asterisk's codecs are written, and their sampling rates in Hz."""


_Name = Annotated[str, Field(min_length=1, max_length=256)]
"""Whatever an operator called an endpoint, in any script: ``PJSIP/büro-0000001``."""


class _MediaStart(JsonMessage):
    event: Literal["MEDIA_START"]
    connection_id: _Name
    channel: _Name
    channel_id: _Name | None = None
    format: Annotated[str, Field(max_length=32)]


class _DtmfEnd(JsonMessage):
    event: Literal["DTMF_END"]
    digit: Any = None


_MESSAGE: TypeAdapter[_MediaStart | _DtmfEnd] = TypeAdapter(
    Annotated[_MediaStart | _DtmfEnd, Field(discriminator="event")]
)


class ChanWebSocket(Carrier):
    """One media WebSocket of Asterisk: one channel.

    Args:
        role: who speaks.
        limits: how much this connection may bring.
    """

    ends_by_closing: ClassVar[bool] = True

    def __init__(self, *, role: Role = Role.UNKNOWN, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits=limits)
        self._role = role
        self._format: RawFormat | None = None

    def _take(self, frame: str | bytes, now: float) -> None:  # noqa: ARG002 - needs no clock
        if isinstance(frame, bytes):
            self._on_audio(frame)
            return
        try:
            message = read_message(_MESSAGE, _as_json(frame))
        except UnknownMessageError:
            self.counters.ignored += 1
            return
        match message:
            case _MediaStart():
                self._on_start(message)
            case _DtmfEnd():
                self._press(message.digit)

    def _started(self) -> RawFormat:
        if self._format is None:
            raise Violation(
                CloseCode.PROTOCOL_ERROR, "Something came before MEDIA_START, which comes first."
            )
        return self._format

    def _on_start(self, start: _MediaStart) -> None:
        if self._format is not None:
            raise Violation(CloseCode.PROTOCOL_ERROR, "A second MEDIA_START came on one socket.")
        if start.format not in FORMATS:
            raise Violation(
                CloseCode.UNSUPPORTED_DATA,
                "The codec is not one of those that can be read; dial with c(ulaw), c(alaw) or "
                "c(slin16).",
            )
        encoding, sampling_rate = FORMATS[start.format]
        self._format = RawFormat(encoding=encoding, sampling_rate=sampling_rate, channels=1)
        # The connection's id may be the name of a client in Asterisk's settings: many calls.
        call_id = start.channel_id or start.channel
        names = {"connection_id": start.connection_id, "channel": start.channel}
        # Not the channel's name, which may be that of a person: PJSIP/hans.mueller-0000001.
        channels = (Channel(self._role, "chan_websocket"),)
        self._start(CallStarted(call_id, sampling_rate, channels, names))

    def _on_audio(self, frame: bytes) -> None:
        raw = self._started()
        if len(frame) % raw.bytes_per_frame:
            raise Violation(
                CloseCode.INVALID_PAYLOAD,
                f"A binary frame has {len(frame)} bytes, but samples take two each; send whole "
                "samples.",
            )
        self.counters.packets += 1
        self._hear(decode_samples(frame, raw=raw))


def _as_json(frame: str) -> str:
    """A control message as JSON, whichever way it was written."""
    if frame.lstrip().startswith("{"):
        return frame
    event, *words = frame.split() or [""]
    pairs = (word.partition(":") for word in words)
    return json.dumps({"event": event} | {name: value for name, _, value in pairs})


def messages_of(
    waveform: FloatArray,
    *,
    connection_id: str,
    channel: str = "WebSocket/test",
    as_json: bool = False,
) -> Iterator[Outgoing]:
    """A recording as the frames that Asterisk would send of it, in mu-law.

    Args:
        waveform: (1, samples) float32 at 8 kHz.
        connection_id: of the media WebSocket.
        channel: the name of Asterisk's channel.
        as_json: True for control messages in JSON, False for plain lines.

    Raises:
        AudioError: no waveform.
        ConfigError: more than one row, or a name that cannot be sent.
    """
    check_channel_count(waveform, 1, name="chan_websocket")
    check_waveform(waveform, 8_000)
    fields = {
        "connection_id": checked_identifier(connection_id, name="connection_id"),
        "channel": checked_identifier(channel, name="channel"),
        "format": "ulaw",
        "optimal_frame_size": 160,
    }
    plain = " ".join(["MEDIA_START", *(f"{name}:{value}" for name, value in fields.items())])
    start = json.dumps({"event": "MEDIA_START"} | fields) if as_json else plain
    audio = (
        Outgoing(seconds, encode_mulaw(piece[0]))
        for seconds, _, piece in chunks(waveform, sampling_rate=8_000)
    )
    return itertools.chain([Outgoing(0.0, start)], audio)
