"""What Twilio sends: the fields that matter here, checked; others are passed over."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.alias_generators import to_camel

from tonfall.serve.codecs.messages import Identifier, JsonMessage, Parameters

__all__ = [
    "MESSAGE",
    "Connected",
    "DtmfMessage",
    "Format",
    "Media",
    "Start",
    "StartBody",
    "Stop",
    "usual_media",
]

TrackName = Literal["inbound", "outbound"]
LATEST_MS = 10**12
"""The largest time stamp that is taken; 32 years."""


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
    """A key, or whatever a telephone system takes for one."""

    digit: Any = None


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
    dtmf: DtmfBody = DtmfBody()


class Stop(TwilioMessage):
    """The stream is over; the last message."""

    event: Literal["stop"]
    stream_sid: Identifier


MESSAGE: TypeAdapter[Connected | Start | Media | DtmfMessage | Stop] = TypeAdapter(
    Annotated[Connected | Start | Media | DtmfMessage | Stop, Field(discriminator="event")]
)


def usual_media(stream_sid: str) -> re.Pattern[str]:
    """A media message of a stream as Twilio writes them: track, time stamp and payload are groups.

    A hundred of them come a second of call, and this reads one in a third of the time that
    :data:`MESSAGE` takes. What it matches, :data:`MESSAGE` would take for the same; a test
    compares the two. All else, right or wrong, is for :data:`MESSAGE` to judge.
    """
    sid = f'"streamSid": ?"{re.escape(stream_sid)}"'
    return re.compile(
        r'\{"event": ?"media", ?"sequenceNumber": ?"[0-9]{1,20}", ?'
        rf"(?P<before>{sid}, ?)?"
        r'"media": ?\{"track": ?"(?P<track>inbound|outbound)", ?"chunk": ?"[0-9]{1,20}", ?'
        r'"timestamp": ?"(?P<timestamp>[0-9]{1,12})", ?"payload": ?"(?P<payload>[A-Za-z0-9+/=]*)"\}'
        rf"(?(before)|, ?{sid})\}}"
    )
