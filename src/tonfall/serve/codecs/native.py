"""Tonfall's own protocol over a WebSocket, for those who write the sending side themselves.

Text frames say what happens, in JSON; binary frames are the audio: raw samples of all channels,
interleaved. ``start`` comes first and ``stop`` last:

    -> {"type": "start", "version": 1, "call_id": "c1", "sampling_rate": 16000,
        "encoding": "s16le", "channels": ["customer", "agent"], "parameters": {"queue": "sales"}}
    <- {"type": "started", "version": 1}
    -> binary frames
    -> {"type": "gap", "samples": 8000}
    -> binary frames
    -> {"type": "stop", "reason": "hung up"}
    <- {"type": "stopped", "samples": 480000}

Where ``start`` asks for ``results``, they come as text frames in between and after the stop.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from tonfall.arrays import FloatArray
from tonfall.audio import (
    MAX_CHANNELS,
    MAX_SAMPLING_RATE,
    MIN_SAMPLING_RATE,
    Encoding,
    RawFormat,
    check_waveform,
    decode_samples,
    encode_alaw,
    encode_mulaw,
)
from tonfall.serve.codecs.carrier import Carrier, Limits, Violation
from tonfall.serve.codecs.events import CallStarted, Channel, CloseCode, EndReason, Reply, Role
from tonfall.serve.codecs.messages import (
    Identifier,
    JsonMessage,
    Parameters,
    UnknownMessageError,
    checked_identifier,
    read_message,
)
from tonfall.serve.codecs.sending import Outgoing, check_channel_count, chunks, s16

__all__ = ["VERSION", "Native", "NativeEncoding", "messages_of"]

VERSION = 1
NATIVE_LIMITS = Limits(frame_bytes=262_144)
"""20 ms at the highest rate and of all channels are 122,880 bytes."""
REASONS = frozenset(
    {
        EndReason.STOP,
        EndReason.HUNG_UP,
        EndReason.TRANSFERRED,
        EndReason.RECORDING,
        EndReason.DISCONNECT,
        EndReason.ERROR,
    }
)
"""What ``stop`` may say; all else is kept as "other"."""
NativeEncoding = Literal["s16le", "mulaw", "alaw"]
Result = Literal["window", "turn", "alert"]
"""What a client may ask to be sent on the same connection."""


class _Strict(JsonMessage):
    # Our own protocol: a field that is not known is a slip of the pen.
    model_config = ConfigDict(extra="forbid")


def _check_mixed(channels: list[str]) -> list[str]:
    if "mixed" in channels and len(channels) > 1:
        raise PydanticCustomError(
            "mixed", f"mixed must be the only channel, but is one of {len(channels)}"
        )
    return channels


class _Start(_Strict):
    type: Literal["start"]
    version: Literal[1]
    call_id: Identifier
    sampling_rate: Annotated[int, Field(ge=MIN_SAMPLING_RATE, le=MAX_SAMPLING_RATE)]
    encoding: NativeEncoding
    channels: Annotated[
        list[Literal["customer", "agent", "unknown", "mixed"]],
        Field(min_length=1, max_length=MAX_CHANNELS),
        AfterValidator(_check_mixed),
    ]
    parameters: Parameters = Field(default_factory=dict)
    results: Annotated[list[Result], Field(max_length=3)] = Field(default_factory=list)


class _Gap(_Strict):
    type: Literal["gap"]
    samples: Annotated[int, Field(ge=1, le=2**53)]


class _Stop(_Strict):
    type: Literal["stop"]
    reason: Annotated[str, Field(max_length=200)] = "stop"


_MESSAGE: TypeAdapter[_Start | _Gap | _Stop] = TypeAdapter(
    Annotated[_Start | _Gap | _Stop, Field(discriminator="type")]
)


class Native(Carrier):
    """One call over Tonfall's own protocol.

    Args:
        limits: how much this connection may bring.
        may_read: False where the sender may not see what is judged: to ask for results is refused.

    Attributes:
        results: what the client asks to be sent, once the call has started.
    """

    def __init__(self, *, limits: Limits = NATIVE_LIMITS, may_read: bool = True) -> None:
        super().__init__(limits=limits)
        self.results: frozenset[Result] = frozenset()
        self._may_read = may_read
        self._format: RawFormat | None = None

    def _take(self, frame: str | bytes, now: float) -> None:  # noqa: ARG002 - needs no clock
        if isinstance(frame, bytes):
            self._on_audio(frame)
            return
        match self._read(frame):
            case _Start() as start:
                self._on_start(start)
            case _Gap() as gap:
                self._started()
                self._skip(gap.samples)
            case _Stop() as stop:
                self._started()
                self._on_stop(stop)

    def _read(self, frame: str) -> _Start | _Gap | _Stop:
        try:
            return read_message(_MESSAGE, frame)
        except UnknownMessageError:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "A text frame has an unknown type; send start, gap or stop.",
            ) from None

    def _started(self) -> RawFormat:
        if self._format is None:
            raise Violation(
                CloseCode.PROTOCOL_ERROR, "Something came before start; send start first."
            )
        return self._format

    def _on_start(self, start: _Start) -> None:
        if self._format is not None:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "A second start came; use one connection for each call.",
            )
        if start.results and not self._may_read:
            raise Violation(
                CloseCode.POLICY_VIOLATION,
                "Results were asked for, but this key has not the scope read; leave results out, "
                "or use a key that has it.",
            )
        self.results = frozenset(start.results)
        self._format = RawFormat(
            encoding=Encoding(start.encoding),
            sampling_rate=start.sampling_rate,
            channels=len(start.channels),
        )
        channels = tuple(
            Channel(Role(role), str(index)) for index, role in enumerate(start.channels)
        )
        self._start(CallStarted(start.call_id, start.sampling_rate, channels, start.parameters))
        self._tell(Reply(json.dumps({"type": "started", "version": VERSION})))

    def _on_audio(self, frame: bytes) -> None:
        raw = self._started()
        if len(frame) % raw.bytes_per_frame:
            raise Violation(
                CloseCode.INVALID_PAYLOAD,
                f"A binary frame has {len(frame)} bytes, but one sample of all channels takes "
                f"{raw.bytes_per_frame}; send whole samples.",
            )
        self.counters.packets += 1
        self._hear(decode_samples(frame, raw=raw))

    def _on_stop(self, stop: _Stop) -> None:
        self._end(_reason(stop.reason), complete=True)
        self._tell(Reply(json.dumps({"type": "stopped", "samples": self.position})))
        self._over = True


def _reason(said: str) -> EndReason:
    """One of our words: any other might name somebody, and what we say ourselves is ours."""
    reason = EndReason(said)
    return reason if reason in REASONS else EndReason.OTHER


def messages_of(
    waveform: FloatArray,
    *,
    call_id: str,
    sampling_rate: int,
    channels: Sequence[Role],
    encoding: NativeEncoding = "s16le",
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Outgoing]:
    """A recording as the frames of this protocol.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        call_id: 1 to 256 printable ASCII characters without spaces.
        sampling_rate: Hz.
        channels: who speaks on each row.
        encoding: "s16le", "mulaw" or "alaw".
        parameters: free names with text.

    Raises:
        AudioError: no waveform.
        ConfigError: another number of rows than channels, or an id that cannot be sent.
    """
    check_channel_count(waveform, len(channels), name="this call")
    check_waveform(waveform, sampling_rate)
    start = {
        "type": "start",
        "version": VERSION,
        "call_id": checked_identifier(call_id, name="call_id"),
        "sampling_rate": sampling_rate,
        "encoding": encoding,
        "channels": [str(role) for role in channels],
        "parameters": dict(parameters or {}),
    }
    encode = _ENCODERS[encoding]
    audio = (
        Outgoing(seconds, encode(piece))
        for seconds, _, piece in chunks(waveform, sampling_rate=sampling_rate, pad=False)
    )
    end = waveform.shape[1] / sampling_rate
    stop = Outgoing(end, json.dumps({"type": "stop", "reason": str(EndReason.RECORDING)}))
    return itertools.chain([Outgoing(0.0, json.dumps(start))], audio, [stop])


def _interleaved(encode: Callable[[FloatArray], bytes]) -> Callable[[FloatArray], bytes]:
    return lambda samples: encode(samples.T.reshape(-1))


_ENCODERS: Mapping[NativeEncoding, Callable[[FloatArray], bytes]] = {
    "s16le": s16,
    "mulaw": _interleaved(encode_mulaw),
    "alaw": _interleaved(encode_alaw),
}
