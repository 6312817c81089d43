"""WebSockets without a queue and a task between socket and session.

A Twilio call brings a hundred messages a second. Through ASGI each costs two task switches; here
the frame that came goes to the session in the same call that read it. The handshake, control
frames, fragments and all that is wrong stay with the ``websockets`` library: only whole, masked,
unfragmented data frames take the short way.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from tonfall.serve.carriers.pace import Pace
from tonfall.serve.carriers.session import Close, Out, Session

try:
    from websockets.speedups import apply_mask
except ImportError:  # Built without the C extension: correct, but slower.
    from websockets.utils import apply_mask

__all__ = ["EXTENSION", "DirectWebSocket"]

EXTENSION = "tonfall.direct"
"""Under this name the ASGI scope's extensions hold the connection."""
TEXT, BINARY = WHOLE = (0x81, 0x82)
"""First bytes of a data frame that is a whole message, without extensions."""
MASKED = 0x80
LONGEST_UNREAD = 1 << 20
"""Bytes of ours that the other side may leave unread."""
LINGER_S = 2.0
"""Seconds in which what still comes is thrown away, once a frame was refused."""
MOST_THROWN_AWAY = 1 << 24
LONGEST_REASON = 123
"""Bytes of a close frame's reason (RFC 6455, section 5.5)."""
SHORTEST_HEAD = 6
"""Bytes before the payload of a masked frame."""


class DirectWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, which a session can take over once it is accepted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._session: Session | None = None
        self._pace: Pace | None = None
        self._rest = bytearray()
        self._whole = False
        self._clean = False
        self._room_to_throw: int | None = None
        self._over: asyncio.Future[None] = self.loop.create_future()

    async def run(self, session: Session, *, pace: Pace) -> None:
        """Hand all that comes to a session, until the connection is closed.

        Call it after the WebSocket was accepted, in place of receiving messages.

        Args:
            session: that takes over.
            pace: how often the socket is read.
        """
        if self.disconnected:
            session.gone(clean=False)
            return
        self._session, self._pace = session, pace
        session.attach(self.send_out, unread=self.transport.get_write_buffer_size)
        self._take_waiting()
        pace.join()
        try:
            await self._over
        finally:
            pace.leave()

    def handle_connect(self, event: Any) -> None:
        """The handshake was read: from here on there are frames."""
        super().handle_connect(event)
        self.scope_extensions()[EXTENSION] = self
        self._whole = True

    def scope_extensions(self) -> dict[str, Any]:
        """What the ASGI scope offers beyond the standard; none before the handshake."""
        scope = getattr(self, "scope", None)
        return cast("dict[str, Any]", scope["extensions"]) if scope else {}

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames; whole messages go straight to the session."""
        if self._room_to_throw is not None:
            self._throw_away(data)
            return
        if not self._whole:
            super().data_received(data)
            return
        rest = self._rest
        if rest:
            rest += data
        buffer = rest or data
        start = self._take_frames(buffer)
        if not self._whole:
            self._rest = bytearray()
            super().data_received(bytes(buffer[start:]))
        elif buffer is rest:
            del rest[:start]
        elif start < len(buffer):
            rest += buffer[start:]
        if self._pace is not None and self._session is not None:
            self._pace.rest(self.transport, self._session)

    def _take_frames(self, buffer: bytes | bytearray) -> int:
        """Take the whole frames in a buffer; return where the rest begins."""
        start, size = 0, len(buffer)
        while size - start >= SHORTEST_HEAD:
            first, second = buffer[start], buffer[start + 1]
            head, length = SHORTEST_HEAD, second & 0x7F
            if length == 126:
                head, length = 8, int.from_bytes(buffer[start + 2 : start + 4], "big")
            elif length == 127:
                head, length = 14, int.from_bytes(buffer[start + 2 : start + 10], "big")
            end = start + head + length
            if not second & MASKED or length > self.config.ws_max_size:
                self._whole = False  # It is refused by the library, which has a word for it.
                break
            if end > size:
                break
            if self._session is not None and first in WHOLE:
                mask = buffer[start + head - 4 : start + head]
                data = apply_mask(buffer[start + head : end], mask)
                self._deliver(self._session, first, data)
            else:
                super().data_received(bytes(buffer[start:end]))
            start = end
        return start

    def send_out(self, out: list[Out]) -> None:
        """Send what a session wants sent."""
        if self.transport.is_closing():
            return
        for each in out:
            if self.conn.state is not State.OPEN:
                break
            if isinstance(each, Close):
                self._close(each)
            elif isinstance(each, str):
                self.conn.send_text(each.encode())
            else:
                self.conn.send_binary(each)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self._check_read()

    def handle_ping(self) -> None:
        """Answer, unless the other side never reads answers."""
        super().handle_ping()
        self._check_read()

    def handle_parser_exception(self) -> None:
        """A frame is refused: say why, and read on for a while before the connection is closed.

        Were it closed while the rest of a long frame comes, TCP would reset it, and the other side
        might never read why.
        """
        if self._room_to_throw is not None:
            return
        self._room_to_throw = MOST_THROWN_AWAY
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _throw_away(self, data: bytes) -> None:
        assert self._room_to_throw is not None
        self._room_to_throw -= len(data)
        if self._room_to_throw < 0:
            self.transport.abort()

    async def send(self, message: Any) -> None:
        """Send for the app; uvicorn takes a refusal that was sent whole for none, and logs it."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """A message that came in fragments, or the long way."""
        if self._session is None:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        opcode = TEXT if self.curr_msg_data_type == "text" else BINARY
        self._deliver(self._session, opcode, data)

    def handle_close(self, event: Frame) -> None:
        """The other side closes, or answers our closing."""
        self._clean = True
        super().handle_close(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The call ends with its connection."""
        super().connection_lost(exc)
        if self._session is not None:
            self._session.gone(clean=self._clean and exc is None)
        if not self._over.done():
            self._over.set_result(None)

    def shutdown(self) -> None:
        """The server stops: the session was told before, this is the end."""
        self._clean = False
        super().shutdown()

    def _deliver(self, session: Session, opcode: int, data: bytes) -> None:
        if self.close_sent:
            return
        if opcode == BINARY:
            out = session.receive(data, now=self.loop.time())
        else:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                self.send_out([Close(1007, "A text frame is not UTF-8.")])
                return
            out = session.receive(text, now=self.loop.time())
        if out:
            self.send_out(out)

    def _take_waiting(self) -> None:
        """What came between accepting and taking over."""
        while not self.queue.empty() and self._session is not None:
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                text, data = message.get("text"), message.get("bytes")
                opcode = BINARY if text is None else TEXT
                self._deliver(
                    self._session, opcode, text.encode() if text is not None else data or b""
                )
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _close(self, close: Close) -> None:
        if close.after_s:
            at_once: list[Out] = [Close(close.code, close.reason)]
            self.loop.call_later(close.after_s, self.send_out, at_once)
            return
        if not self.close_sent:
            self.conn.send_close(close.code, _short(close.reason))
            self.close_sent = True
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def _check_read(self) -> None:
        """Cut off whoever reads nothing: what we send must not pile up."""
        unread = self.transport.get_write_buffer_size()
        if unread > LONGEST_UNREAD and self._session is not None:
            self._session.totals.overfull += 1
            self.transport.abort()


def _short(reason: str) -> str:
    return reason.encode()[:LONGEST_REASON].decode(errors="ignore")
