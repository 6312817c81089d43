"""How often somebody may ask: buckets that fill up with time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Rates"]

MOST_KNOWN = 50_000
"""Clients that are remembered; whoever asked longest ago is forgotten first."""


class Rates:
    """A bucket for each client.

    Args:
        per_minute: how often one may ask on average; as often may be asked at once.
        clock: seconds that never go back.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one from a client's bucket.

        Returns:
            0, or the seconds until there is one again; nothing was taken then.
        """
        left = self._left(client)
        if left < 1:
            return (1 - left) / self._per_s
        self._put(client, left - 1)
        return 0.0

    def waits(self, client: str) -> float:
        """The same without taking."""
        return max(0.0, (1 - self._left(client)) / self._per_s)

    def _left(self, client: str) -> float:
        now = self._clock()
        left, then = self._buckets.get(client, (self._most, now))
        return min(self._most, left + (now - then) * self._per_s)

    def _put(self, client: str, left: float) -> None:
        self._buckets[client] = (left, self._clock())
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)
