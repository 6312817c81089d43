"""What is sent, and when: a recording as each telephone system would send it.

Audio is encoded once and shared by all calls that play it; only what names a call is its own.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from tonfall.serve.client.address import Protocol
from tonfall.serve.client.recording import Recording
from tonfall.serve.codecs import (
    AudioHookClient,
    Outgoing,
    Role,
    audiosocket,
    chan_websocket,
    native,
    rtp,
    twilio,
)
from tonfall.serve.codecs.audiohook_client import CHUNK_MS, FIRST_PING_S, PING_EVERY_S

__all__ = ["AudioHookScript", "Cue", "Script", "script_of"]

TELEPHONE_RATE = 8000
NOBODY = "0" * 32
"""Stands where a call's own name belongs, and is as long."""


class Cue(NamedTuple):
    """Something to be sent.

    Attributes:
        seconds: after the call's start.
        content: text, or bytes as they are.
        audio: True where it may get lost on the way.
    """

    seconds: float
    content: str | bytes
    audio: bool


class Script(ABC):
    """A recording over one protocol.

    Args:
        recording: that is played.
    """

    rate: ClassVar[int | None] = TELEPHONE_RATE
    """Hz that the protocol has; None where any will do."""
    channels: ClassVar[int | None] = 1
    """That the protocol has; None where any number will do."""
    timed: ClassVar[bool] = False
    """True where each piece of audio says its time, so that one may get lost."""

    def __init__(self, recording: Recording) -> None:
        played = recording if self.channels is None else recording.first(self.channels)
        self.recording = played if self.rate is None else played.at(self.rate)

    @property
    def seconds(self) -> float:
        """How long the call is."""
        return self.recording.seconds

    @abstractmethod
    def external_id(self, name: str) -> str | None:
        """How the server will call the call ``name``; None where it decides by itself."""


class SharedScript(Script):
    """A script whose messages can be written before the call.

    Args:
        recording: that is played.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        frames = list(self._frames())
        last = len(frames) - self._tail()
        self._cues = [
            Cue(each.seconds, each.content, self._head() <= place < last)
            for place, each in enumerate(frames)
        ]

    @abstractmethod
    def _frames(self) -> Iterable[Outgoing]:
        """The whole call of nobody."""

    def _head(self) -> int:
        """How many frames come before the audio."""
        return 1

    def _tail(self) -> int:
        """How many frames come after it."""
        return 0

    def cues(self, name: str) -> Iterator[Cue]:
        """The call of somebody.

        Args:
            name: 32 hexadecimal digits.
        """
        for cue in self._cues:
            yield self._named(cue, name)

    def _named(self, cue: Cue, name: str) -> Cue:
        """The same with the call's own name."""
        if cue.audio or isinstance(cue.content, bytes):
            return cue
        return cue._replace(content=cue.content.replace(NOBODY, name))


class NativeScript(SharedScript):
    """Tonfall's own protocol: all channels at the recording's own rate."""

    rate = None
    channels = None

    def _frames(self) -> Iterable[Outgoing]:
        return native.messages_of(
            self.recording.waveform,
            call_id=NOBODY,
            sampling_rate=self.recording.sampling_rate,
            channels=self.recording.roles or _roles(self.recording.waveform.shape[0]),
        )

    def _tail(self) -> int:
        return 1

    def external_id(self, name: str) -> str:
        """The name itself."""
        return name


class TwilioScript(SharedScript):
    """Twilio Media Streams: both tracks, or the only one."""

    channels = None
    timed = True

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording.first(min(2, recording.waveform.shape[0])))

    def _frames(self) -> Iterable[Outgoing]:
        tracks = ("inbound", "outbound")[: self.recording.waveform.shape[0]]
        stream = twilio.Stream(call_sid=f"CA{NOBODY}", stream_sid=f"MZ{NOBODY}", tracks=tracks)
        return twilio.messages_of(self.recording.waveform, stream=stream)

    def _head(self) -> int:
        return 2

    def _tail(self) -> int:
        return 1

    def _named(self, cue: Cue, name: str) -> Cue:
        """Every message of Twilio's names its stream, but the account has no name here."""
        assert isinstance(cue.content, str)
        content = cue.content.replace(f"MZ{NOBODY}", f"MZ{name}")
        if not cue.audio:
            content = content.replace(f"CA{NOBODY}", f"CA{name}")
        return Cue(cue.seconds, content, cue.audio)

    def external_id(self, name: str) -> str:
        """The call's SID."""
        return f"CA{name}"


