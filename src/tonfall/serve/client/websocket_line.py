"""A WebSocket for calls: what is received is left to ``websockets``, what is sent is not.

A load generator sends a hundred messages a second for each call, so they are framed here, and all
that are due go into one write.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tonfall.errors import ServiceError
from tonfall.parsing import read_json
from tonfall.serve.client.address import Address

try:
    from websockets.speedups import apply_mask
except ImportError:  # Built without the C extension: correct, but slower.
    from websockets.utils import apply_mask

__all__ = ["WebSocketLine", "masked_frame"]

TEXT, BINARY = 0x81, 0x82
MASKED = 0x80
ENOUGH_UNSENT = 1 << 18
"""Bytes that the system may hold of ours before we wait."""
ABNORMAL = 1006
_masks = random.Random()


def masked_frame(content: str | bytes) -> bytes:
    """A message as a client sends it (RFC 6455, section 5.2)."""
    first = TEXT if isinstance(content, str) else BINARY
    data = content.encode() if isinstance(content, str) else content
    size = len(data)
    if size < 126:
        head = bytes((first, MASKED | size))
    elif size < 1 << 16:
        head = bytes((first, MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, MASKED | 127)) + size.to_bytes(8, "big")
    mask = _masks.getrandbits(32).to_bytes(4, "big")
    return b"".join((head, mask, apply_mask(data, mask)))


class WebSocketLine(asyncio.Protocol):
    """One WebSocket, from the client's side.

    Args:
        url: that is dialled.
        headers: besides those of the handshake.
        subprotocols: that are offered.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], subprotocols: Sequence[str] = ()
    ) -> None:
        names = [Subprotocol(name) for name in subprotocols]
        self._ws = ClientProtocol(parse_uri(url), subprotocols=names or None)
        self._headers = headers
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._messages: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._full = False
        self._wake: Callable[[], None] = lambda: None
        self._fragments: list[bytes] = []

    @classmethod
    async def dial(
        cls,
        address: Address,
        *,
        headers: Mapping[str, str],
        subprotocols: Sequence[str] = (),
        trust: ssl.SSLContext | None = None,
        patience_s: float = 10.0,
    ) -> WebSocketLine:
        """Connect and shake hands.

        Raises:
            ServiceError: nobody answers, or the answer is no.
        """
        context = (trust or ssl.create_default_context()) if address.secure else None
        line = cls(address.url, headers=headers, subprotocols=subprotocols)
        try:
            async with asyncio.timeout(patience_s):
                await line._connect(address, context)
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer in time"
            raise ServiceError(
                f"{address.url}: no connection ({why}); is the server running?", retry=True
            ) from error
        return line

    async def _connect(self, address: Address, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, address.host, address.port, ssl=context)
            await self._opened
        except BaseException:
            if self._transport is not None:
                self._transport.abort()
            raise

    @property
    def full(self) -> bool:
        """True where the other side does not take what was sent."""
        return self._full

    @property
    def gone(self) -> bool:
        """True where nothing can be sent any more."""
        return self._ws.state is not State.OPEN or self._closed.done()

    @property
    def close_code(self) -> int | None:
        """By which the connection was closed; None while it is open."""
        return (self._ws.close_code or ABNORMAL) if self._closed.done() else None

    @property
    def close_reason(self) -> str:
        """What the server said to it."""
        return self._ws.close_reason or ""

    def on_change(self, wake: object) -> None:
        """Call ``wake`` when it is no longer full, or gone."""
        self._wake = cast("Callable[[], None]", wake)

    def send(self, frames: list[str | bytes]) -> None:
        """Send messages in one write."""
        assert self._transport is not None
        self._transport.write(b"".join(map(masked_frame, frames)))

    async def receive(self, *, patience_s: float) -> str | bytes | None:
        """The next message; None where the connection was closed, or none comes in time."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._messages.get()
        except TimeoutError:
            return None

    async def hang_up(self, *, patience_s: float = 5.0) -> None:
        """Close, and wait until the other side has."""
        if self._ws.state is State.OPEN:
            self._ws.send_close(1000)
            self._flush()
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.shield(self._closed)
        except TimeoutError:
            pass
        finally:
            if self._transport is not None:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=ENOUGH_UNSENT)
        request = self._ws.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._ws.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what the server sent."""
        self._ws.receive_data(data)
        self._take_events()

    def eof_received(self) -> None:
        """The server closed its side."""
        self._ws.receive_eof()
        self._take_events()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        if self._ws.state is not State.CLOSED:
            self._ws.receive_eof()
        self._take_events()
        if not self._closed.done():
            self._closed.set_result(None)
        if not self._opened.done():
            self._opened.set_exception(ServiceError(self._refusal(self._ws.handshake_exc or error)))
        self._messages.put_nowait(None)
        self._wake()

    def pause_writing(self) -> None:
        """The system holds enough of ours."""
        self._full = True

    def resume_writing(self) -> None:
        """It was sent."""
        self._full = False
        self._wake()

    def _take_events(self) -> None:
        for event in self._ws.events_received():
            if isinstance(event, Response):
                self._on_response()
            elif isinstance(event, Frame):
                self._on_frame(event)
        self._flush()
        if self._ws.close_expected() and self._transport is not None:
            self._wake()

    def _on_response(self) -> None:
        error = self._ws.handshake_exc
        if error is None:
            self._opened.set_result(None)
        elif not self._opened.done():
            self._opened.set_exception(ServiceError(self._refusal(error), retry=_is_busy(error)))

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments.append(bytes(frame.data))
            if frame.opcode is not Opcode.CONT:
                self._kind = frame.opcode
            if frame.fin:
                data, self._fragments = b"".join(self._fragments), []
                text = self._kind is Opcode.TEXT
                self._messages.put_nowait(data.decode(errors="replace") if text else data)

    def _flush(self) -> None:
        if self._transport is None:
            return
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _refusal(self, error: BaseException | None) -> str:
        """Why there is no call, in one sentence."""
        if isinstance(error, InvalidStatus):
            body = bytes(error.response.body or b"").decode(errors="replace")
            return f"The server refused the call with status {_said(error.response, body)}"
        if isinstance(error, WebSocketException):
            return f"What answers is no WebSocket ({error}); check the URL."
        return f"The server closed the connection before the call ({error or 'no reason'})."


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, InvalidStatus) and error.response.status_code in (429, 503)


def _said(response: Response, body: str) -> str:
    """Status and detail, as problem documents (RFC 9457) have it."""
    try:
        detail = str(read_json(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = response.reason_phrase
    return f"{response.status_code}: {detail.rstrip('.')}."
