"""Things that tenants share, given out in turn: no tenant waits for all that another has asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import count
from typing import Generic, TypeVar

__all__ = ["FairQueue"]

_Item = TypeVar("_Item")


class FairQueue(Generic[_Item]):
    """Gives out items one at a time; for use by one event loop.

    Of the tenants that wait, the one that was served longest ago is next; what one tenant asks is
    served in order.

    Args:
        items: to be given out.
    """

    def __init__(self, items: Iterable[_Item]) -> None:
        self._free = deque(items)
        self._waiting: dict[str, deque[asyncio.Future[_Item]]] = {}
        self._served: dict[str, int] = {}
        self._turns = count()

    async def get(self, tenant: str) -> _Item:
        """An item, once there is one; to be given back with :meth:`put`."""
        if self._free:  # Nobody waits then.
            self._served[tenant] = next(self._turns)
            return self._free.popleft()
        place: asyncio.Future[_Item] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if not place.cancelled():  # Given, and cancelled before it could be taken.
                self.put(place.result())
            raise

    def put(self, item: _Item) -> None:
        """Give an item back."""
        while self._waiting:
            place = self._next()
            if not place.done():
                place.set_result(item)
                return
        self._free.append(item)

    def _next(self) -> asyncio.Future[_Item]:
        """The place that is next, be it given up, taken out of the queue."""
        tenant = min(self._waiting, key=lambda name: self._served.get(name, -1))
        places = self._waiting[tenant]
        place = places.popleft()
        if not places:
            del self._waiting[tenant]
        if not place.done():
            self._served[tenant] = next(self._turns)
        return place
