"""Server-sent events: what happened since, then what happens, until the client goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tonfall.serve.http.hub import Hub, Subscription, event_text
from tonfall.serve.http.sockets import ABORT
from tonfall.serve.records import StoredEvent

__all__ = ["EventStream", "ReadEvents"]

KEEP_ALIVE_S = 15.0
STOPS = "The server stops."
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
        still: asked from time to time whether the client may go on.
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
    ) -> None:
        super().__init__()
        self._hub = hub
        self._subscription = subscription
        self._read = read
        self._after = after
        self._oldest = oldest
        self._still = still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, is dropped, or the server stops."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        pump = asyncio.ensure_future(self._pump(send))
        gone = asyncio.ensure_future(_disconnected(receive))
        dropped = asyncio.ensure_future(self._is_dropped())
        try:
            await asyncio.wait((pump, gone, dropped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._subscription)
            for task in (pump, gone, dropped):
                task.cancel()
            await asyncio.gather(pump, gone, dropped, return_exceptions=True)
        if self._subscription.dropped:
            await self._drop(scope, send)
        elif not pump.cancelled() and (error := pump.exception()) is not None:
            raise error

    async def _pump(self, send: Send) -> None:
        async for text in self._texts():
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
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
                await asyncio.wait_for(subscription.news.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                if not await self._still():
                    yield _word("ended", {"reason": "The key works no more."})
                    return
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

    async def _drop(self, scope: Scope, send: Send) -> None:
        """Say so if the client reads after all, then cut it off."""
        reason = "You read too slowly; come back with Last-Event-ID."
        body = _word("dropped", {"reason": reason}).encode()
        with contextlib.suppress(TimeoutError):
            message = {"type": "http.response.body", "body": body, "more_body": False}
            await asyncio.wait_for(send(message), LAST_WORD_S)
        abort = scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort["abort"]()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _word(kind: str, data: dict[str, object]) -> str:
    """Something that no event says; without an id, so that it is not resumed from."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
