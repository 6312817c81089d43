"""WebSockets without a queue and a task between socket and session.

Through ASGI each message costs two task switches; here a frame that came goes to the session in the
call that read it. The handshake, control frames, fragments and all that is wrong are the
``websockets`` library's: its protocol without a socket (``ServerProtocol``) is given every frame
but whole, masked, unfragmented data frames.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import Message, Scope
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from tonfall.serve.carriers import Close, Pace, Session
from tonfall.serve.carriers.session import Out
from tonfall.serve.carriers.turn import Turn
from tonfall.serve.codecs import EndReason
from tonfall.serve.http.frames import SHORTEST, find, unmasked
from tonfall.serve.http.serving import Serving

__all__ = ["EXTENSION", "LONGEST_MESSAGE", "WebSocketConnection"]

_log = logging.getLogger(__name__)

EXTENSION = "tonfall.websocket"
"""Under this name the ASGI scope's extensions hold the connection."""
LONGEST_MESSAGE = 262_144
"""Bytes of a message; the codecs have limits of their own below it."""
LONGEST_UNREAD = 1 << 20
"""Bytes of ours that the other side may leave unread."""
LINGER_S = 2.0
"""Seconds in which what still comes is thrown away, once a frame was refused."""
MOST_THROWN_AWAY = 1 << 24
CLOSE_S = 10.0
"""Seconds that the other side has to answer our close frame."""
PING_S = 20.0
"""Seconds between two pings; who sends nothing at all between them is gone."""
LONGEST_REASON = 123
"""Bytes of a close frame's reason (RFC 6455, section 5.5)."""
CONTROL = (Opcode.PING, Opcode.PONG)
TEXT, BINARY = WHOLE = (0x81, 0x82)
"""First bytes of a data frame that is a whole message, without extensions."""


