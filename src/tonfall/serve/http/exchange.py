"""One request and its answer, as ASGI."""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

import h11
from starlette.types import ASGIApp, Message, Scope

__all__ = ["STALLED_S", "Exchange", "Wire", "phrase"]

_log = logging.getLogger(__name__)

STALLED_S = 60.0
"""Seconds that a client has to make room for more of an answer."""
CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
MOST_WAITING = 65_536
"""Bytes of a body that wait for the app before no more of it is read."""


class Wire(Protocol):
    """The connection, as an exchange sees it."""

    writable: asyncio.Event

    @property
    def must_close(self) -> bool:
        """True where the connection ends with this answer."""

    @property
    def expects_continue(self) -> bool:
        """True where the client sends its body only once it was told to."""

    def send_event(self, event: h11.Event) -> None:
        """Write a part of the answer."""

    def read_on(self) -> None:
        """There is room for more of the body."""

    def answered(self) -> None:
        """All of the answer is written."""

    def abort(self) -> None:
        """The answer cannot be ended in order."""


class Exchange:
    """One request and its answer.

    Args:
        scope: of ASGI.
        wire: the connection.

    Attributes:
        begun: True once the answer's head was sent.
        over: True once all of the answer was.
    """

    def __init__(self, scope: Scope, wire: Wire) -> None:
        self.begun = self.over = False
        self._scope = scope
        self._wire = wire
        self._body = bytearray()
        self._complete = self._gone = False
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        """True where more waits for the app than should."""
        return len(self._body) >= MOST_WAITING

    def feed(self, data: bytes) -> None:
        """More of the body came."""
        self._body += data
        self._news.set()

    def complete(self) -> None:
        """All of the body is there."""
        self._complete = True
        self._news.set()

    def gone(self) -> None:
        """The connection is lost: the app is told, and nothing more is sent."""
        self._gone = True
        self._news.set()

    async def run(self, app: ASGIApp) -> None:
        """Let the app answer; where it fails, answer for it, or cut the connection off."""
        try:
            await app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._wire.abort()
            raise
        except Exception:
            _log.exception("A request failed by an error of ours.")
        if not self.over and not self._gone:
            await self._fail()

    async def receive(self) -> Message:
        """The next part of the body; then, once there is nobody to answer any more, that."""
        if self._wire.expects_continue and not self.begun and not self._gone:
            self._wire.send_event(CONTINUE)
        if not (self.over or self._gone):
            self._wire.read_on()
            await self._news.wait()
            self._news.clear()
        if self.over or self._gone:
            return {"type": "http.disconnect"}
        body = bytes(self._body)
        self._body.clear()
        return {"type": "http.request", "body": body, "more_body": not self._complete}

    async def send(self, message: Message) -> None:
        """Send a part of the answer, once there is room for it."""
        try:
            async with asyncio.timeout(STALLED_S):
                await self._wire.writable.wait()
        except TimeoutError:
            self._wire.abort()
            return
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], list(message.get("headers", [])))
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        named = {name.lower() for name, _ in headers}
        if b"date" not in named:
            headers.append((b"date", formatdate(usegmt=True).encode("ascii")))
        if self._wire.must_close and b"connection" not in named:
            headers.append((b"connection", b"close"))
        self._wire.send_event(
            h11.Response(status_code=status, headers=headers, reason=phrase(status))
        )
        self.begun = True

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if body and self._scope["method"] != "HEAD":
            self._wire.send_event(h11.Data(data=body))
        if not more:
            self._wire.send_event(h11.EndOfMessage())
            self.over = True
            self._news.set()
            self._wire.answered()

    async def _fail(self) -> None:
        if self.begun:
            self._wire.abort()
            return
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body"})


def phrase(status: int) -> str:
    """The words of a status.

    >>> phrase(431), phrase(599)
    ('Request Header Fields Too Large', '')
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
