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
from tonfall.serve.carriers.turn import TICK_S, Turn
from tonfall.serve.codecs import Limits, Role
from tonfall.serve.codecs.audiosocket import AudioSocket, packet_end
from tonfall.serve.codecs.rtp import RTP_LIMITS, Rtp
from tonfall.serve.codecs.rtp_format import RtpEncoding, RtpFormat
from tonfall.serve.settings import AudioSocketPort, Carriers, RtpLine

__all__ = ["Listener", "open_ports"]

RECEIVE_BYTES = 1 << 22
"""Of datagrams that may wait for us; the system may allow less (net.core.rmem_max)."""
LONGEST_DATAGRAM = 65_536
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
    formats = {each: _format(name, text) for each, text in line.formats.items()}
    try:
        sock = _datagram_socket(line.host, line.port)
    except OSError as error:
        raise _not_opened(f"carriers.rtp.{name}", line.host, line.port, error) from error
    port = _RtpPort(name, line, formats, switchboard, call_s)
    port.listen(sock)
    host, number = sock.getsockname()[:2]
    return host, number, port


def _datagram_socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


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
        self._transport: asyncio.Transport
        self._buffer = bytearray()

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
        if self._session is not None:
            self._buffer += data
            self._rest(left=self._take_packets())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None:
            self._session.gone(clean=exc is None)
            self._pace.leave()

    @property
    def congested(self) -> bool:
        """True where more of the call waits to be judged than fits."""
        session = self._session
        return session is not None and session.congested and not session.over

    def pause(self) -> None:
        """Read no more."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Work off what was left, and read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()
            if self._take_packets():  # Else it is read before it may rest again.
                self._rest(left=True)

    def _rest(self, *, left: bool) -> None:
        if not self._transport.is_closing():
            self._pace.rest(self, left=left)

    def _take_packets(self) -> bool:
        """Take whole packets; True where the turn was over before all were taken."""
        assert self._session is not None
        buffer, start, left = self._buffer, 0, False
        turn = Turn(self._loop.time)
        while not self._session.over and (end := packet_end(buffer, start)) is not None:
            if left := turn.is_over():
                break
            packet = bytes(buffer[start:end])
            self._send(self._session.receive(packet, now=self._loop.time()))
            start = end
        del buffer[:start]
        return left

    def _send(self, out: list[Out]) -> None:
        if any(isinstance(each, Close) for each in out):
            self._transport.close()


class _RtpPort:
    """One UDP port: one call after the other, each from one address.

    It reads its socket itself: a datagram transport of asyncio's cannot be told to pause.
    """

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
        self._resting: asyncio.TimerHandle | None = None
        self._socket: socket.socket

    def listen(self, sock: socket.socket) -> None:
        """Take packets from a socket that is bound."""
        self._socket = sock
        self._read_on()

    def close(self) -> None:
        """Take no more; a call that goes on ends."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._end(clean=False)

    def _read_on(self) -> None:
        self._resting = None
        self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        """One turn at the packets that wait; where it does not take all, they rest a while."""
        turn = Turn(self._loop.time)
        while not turn.is_over():
            try:
                data, address = self._socket.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # such as the news that an earlier packet of ours did not arrive
                continue
            self._on_packet(data, address[:2])
        self._loop.remove_reader(self._socket)
        self._resting = self._loop.call_later(TICK_S, self._read_on)

    def _on_packet(self, data: bytes, addr: tuple[str, int]) -> None:
        now = self._loop.time()
        if self._session is None and not self._begin(data, addr, now):
            return
        assert self._session is not None
        if addr != self._sender:
            self._switchboard.totals["rtp"].refusals["sender"] += 1
            return
        self._latest = now
        self._send(self._session.receive(data, now=now))

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
        self._sender = addr
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
            fastest=self._line.fastest,
            limits=self._limits,
        )
