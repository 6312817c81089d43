"""What every request passes: hosts, origins, TLS, the size and the speed of what it brings."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonfall.serve.http.problems import Problem, problem_response, stops
from tonfall.serve.settings import Settings, is_loopback

__all__ = ["CLOSING", "OPEN_PATHS", "UPLOADS", "Gate", "allowed_origins", "refuse"]

_log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/livez", "/readyz"})
"""A load balancer asks these without TLS."""
SMALL_BODY = 65_536
SMALL_BODY_S = 30.0
"""Seconds that it may take; it is read before it is known who sends it."""
LONGEST_ORIGIN = 200
MOST_STRANGERS = 100
"""Origins that are named in the log, once each: whoever likes can make them up."""
UPLOADS = frozenset({"/v1/analyze", "/predict"})
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


HSTS = (b"strict-transport-security", b"max-age=31536000")


def secure_scope(scope: Scope) -> bool:
    """True for what came by TLS, by a trusted proxy's word or our own."""
    return scope["scheme"] in ("https", "wss")


class Gate:
    """ASGI around the whole app.

    Args:
        app: that is guarded.
        settings: hosts, proxies and limits.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._open_house = settings.auth.mode == "none"
        self._needs_tls = not settings.loopback or bool(settings.server.trusted_proxies)
        self._origins = allowed_origins(settings)
        self._limits = settings.limits
        self._strangers: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is not None:
            await refuse(problem, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            body = _Body(scope, receive, self._most(scope), self._longest_s(scope))
            body.stalled_s = self._limits.upload_stalled_s
            headers = [*SECURITY, HSTS] if secure_scope(scope) else SECURITY
            answer = _Answer(_with_headers(send, headers))
            try:
                await self._app(scope, body.receive, answer.send)
            except asyncio.CancelledError:  # the server stops, and this request took too long
                if answer.begun:
                    raise
                await refuse(stops(), scope, receive, answer.send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        if self._needs_tls and not secure_scope(scope) and scope["path"] not in OPEN_PATHS:
            return Problem(
                403, "The request did not come by TLS; dial this server as https:// or wss://."
            )
        origin = headers.get("origin")
        if origin is not None and not self._knows(origin, headers, scope):
            self._name(origin)
            return Problem(403, "The Origin is not one that may use this server.")
        if self._open_house and not self._names_us(headers.get("host", "")):
            return Problem(421, "The Host is not a name of this machine; use 127.0.0.1.")
        if self._open_house and headers.get("sec-fetch-site") == "cross-site" and origin is None:
            return Problem(403, "Other sites may not ask this server.")
        return _length_problem(scope, headers, self._most(scope))

    def _knows(self, origin: str, headers: Headers, scope: Scope) -> bool:
        """True for listed origins; without accounts, for pages of this server too."""
        if origin in self._origins:
            return True
        scheme = "https" if secure_scope(scope) else "http"
        same = origin == f"{scheme}://{headers.get('host', '')}"
        return same and (self._names_us(headers.get("host", "")) or not self._open_house)

    def _name(self, origin: str) -> None:
        """Tell the operator: a browser tells its page only 1006, whatever we answer."""
        if origin not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(origin)
            text = "A page of %s was refused; if it is yours, add that to server.origins."
            _log.info(text, origin[:LONGEST_ORIGIN])

    def _names_us(self, host: str) -> bool:
        """True where a page elsewhere cannot have made its own name point here."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:  # such as "[::1", which no browser sends
            return False
        public = {urlsplit(origin).hostname for origin in self._origins}
        return is_loopback(name) or name in public

    def _most(self, scope: Scope) -> int:
        return self._limits.upload_bytes if scope["path"] in UPLOADS else SMALL_BODY

    def _longest_s(self, scope: Scope) -> float:
        longest_s = self._limits.upload_s
        return longest_s if scope["path"] in UPLOADS else min(longest_s, SMALL_BODY_S)


def allowed_origins(settings: Settings) -> frozenset[str]:
    """Origins whose pages may use this server."""
    public = settings.server.public_url
    own = [public.rstrip("/")] if public else []
    return frozenset([*settings.server.origins, *own])


class _Body:
    """A request's body: not too large, not too slow."""

    stalled_s = 15.0

    def __init__(self, scope: Scope, receive: Receive, most: int, longest_s: float) -> None:
        self._scope = scope
        self._receive = receive
        self._most = most
        self._until = time.monotonic() + longest_s
        self._bytes = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next part.

        Raises:
            Problem: too much, or too slow.
        """
        if self._complete:  # What comes now is the news that the client went: wait for ever.
            return await self._receive()
        left_s = min(self.stalled_s, self._until - time.monotonic())
        try:
            async with asyncio.timeout(max(0.01, left_s)):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "The body came too slowly; send it faster, or less.", headers=CLOSING
            ) from None
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._most:
            raise _too_large(self._most)
        return message


class _Answer:
    """What is sent, and whether anything was."""

    def __init__(self, send: Send) -> None:
        self.begun = False
        self._send = send

    async def send(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


CLOSING = {"Connection": "close"}


def _length_problem(scope: Scope, headers: Headers, most: int) -> Problem | None:
    if scope["type"] != "http":
        return None
    length = headers.get("content-length", "0")
    return _too_large(most) if length.isdecimal() and int(length) > most else None


def _too_large(most: int) -> Problem:
    return Problem(413, f"The body has more than {most} bytes, the limit.", headers=CLOSING)


def _with_headers(send: Send, added: Sequence[tuple[bytes, bytes]]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            known = {name for name, _ in headers}
            headers += [(name, value) for name, value in added if name not in known]
            if b"cache-control" not in known:
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse; a WebSocket before it is accepted."""
    response = problem_response(problem.status_code, str(problem.detail), problem.headers)
    await response(scope, receive, send)
