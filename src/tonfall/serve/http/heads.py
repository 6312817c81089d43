"""HEAD wherever there is GET: the same answer without its body (RFC 9110, 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Heads"]


class Heads:
    """ASGI around routes that know GET.

    An answer without an end, such as a stream of events, ends with its head.

    Args:
        app: that is asked with GET instead.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, HEAD as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        await self._app({**scope, "method": "GET"}, receive, _HeadOnly(send).send)


class _HeadOnly:
    """Sends the head and the end; once it is sent, ``receive`` says that nobody is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def send(self, message: Message) -> None:
        if self._begun:
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self._begun = True
            await self._send({"type": "http.response.body"})
