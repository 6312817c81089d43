"""Whom to call: a URL, and the protocol that is spoken there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from tonfall.errors import ConfigError

__all__ = ["Address", "Protocol", "read_address"]


class Protocol(StrEnum):
    """How a telephone system speaks."""

    NATIVE = "native"
    TWILIO = "twilio"
    AUDIOHOOK = "audiohook"
    AUDIOSOCKET = "audiosocket"
    CHAN_WEBSOCKET = "chan_websocket"
    RTP = "rtp"


WEB_SCHEMES: Mapping[str, int] = {"ws": 80, "wss": 443}
SCHEMES: Mapping[Protocol, tuple[str, ...]] = {
    Protocol.AUDIOSOCKET: ("tcp", "audiosocket"),
    Protocol.RTP: ("udp", "rtp"),
}
"""Of the protocols that are no WebSocket; they need a port."""
PATHS: Mapping[str, Protocol] = {
    "/v1/stream": Protocol.NATIVE,
    "/v1/twilio": Protocol.TWILIO,
    "/v1/audiohook": Protocol.AUDIOHOOK,
    "/v1/asterisk": Protocol.CHAN_WEBSOCKET,
}
"""How the paths of Tonfall's own server begin."""


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to call.

    Attributes:
        protocol: that is spoken.
        url: as it was given.
        host: name or address.
        port: of TCP or UDP.
        target: path and query; empty where it is no WebSocket.
        secure: True for TLS.
    """

    protocol: Protocol
    url: str
    host: str
    port: int
    target: str = ""
    secure: bool = False

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def signed_url(self) -> str:
        """What Twilio signs: it dials wss only, whatever a proxy makes of it."""
        return f"wss://{self.authority}{self.target}"

    @property
    def events_url(self) -> str | None:
        """Where Tonfall's server tells what it hears, if that can be told from the URL."""
        if not self.target:
            return None
        return f"{'https' if self.secure else 'http'}://{self.authority}/v1/events"


def read_address(url: str, *, protocol: str | None = None) -> Address:
    """Whom a URL stands for.

    Args:
        url: such as ``ws://127.0.0.1:8000/v1/stream`` or ``rtp://127.0.0.1:5004``.
        protocol: one of :class:`Protocol`; None to tell it from the URL.

    Raises:
        ConfigError: no such protocol, no such URL, or the two do not fit.

    >>> read_address("ws://127.0.0.1:8000/v1/twilio/main").protocol
    <Protocol.TWILIO: 'twilio'>
    """
    parts = urlsplit(url)
    port, host = _port(parts), parts.hostname
    spoken = _protocol(protocol) if protocol else _guessed(parts)
    if parts.scheme not in SCHEMES.get(spoken, tuple(WEB_SCHEMES)):
        raise ConfigError(
            f"{url}: the scheme does not fit the protocol {spoken}; call {_example(spoken)}."
        )
    if host is None or (port is None and spoken in SCHEMES):
        raise ConfigError(f"{url}: host or port is missing, such as in {_example(spoken)}.")
    if spoken in SCHEMES:
        assert port is not None
        return Address(spoken, url, host, port)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    where = port or WEB_SCHEMES[parts.scheme]
    return Address(spoken, url, host, where, target, secure=parts.scheme == "wss")


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ConfigError("The port in the URL is no number from 0 to 65535.") from None


def _protocol(name: str) -> Protocol:
    if name not in list(Protocol):
        raise ConfigError(f"The protocol {name!r} is not known; name one of {', '.join(Protocol)}.")
    return Protocol(name)


def _guessed(parts: SplitResult) -> Protocol:
    for protocol, schemes in SCHEMES.items():
        if parts.scheme in schemes:
            return protocol
    for path, protocol in PATHS.items():
        if parts.scheme in WEB_SCHEMES and f"{parts.path}/".startswith(f"{path}/"):
            return protocol
    raise ConfigError(
        "The protocol cannot be told from the URL; say --protocol with one of "
        f"{', '.join(Protocol)}."
    )


def _example(protocol: Protocol) -> str:
    if protocol in SCHEMES:
        return f"{protocol}://127.0.0.1:9000"
    path = next(path for path, each in PATHS.items() if each is protocol)
    named = protocol in (Protocol.TWILIO, Protocol.CHAN_WEBSOCKET)
    return f"ws://127.0.0.1:8000{path}{'/main' if named else ''}"
