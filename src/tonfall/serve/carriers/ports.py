"""AudioSocket's TCP port and RTP's UDP ports: one listener each line of the settings."""

from __future__ import annotations

import asyncio
import secrets
import socket
from functools import partial
from typing import Protocol, cast

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.carriers.doors import is_allowed
from tonfall.serve.carriers.pace import Pace
from tonfall.serve.carriers.session import Close, Out, Session
from tonfall.serve.carriers.switchboard import Switchboard
from tonfall.serve.codecs import Limits, Role
from tonfall.serve.codecs.audiosocket import AudioSocket
from tonfall.serve.codecs.rtp import RTP_LIMITS, Rtp
from tonfall.serve.codecs.rtp_format import RtpEncoding, RtpFormat
from tonfall.serve.settings import AudioSocketPort, Carriers, RtpLine

__all__ = ["Listener", "open_ports"]

RECEIVE_BYTES = 1 << 22
"""Of datagrams that may wait for us; the system may allow less (net.core.rmem_max)."""
DEAF_S = 1.0
"""Seconds in which a stream that was refused is not tried again: RTP cannot be told to stop."""


class Listener(Protocol):
    """An open port."""

    def close(self) -> None:
        """Take no more."""


async def open_ports(
    settings: Carriers, *, switchboard: Switchboard, pace: Pace, call_s: int
) -> dict[str, tuple[str, int, Listener]]:
    """Open all ports that are set.

    Returns:
        Of each line, by its name: host, port and what is open.

    Raises:
        ServiceError: a port cannot be opened.
    """
    opened: dict[str, tuple[str, int, Listener]] = {}
    for name, line in settings.audiosocket.items():
        opened[f"audiosocket {name}"] = await _audiosocket(name, line, switchboard, pace, call_s)
    for name, rtp in settings.rtp.items():
        opened[f"rtp {name}"] = await _rtp(name, rtp, switchboard, call_s)
    return opened


async def _audiosocket(
    name: str, line: AudioSocketPort, switchboard: Switchboard, pace: Pace, call_s: int
) -> tuple[str, int, Listener]:
    loop = asyncio.get_running_loop()
    factory = partial(_AudioSocketConnection, line, switchboard, pace, call_s)
    try:
        server = await loop.create_server(factory, line.host, line.port)
    except OSError as error:
        raise _not_opened(f"carriers.audiosocket.{name}", line.host, line.port, error) from error
    host, port = server.sockets[0].getsockname()[:2]
    return host, port, server


async def _rtp(
    name: str, line: RtpLine, switchboard: Switchboard, call_s: int
) -> tuple[str, int, Listener]:
    loop = asyncio.get_running_loop()
    formats = {each: _format(name, text) for each, text in line.formats.items()}
    factory = partial(_RtpPort, name, line, formats, switchboard, call_s)
    try:
        transport, _ = await loop.create_datagram_endpoint(
            factory, local_addr=(line.host, line.port)
        )
    except OSError as error:
        raise _not_opened(f"carriers.rtp.{name}", line.host, line.port, error) from error
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    host, port = transport.get_extra_info("sockname")[:2]
    return host, port, transport


def _not_opened(name: str, host: str, port: int, error: OSError) -> ServiceError:
    return ServiceError(f"{name}: port {port} of {host} cannot be opened ({error.strerror}).")


def _format(name: str, text: str) -> RtpFormat:
    encoding, rate, *channels = text.split("/")
    try:
        known = RtpEncoding(encoding)
    except ValueError:
        raise ConfigError(
            f"carriers.rtp.{name}.formats has the encoding {encoding}, but PCMU, PCMA and L16 are "
            "what can be read."
        ) from None
    return RtpFormat(known, int(rate), int(channels[0]) if channels else 1)


