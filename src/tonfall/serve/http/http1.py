"""HTTP/1.1 connections: what comes is parsed by h11, piece by piece, and handed to the app.

Nothing that a client sends is held without a limit of size and of time, whether it has a key or
not: a request's head, a chunk's head and the trailers may have 64 KiB and 100 lines, and must be
whole within ``header_s``; a body is read as the app takes it; what is sent before the answer to
the request before it waits in the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast
from urllib.parse import unquote

import h11
from starlette.types import Scope

from tonfall.serve.carriers.turn import TICK_S, Turn
from tonfall.serve.http.exchange import STALLED_S, Exchange, phrase
from tonfall.serve.http.problems import problem_response
from tonfall.serve.http.serving import ABORT, Serving, address
from tonfall.serve.http.websocket import WebSocketConnection

__all__ = ["HEAD_BYTES", "HEAD_LINES", "HttpConnection"]

HEAD_BYTES = 65_536
HEAD_LINES = 100
PIECE = 16_384
"""Bytes that are parsed at a time: by so much a head may be too long before it is noticed."""
KEEP_ALIVE_S = 130.0
"""Longer than proxies keep a connection that they may use again (nginx 60 s, Caddy 120 s): were it
closed here first, a request that is on its way would be lost, and the proxy would answer 502."""
LINGER_S = 2.0
LINGER_BYTES = 1 << 20
"""What still comes after the last answer is thrown away for so long: were the connection closed at
once, TCP would reset it, and the client might never read the answer."""
TOO_LONG = (
    f"A request's head or its trailers have more than {HEAD_BYTES} bytes or {HEAD_LINES} lines, "
    "the limit; send less."
)


class HttpConnection(asyncio.Protocol):
    """One client, request by request.

    Args:
        serving: what it shares with the others.
    """

    def __init__(self, serving: Serving) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self._serving = serving
        self._loop = asyncio.get_running_loop()
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._waiting = bytearray()
        self._taken = 0
        self._exchange: Exchange | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._room_to_throw: int | None = None
        self._switched = False
        self._transport: asyncio.Transport

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected: the first head must come in time."""
        self._transport = cast("asyncio.Transport", transport)
        self._serving.connections.add(self)
        self._serving.waits(self)
        self._expect_within(self._serving.header_s)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._room_to_throw is not None:
            self._room_to_throw -= len(data)
            if self._room_to_throw < 0:
                self._transport.abort()
            return
        if self._is_idle and not self._waiting:
            self._expect_within(self._serving.header_s)
        self._waiting += data
        if self._resting is None:
            self._work()
        else:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whichever side."""
        del exc
        self._serving.connections.discard(self)
        self._serving.waits_no_more(self)
        self._expect_nothing()
        if self._resting is not None:
            self._resting.cancel()
        self.writable.set()
        if self._exchange is not None:
            self._exchange.gone()

    def shutdown(self) -> None:
        """The server stops: close now, or with the answer that is under way."""
        if self._exchange is None:
            self._transport.close()

    # What an exchange calls.

    @property
    def must_close(self) -> bool:
        """True where the server stops, or the app answers before it has all of the request."""
        return self._serving.stops or self._parser.their_state is h11.SEND_BODY

    @property
    def expects_continue(self) -> bool:
        """True where the client sends its body only once it was told to."""
        return self._parser.they_are_waiting_for_100_continue

    def send_event(self, event: h11.Event) -> None:
        """Write a part of the answer."""
        data = self._parser.send(event)
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def read_on(self) -> None:
        """There is room for more of the body."""
        if self._resting is not None or self._transport.is_closing():
            return
        if not (self._waiting or self._parser.trailing_data[0]):
            self._transport.resume_reading()
        elif self._parser.their_state is h11.SEND_BODY:
            self._rest(0.0)

    def answered(self) -> None:
        """All of the answer is written: wait for the next request, or close."""
        self._exchange = None
        if self._parser.our_state is h11.MUST_CLOSE or self._serving.stops:
            self._close()
            return
        self._parser.start_next_cycle()
        self._serving.waits(self)
        self._taken = len(self._parser.trailing_data[0])
        if self._taken or self._waiting:  # The client did not wait for the answer.
            self._expect_within(self._serving.header_s)
            self._rest(TICK_S)
        else:
            self._expect_within(KEEP_ALIVE_S)
            self._transport.resume_reading()

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()

    # What comes.

    @property
    def _is_idle(self) -> bool:
        """True between two requests."""
        return self._parser.their_state is h11.IDLE and not self._parser.trailing_data[0]

    def _work(self) -> None:
        """One turn at what waits."""
        turn = Turn(self._loop.time)
        try:
            while not turn.is_over():
                if not self._take_next():
                    return
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)
            return
        self._rest(TICK_S)

    def _take_next(self) -> bool:
        """Take the next event; False where there is none, or nothing may be taken now."""
        if self._exchange is not None and self._exchange.full:
            self._transport.pause_reading()
            return False
        if self._parser.their_state is h11.MUST_CLOSE:  # After the last request nothing counts.
            self._waiting.clear()
            return False
        event = self._parser.next_event()
        if event is h11.PAUSED:  # The next request, before this one is answered.
            self._transport.pause_reading()
            return False
        if event is h11.NEED_DATA:
            return self._feed()
        self._on_event(cast("h11.Event", event))
        return not (self._switched or self._transport.is_closing())

    def _feed(self) -> bool:
        """Give the parser another piece, if what it has is not too long already."""
        held = self._parser.trailing_data[0]
        if held.count(b"\n") > HEAD_LINES:
            raise h11.RemoteProtocolError(TOO_LONG, error_status_hint=431)
        if held and self._deadline is None:
            self._expect_within(self._serving.header_s)
        if not self._waiting:
            return False
        piece = bytes(self._waiting[:PIECE])
        del self._waiting[:PIECE]
        self._taken += len(piece)
        self._parser.receive_data(piece)
        return True

    def _on_event(self, event: h11.Event) -> None:
        self._expect_nothing()
        if isinstance(event, h11.Request):
            self._on_request(event)
        elif isinstance(event, h11.Data) and self._exchange is not None:
            self._exchange.feed(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and self._exchange is not None:
            if len(event.headers) > HEAD_LINES:
                raise h11.RemoteProtocolError(TOO_LONG, error_status_hint=431)
            self._exchange.complete()
        elif isinstance(event, h11.ConnectionClosed):
            self._transport.close()

    def _on_request(self, event: h11.Request) -> None:
        self._serving.waits_no_more(self)
        rest = self._parser.trailing_data[0]
        if self._taken - len(rest) > HEAD_BYTES or len(event.headers) > HEAD_LINES:
            raise h11.RemoteProtocolError(TOO_LONG, error_status_hint=431)
        _check(event)
        scope = self._scope(event)
        if (b"upgrade", b"websocket") in [(name, value.lower()) for name, value in event.headers]:
            self._upgrade(event, scope, rest)
            return
        self._exchange = Exchange(scope, self)
        self._serving.run(self._exchange.run(self._serving.app))

    def _scope(self, event: h11.Request) -> Scope:
        raw_path, _, query = event.target.partition(b"?")
        secure = self._transport.get_extra_info("sslcontext") is not None
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": event.http_version.decode("ascii"),
            "method": event.method.decode("ascii"),
            "scheme": "https" if secure else "http",
            "server": address(self._transport, "sockname"),
            "client": address(self._transport, "peername"),
            "root_path": "",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [(name, value) for name, value in event.headers],
            "state": {},
            "extensions": {ABORT: {"abort": self._transport.abort}},
        }

    def _upgrade(self, event: h11.Request, scope: Scope, rest: bytes) -> None:
        """From here on it is a WebSocket."""
        lines = [event.method + b" " + event.target + b" HTTP/" + event.http_version]
        lines += [name + b": " + value for name, value in event.headers.raw_items()]
        head = b"\r\n".join([*lines, b"", b""])
        self._switched = True
        self._serving.connections.discard(self)
        rest += bytes(self._waiting)
        self._waiting.clear()
        socket = WebSocketConnection(self._serving, self._transport, scope)
        self._transport.set_protocol(socket)
        socket.begin(head, rest)

    # Limits of time, and the end.

    def _rest(self, seconds: float) -> None:
        """Read nothing for a while: all others come first."""
        if self._resting is not None:
            self._resting.cancel()
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._resting = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._resting = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self._loop.call_later(seconds, self._transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        """What came is not HTTP, or too much of it: say so where that can be said, and close."""
        self._waiting.clear()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.gone()
            if exchange.begun:
                self._transport.abort()
                return
        text = TOO_LONG if status == 431 else "The request is no HTTP/1.1 that can be read."
        answer = problem_response(status, text, {"Connection": "close"})
        reason = phrase(status)
        self.send_event(h11.Response(status_code=status, headers=answer.raw_headers, reason=reason))
        self.send_event(h11.Data(data=bytes(answer.body)))
        self.send_event(h11.EndOfMessage())
        self._close()

    def _close(self) -> None:
        """Close; where more may come, throw it away for a while first."""
        if self._transport.is_closing():
            return
        self._expect_within(STALLED_S)
        if self._parser.their_state in (h11.MUST_CLOSE, h11.DONE, h11.CLOSED):
            self._transport.close()
            return
        self._waiting.clear()
        self._room_to_throw = LINGER_BYTES
        with contextlib.suppress(OSError):  # The client may be gone already.
            if self._transport.can_write_eof():
                self._transport.write_eof()
        self._transport.resume_reading()
        self._expect_within(LINGER_S)


def _check(event: h11.Request) -> None:
    """Refuse what h11 lets pass, but a proxy before us may read in another way than we do.

    Raises:
        RemoteProtocolError: the request has two lengths, or is of another version than 1.
    """
    if not event.http_version.startswith(b"1."):
        raise h11.RemoteProtocolError("Not HTTP/1.", error_status_hint=505)
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in event.headers}:
        raise h11.RemoteProtocolError("Two lengths.", error_status_hint=400)
