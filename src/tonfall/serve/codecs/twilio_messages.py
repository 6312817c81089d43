"""What Twilio sends: the fields that matter here, checked; others are passed over."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from tonfall.serve.codecs.messages import Identifier, JsonMessage, Parameters

__all__ = [
    "MESSAGE",
    "Connected",
    "DtmfMessage",
    "Format",
    "Media",
    "Piece",
    "Start",
    "StartBody",
    "Stop",
    "usual_piece",
]

TrackName = Literal["inbound", "outbound"]
TRACKS = frozenset({"inbound", "outbound"})
LATEST_MS = 10**12
"""The largest time stamp that is taken; 32 years."""
LONGEST_TIMESTAMP = 12
"""Digits of all that are below it."""


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
    timestamp: Annotated[int, Field(strict=False, ge=0, le=LATEST_MS)]
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


class Piece(NamedTuple):
    """What matters of a media message."""

    track: str
    timestamp_ms: int
    payload: str


def usual_piece(frame: str | bytes, *, stream_sid: str) -> Piece | None:
    """A media message of a stream, in the form in which Twilio writes them; read at a glance.

    A hundred of them come a second of call. This reads with the parser that :data:`MESSAGE`
    uses, and takes only what :data:`MESSAGE` would take, for the same; a test compares the two.

    Returns:
        None for every other frame, right or wrong: :data:`MESSAGE` is to judge it.
    """
    try:
        message: Any = from_json(frame, cache_strings="keys")
        media = message["media"]
        track, timestamp, payload = media["track"], media["timestamp"], media["payload"]
        if message["event"] != "media" or message["streamSid"] != stream_sid:
            return None
        if track not in TRACKS or type(payload) is not str:
            return None
        if len(timestamp) > LONGEST_TIMESTAMP or not (
            timestamp.isascii() and timestamp.isdecimal()
        ):
            return None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return Piece(track, int(timestamp), payload)
