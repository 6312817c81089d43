"""What all connections of the web server share: the app, its tasks, and who is connected."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import ASGIApp

__all__ = ["ABORT", "MOST_WAITING", "Serving", "Stoppable", "Waiting", "address"]

ABORT = "tonfall.abort"
"""Under this name the ASGI scope's extensions hold what cuts the connection off."""
MOST_WAITING = 1_000
"""Connections that may wait for a request: each may hold an open file and a head of 64 KiB, and
whoever opened it has shown no key yet."""

BEGUN_AT_ONCE = 4
"""Requests that begin in one round of the event loop, each of which may take some milliseconds.

If a hundred that come together began together, live calls would wait for all of them."""


class Stoppable(Protocol):
    """A connection."""

    def shutdown(self) -> None:
        """The server stops: end as soon as what is under way is done."""


class Waiting(Protocol):
    """A connection that waits for a request."""

    def abort(self) -> None:
        """Cut the connection off."""


@dataclass(slots=True, eq=False, kw_only=True)
class Serving:
    """One web server's shared state.

    Attributes:
        app: ASGI.
        header_s: seconds that a client has for a request's head, and for each later part of it
            that must be whole before it can be read: a chunk's head, the trailers.
        most_waiting: connections that may wait for a request at a time.
        stops: True once no more is taken.
    """

    app: ASGIApp
    header_s: float
    most_waiting: int = MOST_WAITING
    stops: bool = False
    connections: set[Stoppable] = field(default_factory=set)
    tasks: set[asyncio.Future[None]] = field(default_factory=set)
    _waiting: dict[Waiting, None] = field(default_factory=dict)
    _to_begin: deque[Coroutine[Any, Any, None]] = field(default_factory=deque)
    _begun: int = 0
    _round_ends: bool = False

    def waits(self, connection: Waiting) -> None:
        """A connection waits for a request; of too many, the one that waits longest is cut off.

        So connections without requests never keep those away that have one: a head comes at once.
        """
        self._waiting[connection] = None
        if len(self._waiting) > self.most_waiting:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.abort()

    def waits_no_more(self, connection: Waiting) -> None:
        """Its request came, or it is closed."""
        self._waiting.pop(connection, None)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a request to its end, whatever becomes of its connection; it may begin a bit later.

        Requests begin in the order in which they came.
        """
        self._to_begin.append(work)
        self._begin()

    def stop(self) -> None:
        """Take no more; what came begins now."""
        self.stops = True
        self._begin()

    def _begin(self) -> None:
        while self._to_begin and (self._begun < BEGUN_AT_ONCE or self.stops):
            self._begun += 1
            task = asyncio.ensure_future(self._to_begin.popleft())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        if self._begun and not self._round_ends:
            self._round_ends = True
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        self._begun, self._round_ends = 0, False
        self._begin()


def address(transport: asyncio.BaseTransport, name: str) -> tuple[str, int] | None:
    """Host and port of a transport's ``peername`` or ``sockname``."""
    found = transport.get_extra_info(name)
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
