"""Twilio Media Streams: a fork of a call (``<Start><Stream>``) as JSON text frames.

Each track comes in messages of its own. They are ordered, and put side by side, by their
``timestamp`` alone: whether Twilio's counters are shared by both tracks is not documented.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import check_waveform, decode_mulaw, encode_mulaw
from tonfall.serve.codecs.carrier import DEFAULT_LIMITS, Carrier, Limits, Violation
from tonfall.serve.codecs.events import CallStarted, Channel, CloseCode, EndReason, Role
from tonfall.serve.codecs.jitter_buffer import JitterBuffer, Track
from tonfall.serve.codecs.messages import (
    UnknownMessageError,
    base64_bytes,
    checked_identifier,
    read_message,
    text_of,
)
from tonfall.serve.codecs.sending import Outgoing, check_channel_count, chunks
from tonfall.serve.codecs.stream_clock import Packet, StreamClock
from tonfall.serve.codecs.twilio_messages import (
    MESSAGE,
    Connected,
    DtmfMessage,
    Media,
    Start,
    StartBody,
    Stop,
    usual_media,
)

__all__ = ["DEFAULT_ROLES", "SAMPLING_RATE", "Stream", "Twilio", "messages_of"]

SAMPLING_RATE = 8000
PER_MS = SAMPLING_RATE // 1000
DEPTH_MS = 200
"""By this much one track may be behind the other before it is taken to be silent."""
DEFAULT_ROLES: Mapping[str, Role] = {"inbound": Role.CUSTOMER, "outbound": Role.AGENT}
"""As on an incoming call, where inbound is what the customer says."""
Codes = npt.NDArray[np.uint8]
"""Mu-law, as it came: it is decoded once it is in order."""
SILENCE: Codes = np.full((1, 1), 0xFF, np.uint8)
_CODE = np.dtype(np.uint8)
FORMAT = ("audio/x-mulaw", SAMPLING_RATE, 1)


class State(Enum):
    """What has come so far."""

    WAITING = auto()
    CONNECTED = auto()
    STREAMING = auto()


class Twilio(Carrier):
    """One Media Stream.

    Args:
        roles: who speaks on "inbound" and on "outbound"; depends on which leg is forked.
        account_sid: the account that streams may come from; None takes any.
        limits: how much this connection may bring.
    """

    def __init__(
        self,
        *,
        roles: Mapping[str, Role] = DEFAULT_ROLES,
        account_sid: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(limits=limits)
        self._roles = roles
        self._account_sid = account_sid
        self._state = State.WAITING
        self._stream_sid = ""
        self._tracks: dict[str, Track[Codes]] = {}
        self._buffer: JitterBuffer[Codes] | None = None
        self._usual: Callable[[str], re.Match[str] | None] | None = None

    def _take(self, frame: str | bytes, now: float) -> None:
        if self._usual is not None and self._buffer is not None and type(frame) is str:
            usual = self._usual(frame)
            if usual is not None:
                _, track, timestamp, payload = usual.groups()
                self._on_piece(track, int(timestamp), payload, self._buffer, now)
                return
        self._take_message(frame, now)

    def _take_message(self, frame: str | bytes, now: float) -> None:
        """The careful way, for all but a stream's audio in its usual form."""
        try:
            message = read_message(MESSAGE, text_of(frame))
        except UnknownMessageError:
            self.counters.ignored += 1
            return
        match message:
            case Media():
                self._on_media(message, now)
            case Connected():
                self._on_connected()
            case Start():
                self._on_connected()  # Some say nothing before start.
                self._move(State.CONNECTED, State.STREAMING)
                self._on_start(message)
            case DtmfMessage():
                self._press(message.dtmf.digit)
            case Stop():
                self._check_stream(message.stream_sid)
                self._end(EndReason.STOP, complete=True)
                self._over = True

    def _on_connected(self) -> None:
        """Once is enough, and more does no harm."""
        if self._state is State.WAITING:
            self._state = State.CONNECTED

    def _move(self, expected: State, state: State) -> None:
        if self._state is not expected:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"A message for a stream that is {expected.name.lower()} came to one that is "
                f"{self._state.name.lower()}; send connected, start, media and stop in order.",
            )
        self._state = state

    def _check_stream(self, stream_sid: str) -> None:
        self._move(State.STREAMING, State.STREAMING)
        if stream_sid != self._stream_sid:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "A message names another stream than start did; use one socket for each stream.",
            )

    def _on_start(self, message: Start) -> None:
        body = message.start
        self._check_start(body)
        self._stream_sid = body.stream_sid
        self._check_stream(message.stream_sid)
        self._usual = usual_media(body.stream_sid).fullmatch
        self._tracks = {name: self._new_track() for name in body.tracks}
        self._buffer = JitterBuffer(
            tuple(self._tracks.values()),
            depth=DEPTH_MS * PER_MS,
            counters=self.counters,
            silence=SILENCE,
        )
        channels = tuple(Channel(self._roles.get(name, Role.UNKNOWN), name) for name in body.tracks)
        sids = {"accountSid": body.account_sid, "streamSid": body.stream_sid}
        parameters = body.custom_parameters | sids
        self._start(CallStarted(body.call_sid, SAMPLING_RATE, channels, parameters))

    def _check_start(self, body: StartBody) -> None:
        if self._account_sid not in (None, body.account_sid):
            raise Violation(
                CloseCode.POLICY_VIOLATION, "The stream belongs to another account; refused."
            )
        form = body.media_format
        if (form.encoding, form.sample_rate, form.channels) != FORMAT:
            raise Violation(
                CloseCode.UNSUPPORTED_DATA,
                "The stream is not mono mu-law at 8000 Hz, which is all that Twilio sends.",
            )
        if len(set(body.tracks)) != len(body.tracks):
            raise Violation(CloseCode.PROTOCOL_ERROR, "A track is named twice in start.")

    def _new_track(self) -> Track[Codes]:
        clock = StreamClock[Codes](
            sampling_rate=SAMPLING_RATE,
            counters=self.counters,
            patience=DEPTH_MS * PER_MS,
            origin=0,
        )
        return Track(clock, channels=1, counters=self.counters, wobbles=True)

    def _on_media(self, message: Media, now: float) -> None:
        self._check_stream(message.stream_sid)
        assert self._buffer is not None, "streaming without a buffer"
        media = message.media
        self._on_piece(media.track, media.timestamp, media.payload, self._buffer, now)

    def _on_piece(
        self, name: str, timestamp_ms: int, payload: str, buffer: JitterBuffer[Codes], now: float
    ) -> None:
        track = self._tracks.get(name)
        if track is None:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"Audio came for the {name} track, which start did not name.",
            )
        data = base64_bytes(payload)
        if not data:
            self.counters.ignored += 1
            return
        codes = np.ndarray((1, len(data)), _CODE, data)
        restart = buffer.put(track, Packet(timestamp_ms * PER_MS, codes, now))
        if restart is not None:
            self._restart(restart)
        pieces = buffer.take()
        if pieces:
            self._tell_codes(pieces)

    def _tell_codes(self, pieces: list[Codes | int]) -> None:
        """Both tracks are decoded at once: that costs less than one after the other does."""
        self._tell_pieces(
            [piece if isinstance(piece, int) else _mulaw().take(piece) for piece in pieces]
        )

    def _flush(self) -> None:
        if self._buffer is not None:
            self._tell_codes(self._buffer.take(rest=True))


