"""Reading many sockets less often.

A packet of 20 ms costs more to be fetched from the kernel than to be decoded. Where many calls
are live, a socket is left alone for 80 ms after each read, so that four times as much lies ready;
with few calls it is read at once, and nothing is delayed. Whoever sends faster than the model
judges is left alone until it has caught up: TCP makes the sender wait.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tonfall.serve.carriers.session import Session

__all__ = ["MANY", "Pace"]

MANY = 8
"""Sockets from which on reading is slowed down."""
TICK_S = 0.02
TICKS = 4
"""A socket that was read is read again after this many ticks."""


class Pace:
    """Which sockets rest, and until when.

    Args:
        loop: that reads them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._resting: deque[list[_Socket]] = deque([] for _ in range(TICKS))
        self._sockets = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self) -> None:
        """One more socket."""
        self._sockets += 1

    def leave(self) -> None:
        """One socket less."""
        self._sockets -= 1

    def rest(self, transport: asyncio.Transport, session: Session) -> None:
        """A socket was read: leave it alone for a while, if that is of use."""
        if (self._sockets < MANY and not session.congested) or transport.is_closing():
            return
        transport.pause_reading()
        self._wait((transport, session))

    def _wait(self, socket: _Socket) -> None:
        self._resting[-1].append(socket)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        awake = self._resting.popleft()
        self._resting.append([])
        self._timer = None
        for transport, session in awake:
            if session.congested and not session.over:
                self._wait((transport, session))
            elif not transport.is_closing():
                transport.resume_reading()
        if self._timer is None and any(self._resting):
            self._timer = self._loop.call_later(TICK_S, self._tick)


_Socket = tuple[asyncio.Transport, Session]