class AudioSocketScript(SharedScript):
    """Asterisk AudioSocket: the first channel."""

    def _frames(self) -> Iterable[Outgoing]:
        return audiosocket.packets_of(self.recording.waveform, call_id=uuid.UUID(NOBODY))

    def _tail(self) -> int:
        return 1

    def _named(self, cue: Cue, name: str) -> Cue:
        if cue.audio or cue.seconds:
            return cue
        packet = audiosocket.packet(audiosocket.Kind.UUID, uuid.UUID(name).bytes)
        return cue._replace(content=packet)

    def external_id(self, name: str) -> str:
        """The name as a UUID."""
        return str(uuid.UUID(name))


class ChanWebSocketScript(SharedScript):
    """Asterisk's chan_websocket: the first channel."""

    def _frames(self) -> Iterable[Outgoing]:
        return chan_websocket.messages_of(
            self.recording.waveform, connection_id=NOBODY, channel=f"WebSocket/{NOBODY}"
        )

    def external_id(self, name: str) -> str:
        """The channel's name."""
        return f"WebSocket/{name}"


class RtpScript(SharedScript):
    """RTP with PCMU: the first channel."""

    timed = True

    def _frames(self) -> Iterable[Outgoing]:
        return rtp.packets_of(self.recording.waveform)

    def _head(self) -> int:
        return 0

    def _tail(self) -> int:
        return 1

    def external_id(self, name: str) -> None:
        """RTP knows no calls."""


class AudioHookScript(Script):
    """Genesys AudioHook: both channels, in the media that the server chooses."""

    channels = 2

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._encoded: dict[str, list[bytes]] = {}

    def external_id(self, name: str) -> str:
        """The conversation's id."""
        return str(uuid.UUID(name))

    def cues(self, client: AudioHookClient) -> Iterator[Cue]:
        """All that comes after ``opened``, but ``close``: audio, and pings when they are due.

        Args:
            client: whose session was opened.
        """
        waveform, rate = self.recording.waveform, self.recording.sampling_rate
        step = rate * CHUNK_MS // 1000
        ping = float(FIRST_PING_S)
        for place, content in enumerate(self._audio(client)):
            length = min(step, waveform.shape[1] - place * step)
            seconds = (place * step + length) / rate
            client.advance(length)
            yield Cue(seconds, content, audio=True)
            if seconds >= ping:
                yield Cue(seconds, client.message("ping"), audio=False)
                ping += PING_EVERY_S

    def _audio(self, client: AudioHookClient) -> list[bytes]:
        """The binary frames, encoded the first time that a server chooses this media."""
        key = str(client.media)
        if key not in self._encoded:
            step = self.recording.sampling_rate * CHUNK_MS // 1000
            waveform = self.recording.waveform
            self._encoded[key] = [
                client.encoded(waveform[:, start : start + step])
                for start in range(0, waveform.shape[1], step)
            ]
        return self._encoded[key]


SCRIPTS: Mapping[Protocol, Callable[[Recording], SharedScript | AudioHookScript]] = {
    Protocol.NATIVE: NativeScript,
    Protocol.TWILIO: TwilioScript,
    Protocol.AUDIOHOOK: AudioHookScript,
    Protocol.AUDIOSOCKET: AudioSocketScript,
    Protocol.CHAN_WEBSOCKET: ChanWebSocketScript,
    Protocol.RTP: RtpScript,
}


def script_of(recording: Recording, protocol: Protocol) -> SharedScript | AudioHookScript:
    """A recording as it is sent over a protocol."""
    return SCRIPTS[protocol](recording)


def _roles(channels: int) -> list[Role]:
    """The customer first, then the agent; who more than two are is not known."""
    if channels > 2:
        return [Role.UNKNOWN] * channels
    return [Role.CUSTOMER, Role.AGENT][:channels]
