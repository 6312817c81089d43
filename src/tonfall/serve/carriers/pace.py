"""Reading many sockets less often, and none for longer than its turn.

A packet of 20 ms costs more to be fetched from the kernel than to be decoded. Where many calls
are live, a socket is left alone for 80 ms after each read, so that four times as much lies ready;
with few calls it is read at once, and nothing is delayed. Whoever sends faster than the model
judges is left alone until it has caught up, and whoever sent more than a turn takes, for 20 ms:
TCP makes the sender wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from tonfall.serve.carriers.turn import TICK_S

__all__ = ["MANY", "Line", "Pace"]

MANY = 8
"""Sockets from which on reading is slowed down."""
TICKS = 4
"""A socket that was read is read again after this many ticks."""


class Line(Protocol):
    """A connection that can be left alone for a while."""

    @property
    def congested(self) -> bool:
        """True where more of it waits to be judged than fits."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Work off what was left, and read again."""


class Pace:
    """Which connections rest, and until when.

    Args:
        loop: that reads them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._resting: deque[list[Line]] = deque([] for _ in range(TICKS))
        self._lines = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self) -> None:
        """One more connection."""
        self._lines += 1

    def leave(self) -> None:
        """One connection less."""
        self._lines -= 1

    def rest(self, line: Line, *, left: bool) -> None:
        """A connection was read: leave it alone for a while, if that is of use.

        Args:
            line: that was read.
            left: True where its turn was over before all was worked off.
        """
        if left or line.congested:
            line.pause()
            self._wait(line, ticks=1)
        elif self._lines >= MANY:
            line.pause()
            self._wait(line, ticks=TICKS)

    def _wait(self, line: Line, *, ticks: int) -> None:
        self._resting[ticks - 1].append(line)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        awake = self._resting.popleft()
        self._resting.append([])
        self._timer = None
        for line in awake:
            if line.congested:
                self._wait(line, ticks=TICKS)
            else:
                line.resume()
        if self._timer is None and any(self._resting):
            self._timer = self._loop.call_later(TICK_S, self._tick)
