"""Server-sent events: what happened since, then what happens, until the client goes.

``asyncio.timeout`` rather than ``asyncio.wait_for`` throughout: up to Python 3.11 the latter loses
a cancellation that comes as what it waits for is done, and a stream would never end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tonfall.errors import ServiceError
from tonfall.serve.http.disconnects import gone
from tonfall.serve.http.hub import Hub, Subscription, event_text
from tonfall.serve.http.problems import problem_response
from tonfall.serve.http.serving import ABORT
from tonfall.serve.records import StoredEvent

__all__ = ["EventStream", "ReadEvents"]

KEEP_ALIVE_S = 15.0
STILL_S = 10.0
"""Seconds after which the key of somebody who follows events is looked up again."""
SEND_S = 20.0
"""Seconds in which a client has to make room for what is sent to it."""
STOPS = "The server stops."
SLOW = "You read too slowly; come back with Last-Event-ID."
TOO_MANY = "The tenant has as many event streams as it may."
RETRY_MS = 1000
PAGE = 1000
LAST_WORD_S = 1.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

ReadEvents = Callable[[int, int], Awaitable[list[StoredEvent]]]
"""Events of the tenant after an id, at most so many."""


class EventStream(Response):
    """One client's stream, as an ASGI response.

    Args:
        hub: that tells of what happens.
        subscription: what the client wants.
        read: reads what happened before.
        after: the id of the last event that the client has; None where it wants none of before.
        oldest: the oldest id that is kept: what lies between is missing, which is said.
        still: asked every ten seconds, whatever is sent, whether the client may go on.
        most: streams of a tenant at a time, counted from here on to the end.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        subscription: Subscription,
        read: ReadEvents,
        after: int | None,
        oldest: int,
        still: Callable[[], Awaitable[bool]],
        most: int,
    ) -> None:
        super().__init__()
        self._hub = hub
        self._subscription = subscription
        self._read = read
        self._after = after
        self._oldest = oldest
        self._still = still
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, is dropped, may go on no more, or the server stops."""
        if not self._hub.enter(self._subscription, most=self._most):
            await problem_response(429, TOO_MANY)(scope, receive, send)
            return
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._until_the_end(scope, receive, send)
        finally:
            self._hub.leave(self._subscription)

    async def _until_the_end(self, scope: Scope, receive: Receive, send: Send) -> None:
        pump = asyncio.ensure_future(self._pump(send))
        ended = asyncio.ensure_future(self._is_ended())
        tasks = (pump, ended, *map(asyncio.ensure_future, (gone(receive), self._is_dropped())))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._subscription.dropped:
            await _last_word(scope, send, "dropped", SLOW)
        elif not ended.cancelled():
            await _last_word(scope, send, "ended", "The key works no more.")
        elif not pump.cancelled() and (error := pump.exception()) is not None:
            raise error

    async def _pump(self, send: Send) -> None:
        """Send what there is; a client that makes no room for it in time is dropped."""
        async for text in self._texts():
            message = {"type": "http.response.body", "body": text.encode(), "more_body": True}
            try:
                async with asyncio.timeout(SEND_S):
                    await send(message)
            except TimeoutError:
                self._subscription.drop()
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _texts(self) -> AsyncIterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        last = self._hub.last if self._after is None else self._after
        if self._after is not None and self._after < self._oldest - 1:
            yield _word("missed", {"after": self._after, "oldest": self._oldest})
        while self._after is not None and (events := await self._read(last, PAGE)):
            last = events[-1].id
            yield self._text(events)
            if len(events) < PAGE:
                break
        self._hub.join(self._subscription)
        # What was committed between the last page and joining.
        while self._after is not None and (events := await self._read(last, PAGE)):
            last = events[-1].id
            yield self._text(events)
        async for text in self._live(last):
            yield text

    def _text(self, events: Sequence[StoredEvent]) -> str:
        return "".join(event_text(event) for event in events if self._subscription.wants(event))

    async def _live(self, last: int) -> AsyncIterator[str]:
        subscription = self._subscription
        while not subscription.ended:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    await subscription.news.wait()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            last, text = subscription.take(after=last)
            if text:
                yield text
        yield subscription.take(after=last)[1] + _word("reconnect", {"reason": STOPS})

    async def _is_dropped(self) -> None:
        """Return once more waits for the client than may."""
        while not self._subscription.dropped:
            await asyncio.sleep(0.25)

    async def _is_ended(self) -> None:
        """Return once the client may go on no more; a database that is away ends nobody."""
        may = True
        while may:
            await asyncio.sleep(STILL_S)
            with contextlib.suppress(ServiceError):
                may = await self._still()


async def _last_word(scope: Scope, send: Send, kind: str, reason: str) -> None:
    """Say why it ends, if the client reads after all; else cut it off."""
    message = {"type": "http.response.body", "body": _word(kind, {"reason": reason}).encode()}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD_S):
            await send({**message, "more_body": False})
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is not None and kind == "dropped":
        abort["abort"]()


def _word(kind: str, data: dict[str, object]) -> str:
    """Something that no event says; without an id, so that it is not resumed from."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
