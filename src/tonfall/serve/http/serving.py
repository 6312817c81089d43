"""What all connections of the web server share: the app, its tasks, and who is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import ASGIApp

__all__ = ["ABORT", "Serving", "Stoppable", "address"]

ABORT = "tonfall.abort"
"""Under this name the ASGI scope's extensions hold what cuts the connection off."""


class Stoppable(Protocol):
    """A connection."""

    def shutdown(self) -> None:
        """The server stops: end as soon as what is under way is done."""


@dataclass(slots=True, eq=False, kw_only=True)
class Serving:
    """One web server's shared state.

    Attributes:
        app: ASGI.
        header_s: seconds that a client has for a request's head, and for each later part of it
            that must be whole before it can be read: a chunk's head, the trailers.
        stops: True once no more is taken.
    """

    app: ASGIApp
    header_s: float
    stops: bool = False
    connections: set[Stoppable] = field(default_factory=set)
    tasks: set[asyncio.Future[None]] = field(default_factory=set)

    def run(self, work: Awaitable[None]) -> None:
        """Run a request to its end, whatever becomes of its connection."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def address(transport: asyncio.BaseTransport, name: str) -> tuple[str, int] | None:
    """Host and port of a transport's ``peername`` or ``sockname``."""
    found = transport.get_extra_info(name)
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
