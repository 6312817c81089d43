"""Connections that are no WebSocket: TCP for AudioSocket, UDP for RTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from tonfall.errors import ServiceError
from tonfall.serve.client.address import Address

__all__ = ["TcpLine", "UdpLine"]


class TcpLine(asyncio.Protocol):
    """A TCP connection on which nothing is expected to come back."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._full = False
        self._wake: Callable[[], None] = lambda: None

    @classmethod
    async def dial(cls, address: Address, *, patience_s: float = 10.0) -> TcpLine:
        """Connect.

        Raises:
            ServiceError: nobody answers.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(patience_s):
                _, line = await loop.create_connection(cls, address.host, address.port)
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer in time"
            raise ServiceError(
                f"{address.url}: no connection ({why}); is the server running?", retry=True
            ) from error
        return line

    @property
    def full(self) -> bool:
        """True where the other side does not take what was sent."""
        return self._full

    @property
    def gone(self) -> bool:
        """True where the connection is closed."""
        return self._closed.done()

    @property
    def close_code(self) -> int | None:
        """TCP has none."""
        return None

    @property
    def close_reason(self) -> str:
        """Nor reasons."""
        return ""

    def on_change(self, wake: object) -> None:
        """Call ``wake`` when it is no longer full, or gone."""
        self._wake = cast("Callable[[], None]", wake)

    def send(self, frames: list[str | bytes]) -> None:
        """Send packets in one write."""
        assert self._transport is not None
        self._transport.write(b"".join(cast("list[bytes]", frames)))

    async def hang_up(self, *, patience_s: float = 5.0) -> None:
        """Close our side, and wait until the other side has closed its own."""
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write_eof()
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.shield(self._closed)
        except TimeoutError:
            pass
        finally:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        del error
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        """The system holds enough of ours."""
        self._full = True

    def resume_writing(self) -> None:
        """It was sent."""
        self._full = False
        self._wake()


class UdpLine(asyncio.DatagramProtocol):
    """Datagrams to one address; whether they arrive, nobody says."""

    full = False
    close_code = None

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._refused = False
        self._wake: Callable[[], None] = lambda: None

    @classmethod
    async def dial(cls, address: Address) -> UdpLine:
        """Open a port.

        Raises:
            ServiceError: the host has no address.
        """
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_datagram_endpoint(
                cls, remote_addr=(address.host, address.port)
            )
        except OSError as error:
            raise ServiceError(f"{address.url}: no such host ({error.strerror}).") from error
        return line

    @property
    def gone(self) -> bool:
        """True where the other side's system says that nobody listens."""
        return self._refused

    @property
    def close_reason(self) -> str:
        """Why it is gone."""
        return "nobody listens at this port" if self._refused else ""

    def on_change(self, wake: object) -> None:
        """Call ``wake`` when it is gone."""
        self._wake = cast("Callable[[], None]", wake)

    def send(self, frames: list[str | bytes]) -> None:
        """Send datagrams."""
        assert self._transport is not None
        for frame in cast("list[bytes]", frames):
            self._transport.sendto(frame)

    async def hang_up(self) -> None:
        """Close the port."""
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def error_received(self, exc: Exception) -> None:
        """The other side's system refuses datagrams."""
        if isinstance(exc, ConnectionRefusedError):
            self._refused = True
            self._wake()
