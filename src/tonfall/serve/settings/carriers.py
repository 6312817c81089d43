"""The telephone systems that may send calls, and who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from tonfall.serve.codecs import Role
from tonfall.serve.settings.base import DEFAULT_TENANT, Name, Port, Seconds, Section, check_networks

__all__ = [
    "AsteriskConnection",
    "AudioHookClientKey",
    "AudioSocketPort",
    "Carriers",
    "RtpLine",
    "TwilioAccount",
]


class TwilioAccount(Section):
    """A Twilio account whose streams are dialled to ``/v1/twilio/NAME``.

    Without an auth token nothing is signed; that is for loopback only.
    """

    tenant: Name = DEFAULT_TENANT
    account_sid: str | None = None
    auth_token: SecretStr | None = None
    signing_keys: Mapping[str, SecretStr] = Field(default_factory=dict)
    inbound: Role = Role.CUSTOMER
    outbound: Role = Role.AGENT


class AudioHookClientKey(Section):
    """An AudioHook integration: the API key that it sends, and its client secret in base64."""

    tenant: Name = DEFAULT_TENANT
    api_key: SecretStr
    secret: SecretStr
    organization_id: str | None = None


class AsteriskConnection(Section):
    """A WebSocket client of Asterisk that dials ``/v1/asterisk/NAME`` with user and password."""

    tenant: Name = DEFAULT_TENANT
    username: str = ""
    password: SecretStr = SecretStr("")
    role: Role = Role.UNKNOWN


class _Line(Section):
    """A port of its own; only the ``allowed`` addresses or networks may send to it."""

    host: str = "127.0.0.1"
    port: Port
    tenant: Name = DEFAULT_TENANT
    role: Role = Role.UNKNOWN
    allowed: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    @field_validator("allowed")
    @classmethod
    def _addresses(cls, allowed: tuple[str, ...]) -> tuple[str, ...]:
        return check_networks(allowed)


class AudioSocketPort(_Line):
    """A TCP port for AudioSocket."""


class RtpLine(_Line):
    """A UDP port for one RTP stream at a time; a call ends after ``idle_s`` without a packet.

    ``roles`` are those of the channels in order; ``formats`` says what the payload types 96 to
    127 stand for, as "L16/16000/1". What comes ``fastest`` times faster than it is spoken is heard,
    and what comes still faster is dropped.
    """

    roles: tuple[Role, ...] = ()
    formats: Mapping[
        Annotated[int, Field(ge=96, le=127)], Annotated[str, Field(pattern=r"^\w+/\d+(/\d)?$")]
    ] = Field(default_factory=dict)
    buffer_ms: Annotated[int, Field(ge=60, le=200)] = 120
    idle_s: Seconds = 10
    fastest: Annotated[float, Field(ge=1, le=1000)] = 2


class Carriers(Section):
    """The telephone systems that may send calls."""

    twilio: Mapping[Name, TwilioAccount] = Field(default_factory=dict)
    audiohook: Mapping[Name, AudioHookClientKey] = Field(default_factory=dict)
    asterisk: Mapping[Name, AsteriskConnection] = Field(default_factory=dict)
    audiosocket: Mapping[Name, AudioSocketPort] = Field(default_factory=dict)
    rtp: Mapping[Name, RtpLine] = Field(default_factory=dict)
