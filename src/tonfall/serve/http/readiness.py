"""Whether the database answers, asked once a second at most, however many ask us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tonfall.errors import ServiceError

__all__ = ["DatabaseHealth"]

KEPT_S = 1.0


class DatabaseHealth:
    """Remembers for a second what the database said; whoever asks meanwhile waits for one look.

    Anybody may ask whether the server is ready, without a key, so it must cost nothing.

    Args:
        ask: blocks; raises ServiceError where the database does not answer.
        kept_s: seconds for which an answer is good.
    """

    def __init__(self, ask: Callable[[], object], *, kept_s: float = KEPT_S) -> None:
        self._ask = ask
        self._kept_s = kept_s
        self._until = float("-inf")
        self._answered = False
        self._asking: asyncio.Task[None] | None = None

    async def answers(self) -> bool:
        """True where it answered within the last second; on the event loop alone."""
        if self._asking is None and asyncio.get_running_loop().time() >= self._until:
            self._asking = asyncio.create_task(self._look())
        if self._asking is not None:
            await asyncio.shield(self._asking)  # Who hangs up ends nobody else's wait.
        return self._answered

    async def _look(self) -> None:
        try:
            await asyncio.to_thread(self._ask)
            self._answered = True
        except ServiceError:
            self._answered = False
        finally:
            self._until = asyncio.get_running_loop().time() + self._kept_s
            self._asking = None
