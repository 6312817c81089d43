"""Where the server listens, where it keeps things, and how much it takes."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from tonfall.serve.settings.base import Port, Seconds, Section, check_networks

__all__ = ["Database", "Limits", "Server", "Tls", "is_loopback"]


class Tls(Section):
    """Files of the certificate, with its chain, and of its key, both PEM."""

    certificate: Path
    key: Path


class Server(Section):
    """Where the server listens, and how the world calls it.

    ``public_url`` is what telephone systems and browsers dial; it is needed behind a proxy, since
    signatures are made over it. Only the ``trusted_proxies`` may say who a client is and that it
    came by TLS.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+/?$")] | None = None
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    drain_s: Annotated[float, Field(ge=0, le=25)] = 15
    json_logs: bool = True

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return check_networks(proxies)


class Database(Section):
    """Where calls are kept; by default a file in the user's data folder."""

    url: str | None = None


class Limits(Section):
    """What one server, one tenant and one client may take.

    One tenant may have three quarters of the calls, unless ``calls_per_tenant`` says otherwise.
    """

    calls: Annotated[int, Field(ge=1, le=10_000)] = 400
    calls_per_tenant: Annotated[int, Field(ge=1, le=10_000)] | None = None
    call_s: Annotated[int, Field(ge=1, le=86_400)] = 14_400
    first_message_s: Seconds = 10
    silent_s: Seconds = 120
    uploads: Annotated[int, Field(ge=1, le=1_000)] = 16
    upload_bytes: Annotated[int, Field(ge=1_000, le=2**34)] = 200_000_000
    upload_s: Seconds = 300
    upload_stalled_s: Seconds = 15
    header_s: Seconds = 10
    audio_s: Annotated[int, Field(ge=1, le=86_400)] = 14_400
    clip_s: Annotated[int, Field(ge=1, le=600)] = 60
    analysis_s: Seconds = 600
    analyses: Annotated[int, Field(ge=1, le=64)] = 1
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 1200
    failures_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    event_streams: Annotated[int, Field(ge=1, le=10_000)] = 64
    event_backlog: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000

    @property
    def calls_of_a_tenant(self) -> int:
        """Calls that one tenant may have at a time.

        >>> [Limits(calls=calls).calls_of_a_tenant for calls in (1, 2, 400)]
        [1, 1, 300]
        """
        return self.calls_per_tenant or max(1, 3 * self.calls // 4)


def is_loopback(host: str) -> bool:
    """True for a name or an address that only this machine can reach.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0")]
    [True, True, True, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