class WebSocketConnection(asyncio.Protocol):
    """One WebSocket: an ASGI app accepts or refuses it, then a session takes it over.

    Args:
        serving: what it shares with the other connections.
        transport: of the connection whose request asked for a WebSocket.
        scope: of that request.
    """

    def __init__(self, serving: Serving, transport: asyncio.Transport, scope: Scope) -> None:
        self._serving = serving
        self._transport = transport
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(max_size=LONGEST_MESSAGE)
        self._response = Response(500, "", Headers())
        self._buffer = bytearray()
        self._parts: list[bytes] | None = None
        self._kind = BINARY
        self._session: Session | None = None
        self._pace: Pace | None = None
        self._accepted = self._refused = self._paused = self._clean = False
        self._alive = self._connect_told = False
        self._room_to_throw: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] = self._loop.create_future()

    def begin(self, head: bytes, rest: bytes) -> None:
        """Take the connection over, and let the app decide.

        Args:
            head: of the request.
            rest: what came after it.
        """
        self._serving.connections.add(self)
        self._buffer += rest
        self.pause()
        self._protocol.receive_data(head)
        events = self._protocol.events_received()
        if not events or not isinstance(events[0], Request):
            self._answer(self._protocol.reject(400, "The WebSocket handshake cannot be read.\n"))
            return
        self._response = self._protocol.accept(events[0])
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._answer(self._response)
            return
        self._serving.run(self._ask())

    async def run(self, session: Session, *, pace: Pace) -> None:
        """Hand all that comes to a session, until the connection is closed.

        Call it after the WebSocket was accepted, in place of receiving messages.

        Args:
            session: that takes over.
            pace: how often the socket is read.
        """
        if self._over.done():
            session.gone(clean=False)
            return
        self._session, self._pace = session, pace
        session.attach(self.send_out, unread=self._transport.get_write_buffer_size)
        pace.join()
        try:
            self.resume()
            await self._over
        finally:
            pace.leave()

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames; whole messages go straight to the session."""
        self._alive = True
        if self._room_to_throw is not None:
            self._throw_away(len(data))
            return
        self._buffer += data
        self._rest(left=self._take_frames())

    def connection_lost(self, exc: Exception | None) -> None:
        """The call ends with its connection."""
        self._serving.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._session is not None:
            self._session.gone(clean=self._clean and exc is None)
        if not self._over.done():
            self._over.set_result(None)

    def shutdown(self) -> None:
        """The server stops: the session was told before, this is the end."""
        self._clean = False
        if not self._accepted:
            self._answer(self._protocol.reject(503, "The server stops; call again.\n"))
        elif self._protocol.state is State.OPEN:
            self._protocol.send_close(1012)
            self._write()
        self._transport.close()

    # What the pace calls.

    @property
    def congested(self) -> bool:
        """True where more of the call waits to be judged than fits."""
        session = self._session
        return session is not None and session.congested and not session.over

    def pause(self) -> None:
        """Read no more."""
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Work off what was left, and read again."""
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            if self._take_frames():  # Else it is read before it may rest again.
                self._rest(left=True)

    # Frames that come.

    def _rest(self, *, left: bool) -> None:
        if self._pace is not None and not self._transport.is_closing():
            self._pace.rest(self, left=left)

    def _take_frames(self) -> bool:
        """Take whole frames; True where the turn was over before all were taken."""
        buffer, start, size = self._buffer, 0, len(self._buffer)
        turn, now, left = Turn(self._loop.time), self._loop.time(), False
        while size - start >= SHORTEST and self._room_to_throw is None:
            found = find(buffer, start, LONGEST_MESSAGE)
            if found is None:  # It is refused by the library, which has a word for it.
                self._hand_over(bytes(buffer[start:]))
                start = size
                break
            payload, end = found
            if end > size:
                break
            if left := turn.is_over():
                break
            if self._parts is None and buffer[start] in WHOLE:
                data = unmasked(buffer[payload:end], buffer[payload - 4 : payload])
                self._deliver(buffer[start], data, now)
            else:
                self._hand_over(bytes(buffer[start:end]))
            start = end
        del buffer[:start]
        return left

    def _hand_over(self, data: bytes) -> None:
        """Let the library read a frame; it answers pings and closes what is wrong."""
        was_open = self._protocol.state is State.OPEN
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._on_frame(event)
        self._write()
        if was_open and self._protocol.state is not State.OPEN and not self._clean:
            self._linger()

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._clean = True
            self._end_after_close()
            return
        if frame.opcode in CONTROL or frame.opcode is Opcode.CONT:
            self._spend()
        if frame.opcode in CONTROL:
            return
        if frame.opcode is not Opcode.CONT:
            self._kind = TEXT if frame.opcode is Opcode.TEXT else BINARY
            self._parts = []
        if self._parts is not None and frame.data:
            self._parts.append(bytes(frame.data))
        if frame.fin:
            data, self._parts = b"".join(self._parts or ()), None
            self._deliver(self._kind, data, self._loop.time())

    def _spend(self) -> None:
        """A frame that brings no audio; with too many of them the connection is closed."""
        if self._session is None:
            return
        out = self._session.spend(now=self._loop.time())
        if out:
            self.send_out(out)

    def _deliver(self, kind: int, data: bytes, now: float) -> None:
        if self._protocol.state is not State.OPEN or self._session is None:
            return
        frame: str | bytes = data
        if kind == TEXT:
            try:
                frame = data.decode()
            except UnicodeDecodeError:
                self.send_out([Close(1007, "A text frame is not UTF-8.")])
                return
        out = self._session.receive(frame, now=now)
        if out:
            self.send_out(out)

    # What is sent.

    def send_out(self, out: list[Out]) -> None:
        """Send what a session wants sent."""
        for each in out:
            if self._protocol.state is not State.OPEN or self._transport.is_closing():
                return
            if isinstance(each, Close):
                self._close(each)
            elif isinstance(each, str):
                self._protocol.send_text(each.encode())
            else:
                self._protocol.send_binary(each)
        self._write()

    def _write(self) -> None:
        """Write what the library wants sent; cut off whoever reads nothing of it."""
        data = b"".join(self._protocol.data_to_send())
        if not data or self._transport.is_closing():
            return
        self._transport.write(data)
        unread = self._transport.get_write_buffer_size()
        if unread > LONGEST_UNREAD:
            if self._session is not None:
                self._session.totals.overfull += 1
            self._transport.abort()

    def _close(self, close: Close) -> None:
        if close.after_s:
            at_once: list[Out] = [Close(close.code, close.reason)]
            self._loop.call_later(close.after_s, self.send_out, at_once)
            return
        reason = close.reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        self._protocol.send_close(close.code, reason)
        self._set_timer(CLOSE_S)
        if close.reason == EndReason.EMPTY:  # A flood, behind which no answer would be found.
            self._linger()
        elif self._session is None:  # The other side's answer is all that is still read.
            self.resume()

    def _end_after_close(self) -> None:
        """Both sides have said that it is over, or the other side says nothing any more."""
        self._write()
        self._transport.close()
        self._set_timer(CLOSE_S)  # Who does not read would else keep the connection, and its call.

    def _linger(self) -> None:
        """What comes is refused: throw it away for a while before the connection is closed.

        Were it closed while the rest of a long frame comes, TCP would reset it, and the other side
        might never read why.
        """
        if self._room_to_throw is None and not self._transport.is_closing():
            self._room_to_throw = MOST_THROWN_AWAY
            self._set_timer(LINGER_S)

    def _throw_away(self, size: int) -> None:
        assert self._room_to_throw is not None
        self._room_to_throw -= size
        if self._room_to_throw < 0:
            self._transport.abort()

    def _set_timer(self, seconds: float) -> None:
        """End the connection after so long."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._transport.abort)

    def _ping(self) -> None:
        """Ask whether anybody is there; end the connection where nothing came since last time."""
        if self._protocol.state is not State.OPEN or self._transport.is_closing():
            return
        if not (self._alive or self._paused):
            self._protocol.fail(1011, "keepalive ping timeout")
            self._end_after_close()
            return
        self._alive = False
        self._protocol.send_ping(b"tonfall")
        self._write()
        self._timer = self._loop.call_later(PING_S, self._ping)

    # ASGI: accepting and refusing.

    async def _ask(self) -> None:
        """Let the app decide; where it fails, refuse for it, or end the connection."""
        try:
            await self._serving.app(self._asgi(), self._receive, self._send_message)
        except Exception:
            _log.exception("A WebSocket failed by an error of ours.")
            if self._accepted:
                self.send_out([Close(1011, "The server made a mistake; it was logged.")])
        if not (self._accepted or self._transport.is_closing()):
            self._answer(self._protocol.reject(500, "The server made a mistake; it was logged.\n"))

    def _asgi(self) -> Scope:
        scope = self._scope
        named = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
        asked = [each.strip() for value in named for each in value.decode("latin-1").split(",")]
        return {
            **scope,
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "scheme": "wss" if scope["scheme"] == "https" else "ws",
            "path": unquote(scope["raw_path"].decode("ascii")),
            "subprotocols": asked,
            "extensions": {"websocket.http.response": {}, EXTENSION: self},
        }

    async def _receive(self) -> Message:
        if not self._connect_told:
            self._connect_told = True
            return {"type": "websocket.connect"}
        await asyncio.shield(self._over)
        return {"type": "websocket.disconnect", "code": 1005 if self._clean else 1006}

    async def _send_message(self, message: Message) -> None:
        if self._transport.is_closing():
            return
        kind = message["type"]
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.http.response.start":
            self._begin_refusing(message)
        elif kind == "websocket.http.response.body":
            self._response.body = (self._response.body or b"") + message.get("body", b"")
            if not message.get("more_body", False):
                self._answer(self._response)
        elif kind == "websocket.close" and not self._accepted:
            self._answer(self._protocol.reject(404, "There is no WebSocket at this path.\n"))
        elif kind == "websocket.close":
            code, reason = message.get("code", 1000), message.get("reason") or ""
            self.send_out([Close(code, reason)])

    def _accept(self, message: Message) -> None:
        headers = self._response.headers
        if message.get("subprotocol"):
            headers["Sec-WebSocket-Protocol"] = message["subprotocol"]
        for name, value in message.get("headers", []):
            headers[name.decode("latin-1")] = value.decode("latin-1")
        self._protocol.send_response(self._response)
        self._accepted = self._alive = True
        self._write()
        self._timer = self._loop.call_later(PING_S, self._ping)

    def _begin_refusing(self, message: Message) -> None:
        response = self._protocol.reject(message["status"], "")
        headers = response.headers
        for name, value in message.get("headers", []):
            header = name.decode("latin-1")
            if header.lower() in ("content-type", "content-length"):
                del headers[header]
            headers[header] = value.decode("latin-1")
        response.body = b""
        self._response = response

    def _answer(self, response: Response) -> None:
        """Refuse the handshake, and close."""
        if not self._refused:
            self._refused = True
            self._transport.write(response.serialize())
            self._transport.close()
