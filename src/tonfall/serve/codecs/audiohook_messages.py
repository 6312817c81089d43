"""What a Genesys AudioHook client sends (protocol version 2), checked field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter
from pydantic.alias_generators import to_camel

from tonfall.audio import Encoding
from tonfall.serve.codecs.messages import Count, JsonMessage

__all__ = [
    "ANY_TYPE",
    "ENCODINGS",
    "MESSAGE",
    "NULL_UUID",
    "SAMPLING_RATE",
    "VERSION",
    "AnyMessage",
    "AudioHookMessage",
    "ClientMessage",
    "Close",
    "Discarded",
    "Error",
    "Media",
    "Open",
    "OpenParameters",
    "Paused",
    "Ping",
    "Resumed",
    "Span",
    "Update",
    "chosen_media",
    "duration_of",
    "samples_of",
]

VERSION = "2"
SAMPLING_RATE = 8_000
NULL_UUID = "00000000-0000-0000-0000-000000000000"
"""Names nobody: the conversation and the participant of a connection probe."""
ENCODINGS: Mapping[str, Encoding] = {"PCMU": Encoding.MULAW, "L16": Encoding.S16LE}
CHANNELS = frozenset({"external", "internal"})

Uuid = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    ),
]
Duration = Annotated[str, StringConstraints(pattern=r"^PT([0-9]*\.)?[0-9]+S$", max_length=32)]
Language = Annotated[str, StringConstraints(max_length=64)]
"""Passed on as it is said: how it is written is no reason to hear nothing."""


class AudioHookMessage(JsonMessage, alias_generator=to_camel):
    """Fields are written in camelCase."""


class Media(AudioHookMessage):
    """A way in which the client can send audio."""

    type: str
    format: str
    channels: Annotated[list[str], Field(max_length=8)]
    rate: int


class Participant(AudioHookMessage):
    """Whom the session listens to. Numbers and names are not read."""

    id: Uuid


class ContinuedSession(AudioHookMessage):
    """A session that this one goes on from."""

    id: Uuid


class OpenParameters(AudioHookMessage):
    """What a session is about."""

    organization_id: Uuid
    conversation_id: Uuid
    participant: Participant
    media: Annotated[list[Media], Field(max_length=32)]
    language: Language | None = None
    supported_languages: bool = False
    continued_sessions: Annotated[list[ContinuedSession], Field(max_length=32)] = Field(
        default_factory=list
    )
    custom_config: dict[str, Any] | None = None

    @property
    def is_probe(self) -> bool:
        """True where Genesys only tries the connection."""
        return self.conversation_id == self.participant.id == NULL_UUID


class CloseParameters(AudioHookMessage):
    """Why a session ends."""

    reason: Literal["end", "error", "disconnect", "reconnect"]


class Span(AudioHookMessage):
    """Audio that was not sent: where it would have begun, and how long it was."""

    start: Duration
    discarded: Duration


class ErrorParameters(AudioHookMessage):
    """What went wrong at the client."""

    code: int = 0
    message: str = ""


class UpdateParameters(AudioHookMessage):
    """What changed."""

    language: Language


class ClientMessage(AudioHookMessage):
    """What all messages of a client have."""

    version: Literal["2"]
    id: Uuid
    seq: Count
    serverseq: Annotated[Count, Field(alias="serverseq")]
    position: Duration


class Open(ClientMessage):
    """The session begins."""

    type: Literal["open"]
    parameters: OpenParameters


class Ping(ClientMessage):
    """A question whether the server is there."""

    type: Literal["ping"]
    parameters: dict[str, Any]


class Close(ClientMessage):
    """The session ends."""

    type: Literal["close"]
    parameters: CloseParameters


class Paused(ClientMessage):
    """No audio comes until further notice."""

    type: Literal["paused"]
    parameters: dict[str, Any]


class Resumed(ClientMessage):
    """Audio comes again."""

    type: Literal["resumed"]
    parameters: Span


class Discarded(ClientMessage):
    """Audio was left out."""

    type: Literal["discarded"]
    parameters: Span


class Update(ClientMessage):
    """The language changed."""

    type: Literal["update"]
    parameters: UpdateParameters


class Error(ClientMessage):
    """The client has a problem."""

    type: Literal["error"]
    parameters: ErrorParameters


AnyMessage = Open | Ping | Close | Paused | Resumed | Discarded | Update | Error
ANY_TYPE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
MESSAGE: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="type")])


def chosen_media(offered: Sequence[Media]) -> Media | None:
    """The best that can be read: both sides rather than one, then PCMU rather than L16.

    Returns:
        One of those offered, or None where none can be read.
    """
    readable = [media for media in offered if _is_readable(media)]
    return min(readable, key=_rank, default=None)


def samples_of(*durations: str) -> int:
    """Samples at 8 kHz of durations such as "PT2.4S", together.

    >>> samples_of("PT2.4S", "PT0.1S")
    20000
    """
    seconds = sum((Fraction(duration[2:-1]) for duration in durations), Fraction(0))
    return round(seconds * SAMPLING_RATE)


def duration_of(samples: int) -> str:
    """The duration of samples at 8 kHz, as the protocol writes it.

    >>> duration_of(20000)
    'PT2.5S'
    """
    # 1/8000 s has six decimals at most.
    seconds = f"{samples / SAMPLING_RATE:.6f}".rstrip("0").rstrip(".")
    return f"PT{seconds}S"


def _is_readable(media: Media) -> bool:
    names = set(media.channels)
    return (
        media.type == "audio"
        and media.format in ENCODINGS
        and media.rate == SAMPLING_RATE
        and 0 < len(names) == len(media.channels)
        and names <= CHANNELS
    )


def _rank(media: Media) -> tuple[int, int]:
    return -len(media.channels), list(ENCODINGS).index(media.format)