@lru_cache(maxsize=1)
def _mulaw() -> FloatArray:
    """The sample of each code."""
    return decode_mulaw(bytes(range(256)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The names of one stream, as Twilio gives them; those not given are zeros.

    Raises:
        ConfigError: a name that cannot be sent.
    """

    call_sid: str
    account_sid: str = "AC" + 32 * "0"
    stream_sid: str = "MZ" + 32 * "0"
    tracks: tuple[str, ...] = ("inbound", "outbound")
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("call_sid", "account_sid", "stream_sid"):
            checked_identifier(getattr(self, name), name=name)


def messages_of(waveform: FloatArray, *, stream: Stream) -> Iterator[Outgoing]:
    """A recording as the messages that Twilio would send of it.

    Args:
        waveform: (channels, samples) float32 at 8 kHz, a row for each track.
        stream: what it is called.

    Raises:
        AudioError: no waveform.
        ConfigError: another number of rows than tracks.
    """
    check_channel_count(waveform, len(stream.tracks), name="this stream")
    check_waveform(waveform, SAMPLING_RATE)
    bodies = _bodies(waveform, stream)
    return itertools.chain(
        [Outgoing(0.0, json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))],
        (
            Outgoing(seconds, _message(event, number, stream, body))
            for number, (seconds, event, body) in enumerate(bodies, 1)
        ),
    )


def _message(event: str, number: int, stream: Stream, body: Mapping[str, Any]) -> str:
    head = {"event": event, "sequenceNumber": str(number), "streamSid": stream.stream_sid}
    return json.dumps(head | {event: body})


def _bodies(waveform: FloatArray, stream: Stream) -> Iterator[tuple[float, str, Mapping[str, Any]]]:
    """When each message is sent, its kind, and what it says."""
    yield 0.0, "start", _start_body(stream)
    number = itertools.count(1)
    seconds = 0.0
    for seconds, position, piece in chunks(waveform, sampling_rate=SAMPLING_RATE):
        for track, row in zip(stream.tracks, piece, strict=True):
            media = {
                "track": track,
                "chunk": str(next(number)),
                "timestamp": str(position // PER_MS),
                "payload": base64.b64encode(encode_mulaw(row)).decode("ascii"),
            }
            yield seconds, "media", media
    yield seconds, "stop", {"accountSid": stream.account_sid, "callSid": stream.call_sid}


def _start_body(stream: Stream) -> Mapping[str, Any]:
    return {
        "accountSid": stream.account_sid,
        "streamSid": stream.stream_sid,
        "callSid": stream.call_sid,
        "tracks": list(stream.tracks),
        "mediaFormat": dict(zip(("encoding", "sampleRate", "channels"), FORMAT, strict=True)),
        "customParameters": dict(stream.parameters),
    }
