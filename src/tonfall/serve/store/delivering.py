"""What is to be sent out: one row an alert and sink, written with the alert, kept until it is sent.

A node claims what is due for some seconds; when it dies meanwhile, another claims it after that.
So each delivery is sent by one node at a time, and at least once: a receiver that must not act
twice looks at the delivery's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from tonfall.serve.store.database import Database
from tonfall.serve.store.masking import masked
from tonfall.serve.store.schema import deliveries

__all__ = ["Deliveries", "Delivery", "DeliveryState"]


class DeliveryState(StrEnum):
    """``failed`` is given up; it is kept for the record until retention takes it."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to send to one sink.

    Attributes:
        event: id of the event that it tells of.
        attempts: how many were made, this one included.
        payload: of the event.
    """

    id: str
    tenant: str
    call: str
    event: int
    kind: str
    sink: str
    at: datetime
    payload: Mapping[str, object]
    attempts: int


class Deliveries:
    """The deliveries of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sinks(self, *, now: datetime | None = None) -> frozenset[str]:
        """Sinks for which something is due; a look without a lock, as mostly there is none."""
        query = select(deliveries.c.sink).where(_ready(now or datetime.now(UTC))).distinct()
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def due(
        self,
        node: str,
        *,
        sink: str | None = None,
        limit: int = 20,
        lease_s: float = 60.0,
        now: datetime | None = None,
    ) -> tuple[Delivery, ...]:
        """Claim what is due, the oldest first; nobody else gets it for ``lease_s``.

        Args:
            node: that claims it.
            sink: whose; that of every sink by default.
            limit: how many at most.
            lease_s: seconds from ``now``.
            now: the time, by default.
        """
        moment = now or datetime.now(UTC)
        ready = _ready(moment)
        if sink is not None:
            ready &= deliveries.c.sink == sink
        query = select(deliveries).where(ready).order_by(deliveries.c.due_at, deliveries.c.id)
        with self._database.writing() as connection:
            rows = connection.execute(query.limit(limit).with_for_update(skip_locked=True)).all()
            if not rows:
                return ()
            mine = deliveries.c.id.in_([row.id for row in rows])
            claim = {
                "due_at": moment + timedelta(seconds=lease_s),
                "claimed_by": node,
                "attempts": deliveries.c.attempts + 1,
            }
            connection.execute(update(deliveries).where(mine).values(**claim))
        return tuple(_delivery(row) for row in rows)

    def done(self, delivery: str, *, node: str) -> bool:
        """It was sent; False where another node has it by now, or it was erased."""
        return self._mark(delivery, node, {"state": DeliveryState.DONE.value, "error": ""})

    def retry(self, delivery: str, *, node: str, at: datetime, error: str) -> bool:
        """It was not sent: try again at that time; ``error`` is a sentence without content."""
        return self._mark(delivery, node, {"due_at": at, "error": masked(error, longest=200)})

    def give_up(self, delivery: str, *, node: str, error: str) -> bool:
        """It was not sent, and will not be."""
        failed = {"state": DeliveryState.FAILED.value, "error": masked(error, longest=200)}
        return self._mark(delivery, node, failed)

    def count(self, state: DeliveryState = DeliveryState.WAITING) -> int:
        """How many there are in a state."""
        query = select(func.count()).select_from(deliveries)
        with self._database.reading() as connection:
            return connection.execute(query.where(deliveries.c.state == state.value)).scalar_one()

    def _mark(self, delivery: str, node: str, values: Mapping[str, object]) -> bool:
        waiting = deliveries.c.state == DeliveryState.WAITING.value
        mine = (deliveries.c.id == delivery) & (deliveries.c.claimed_by == node) & waiting
        with self._database.writing() as connection:
            marked = connection.execute(update(deliveries).where(mine).values(**values))
        return marked.rowcount > 0


def _ready(moment: datetime) -> ColumnElement[bool]:
    """What waits and is due."""
    waiting = deliveries.c.state == DeliveryState.WAITING.value
    return waiting & (deliveries.c.due_at <= moment)


def _delivery(row: Row[Any]) -> Delivery:
    names = ("id", "tenant", "call", "event", "kind", "sink", "at", "payload")
    found = {name: getattr(row, name) for name in names}
    return Delivery(**found, attempts=row.attempts + 1)
