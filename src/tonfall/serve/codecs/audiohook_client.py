"""The other side of AudioHook: the messages that Genesys would send of a recording."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tonfall.arrays import FloatArray
from tonfall.audio import check_waveform, encode_mulaw
from tonfall.errors import ConfigError, ServiceError
from tonfall.parsing import read_json
from tonfall.serve.codecs.audiohook_messages import (
    NULL_UUID,
    SAMPLING_RATE,
    VERSION,
    duration_of,
)
from tonfall.serve.codecs.sending import Outgoing, s16

__all__ = ["CHUNK_MS", "FIRST_PING_S", "PING_EVERY_S", "AudioHookClient", "ServerMessage"]

CHUNK_MS = 200
"""Of audio in one frame, as Genesys' own client has it."""
FIRST_PING_S = 1
PING_EVERY_S = 5
CHANNELS = ("external", "internal")
OFFERED = tuple(
    {"type": "audio", "format": form, "channels": list(channels), "rate": SAMPLING_RATE}
    for form in ("PCMU", "L16")
    for channels in (CHANNELS, CHANNELS[:1], CHANNELS[1:])
)


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """What a server said."""

    type: str
    seq: int
    parameters: Mapping[str, Any]


class AudioHookClient:
    """One session, from the client's side: it counts messages and audio.

    Audio may only be sent once ``opened`` came: hand every text frame of the server to
    :meth:`receive`, and look at :attr:`media`.

    Args:
        session_id: a UUID.
        conversation_id: of the call; a UUID.
        organization_id: a UUID.
        participant_id: a UUID.
    """

    def __init__(
        self,
        *,
        session_id: str,
        conversation_id: str,
        organization_id: str,
        participant_id: str = "11111111-1111-4111-8111-111111111111",
    ) -> None:
        self._session_id = session_id
        self._conversation_id = conversation_id
        self._organization_id = organization_id
        self._participant_id = participant_id
        self._seq = 0
        self._server_seq = 0
        self._position = 0
        self._media: Mapping[str, Any] | None = None

    @property
    def media(self) -> Mapping[str, Any] | None:
        """What the server chose of what was offered, once it said ``opened``."""
        return self._media

    @property
    def position(self) -> int:
        """Samples sent and discarded so far."""
        return self._position

    def receive(self, frame: str) -> ServerMessage:
        """Take what the server says.

        Raises:
            ServiceError: it is no message of the protocol.
        """
        message = _parsed(frame)
        self._server_seq = message.seq
        media = message.parameters.get("media")
        if message.type == "opened" and media:
            self._media = media[0]
        return message

    def message(self, kind: str, parameters: Mapping[str, Any] | None = None) -> str:
        """The next message, of whatever kind."""
        self._seq += 1
        content = {
            "version": VERSION,
            "id": self._session_id,
            "type": kind,
            "seq": self._seq,
            "serverseq": self._server_seq,
            "position": duration_of(self._position),
            "parameters": dict(parameters or {}),
        }
        return json.dumps(content)

    def open(
        self,
        *,
        media: Sequence[Mapping[str, Any]] = OFFERED,
        more: Mapping[str, Any] | None = None,
    ) -> str:
        """The first message.

        Args:
            media: what is offered.
            more: further parameters, such as a language.
        """
        nobody = self._participant_id == NULL_UUID
        participant = {
            "id": self._participant_id,
            "ani": "" if nobody else "+15550100",
            "aniName": "" if nobody else "Test",
            "dnis": "" if nobody else "+15550199",
        }
        parameters = {
            "organizationId": self._organization_id,
            "conversationId": self._conversation_id,
            "participant": participant,
            "media": list(media),
        }
        return self.message("open", {**parameters, **(more or {})})

    def audio(self, samples: FloatArray) -> bytes:
        """A binary frame, in the media that the server chose.

        Args:
            samples: (channels, n) float32 at 8 kHz, external first.

        Raises:
            ConfigError: nothing was chosen yet, or another number of channels.
        """
        content = self.encoded(samples)
        self.advance(samples.shape[1])
        return content

    def encoded(self, samples: FloatArray) -> bytes:
        """The same, but without counting it as sent: see :meth:`advance`."""
        if self._media is None or len(self._media["channels"]) != samples.shape[0]:
            raise ConfigError(
                f"Audio of {samples.shape[0]} channel(s) does not fit the media of the session; "
                "wait for opened, and give a row for each channel that it names."
            )
        if self._media["format"] == "L16":
            return s16(samples)
        return encode_mulaw(samples.T.reshape(-1))

    def advance(self, samples: int) -> None:
        """Count so many samples as sent."""
        self._position += samples

    def discard(self, kind: Literal["discarded", "resumed"], samples: int) -> str:
        """Say that ``samples`` were left out, now or while the session was paused."""
        start = duration_of(self._position)
        self._position += samples
        return self.message(kind, {"start": start, "discarded": duration_of(samples)})

    def frames_of(self, waveform: FloatArray) -> Iterator[Outgoing]:
        """A recording after ``opened``: audio, pings when they are due, and ``close``.

        Args:
            waveform: (channels, samples) float32 at 8 kHz.

        Raises:
            AudioError: no waveform.
            ConfigError: another number of channels than the server chose.
        """
        check_waveform(waveform, SAMPLING_RATE)
        length = SAMPLING_RATE * CHUNK_MS // 1000
        pings = itertools.count(FIRST_PING_S, PING_EVERY_S)
        ping = next(pings)
        for start in range(0, waveform.shape[1], length):
            piece = waveform[:, start : start + length]
            seconds = (start + piece.shape[1]) / SAMPLING_RATE
            yield Outgoing(seconds, self.audio(piece))
            if seconds >= ping:
                yield Outgoing(seconds, self.message("ping"))
                ping = next(pings)
        end = waveform.shape[1] / SAMPLING_RATE
        yield Outgoing(end, self.message("close", {"reason": "end"}))


def _parsed(frame: str) -> ServerMessage:
    try:
        message = read_json(frame)
        parameters = message["parameters"]
        return ServerMessage(str(message["type"]), int(message["seq"]), dict(parameters))
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            "The server sent something that is no AudioHook message; is it an AudioHook server?"
        ) from error