class _AudioSocketConnection(asyncio.Protocol):
    """One connection of Asterisk's."""

    def __init__(
        self, line: AudioSocketPort, switchboard: Switchboard, pace: Pace, call_s: int
    ) -> None:
        self._line = line
        self._pace = pace
        self._switchboard = switchboard
        self._call_s = call_s
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        address = self._transport.get_extra_info("peername")[0]
        if self._switchboard.draining or not is_allowed(address, self._line.allowed):
            why = "draining" if self._switchboard.draining else "address"
            self._switchboard.totals["audiosocket"].refusals[why] += 1
            self._transport.abort()
            return
        codec = AudioSocket(role=self._line.role, limits=Limits(call_s=self._call_s))
        self._session = self._switchboard.session(
            codec, carrier="audiosocket", tenant=self._line.tenant, now=self._loop.time()
        )
        self._session.attach(self._send)
        self._pace.join()

    def data_received(self, data: bytes) -> None:
        if self._session is not None and self._transport is not None:
            self._send(self._session.receive(data, now=self._loop.time()))
            self._pace.rest(self._transport, self._session)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None:
            self._session.gone(clean=exc is None)
            self._pace.leave()

    def _send(self, out: list[Out]) -> None:
        for each in out:
            if isinstance(each, Close) and self._transport is not None:
                self._transport.close()


class _RtpPort(asyncio.DatagramProtocol):
    """One UDP port: one call after the other, each from one address."""

    def __init__(
        self,
        name: str,
        line: RtpLine,
        formats: dict[int, RtpFormat],
        switchboard: Switchboard,
        call_s: int,
    ) -> None:
        self._name = name
        self._line = line
        self._formats = formats
        self._switchboard = switchboard
        self._limits = Limits(frame_bytes=RTP_LIMITS.frame_bytes, call_s=call_s)
        self._loop = asyncio.get_running_loop()
        self._codec = self._new_codec()
        self._session: Session | None = None
        self._sender: tuple[str, int] | None = None
        self._latest = 0.0
        self._deaf_until = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = self._loop.time()
        if self._session is None and not self._begin(data, addr, now):
            return
        assert self._session is not None
        if addr[:2] != self._sender:
            self._switchboard.totals["rtp"].refusals["sender"] += 1
            return
        self._latest = now
        self._send(self._session.receive(data, now=now))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._end(clean=False)

    def _begin(self, data: bytes, addr: tuple[str, int], now: float) -> bool:
        """A call begins with the first packet of audio from an address that is allowed."""
        totals = self._switchboard.totals["rtp"]
        if now < self._deaf_until:
            return False
        if self._switchboard.draining or not is_allowed(addr[0], self._line.allowed):
            totals.refusals["draining" if self._switchboard.draining else "address"] += 1
            return False
        if not self._codec.accepts(data):
            totals.seen["malformed"] += 1
            return False
        self._sender = addr[:2]
        self._session = self._switchboard.session(
            self._codec, carrier="rtp", tenant=self._line.tenant, now=now
        )
        self._session.attach(self._send)
        self._watch = self._loop.call_later(self._line.idle_s, self._check_idle)
        return True

    def _check_idle(self) -> None:
        """No packet for a while: the call is over."""
        left = self._latest + self._line.idle_s - self._loop.time()
        if left <= 0:
            self._end(clean=True)
        else:
            self._watch = self._loop.call_later(left, self._check_idle)

    def _send(self, out: list[Out]) -> None:
        if any(isinstance(each, Close) for each in out):
            self._deaf_until = self._loop.time() + DEAF_S
            self._end(clean=False)

    def _end(self, *, clean: bool) -> None:
        session, self._session, self._sender = self._session, None, None
        if self._watch is not None:
            self._watch.cancel()
        if session is not None:
            session.gone(clean=clean)
            self._codec = self._new_codec()

    def _new_codec(self) -> Rtp:
        roles: tuple[Role, ...] = self._line.roles or (self._line.role,)
        return Rtp(
            # Letters first: a run of digits would be masked as somebody's number.
            call_id=f"{self._name}-c{secrets.token_hex(8)}",
            roles=roles,
            formats=self._formats,
            buffer_ms=self._line.buffer_ms,
            limits=self._limits,
        )
