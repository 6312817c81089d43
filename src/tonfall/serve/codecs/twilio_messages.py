"""What Twilio sends: the fields that matter here, checked; others are passed over."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from pydantic.alias_generators import to_camel

from tonfall.serve.codecs.messages import Identifier, JsonMessage, Parameters

__all__ = ["MESSAGE", "Connected", "DtmfMessage", "Format", "Media", "Start", "StartBody", "Stop"]

TrackName = Literal["inbound", "outbound"]


class TwilioMessage(JsonMessage, alias_generator=to_camel):
    """Fields are written in camelCase."""


class Format(TwilioMessage):
    """How the audio is written."""

    encoding: str
    sample_rate: int
    channels: int


class StartBody(TwilioMessage):
    """What is told once, of the stream."""

    account_sid: Identifier
    call_sid: Identifier
    stream_sid: Identifier
    tracks: Annotated[list[TrackName], Field(min_length=1, max_length=2)]
    media_format: Format
    custom_parameters: Parameters = Field(default_factory=dict)


class MediaBody(TwilioMessage):
    """A piece of one track; ``timestamp`` is milliseconds since the stream's start, as text."""

    track: TrackName
    timestamp: Annotated[int, Field(strict=False, ge=0, le=10**12)]
    payload: str


class DtmfBody(TwilioMessage):
    """A key."""

    digit: Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]


class Connected(TwilioMessage):
    """The socket is open."""

    event: Literal["connected"]


class Start(TwilioMessage):
    """The stream begins."""

    event: Literal["start"]
    stream_sid: Identifier
    start: StartBody


class Media(TwilioMessage):
    """Audio."""

    event: Literal["media"]
    stream_sid: Identifier
    media: MediaBody


class DtmfMessage(TwilioMessage):
    """A key was pressed (two-way streams only)."""

    event: Literal["dtmf"]
    stream_sid: Identifier
    dtmf: DtmfBody


class Stop(TwilioMessage):
    """The stream is over; the last message."""

    event: Literal["stop"]
    stream_sid: Identifier


MESSAGE: TypeAdapter[Connected | Start | Media | DtmfMessage | Stop] = TypeAdapter(
    Annotated[Connected | Start | Media | DtmfMessage | Stop, Field(discriminator="event")]
)
