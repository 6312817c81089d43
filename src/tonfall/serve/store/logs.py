"""Events and audit lines as they are added in a transaction.

Both are numbered from a row of ``counters`` that the transaction locks until it is committed, so
numbers rise in the order of commits over all nodes and leave none out. Whoever takes both locks
takes that of the events first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from tonfall.serve.records import StoredEvent
from tonfall.serve.store.schema import audit, counters, dumps, events

__all__ = ["CHANNEL", "AuditLog", "EventLog", "chained"]

CHANNEL = "tonfall_events"
"""PostgreSQL tells its listeners here; what it says is the highest id."""

LOCK = (
    select(counters.c.value, counters.c.hash)
    .where(counters.c.name == bindparam("counter"))
    .with_for_update()
)
UNLOCK = update(counters).where(counters.c.name == bindparam("counter"))
ADD_EVENTS, ADD_LINES = insert(events), insert(audit)


def _lock(connection: Connection, name: str) -> tuple[int, str]:
    row = connection.execute(LOCK, {"counter": name}).one()
    return row[0], row[1]


def _unlock(connection: Connection, name: str, value: int, digest: str) -> None:
    connection.execute(UNLOCK, {"counter": name, "value": value, "hash": digest})


class EventLog:
    """The events of one transaction.

    Attributes:
        events: all that were added.
        epoch: the same as in an earlier transaction where no call was purged or erased since.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last, self.epoch = _lock(connection, "events")
        self._rows: list[dict[str, Any]] = []
        self.events: list[StoredEvent] = []

    def add(
        self, *, tenant: str, call: str, kind: str, at: datetime, payload: Mapping[str, object]
    ) -> StoredEvent:
        """One more event, under the next number."""
        self._last += 1
        event = StoredEvent(self._last, tenant, call, kind, at, payload)
        self._rows.append(
            {
                "id": self._last,
                "tenant": tenant,
                "call": call,
                "kind": kind,
                "at": at,
                "payload": payload,
            }
        )
        self.events.append(event)
        return event

    def calls_went(self) -> None:
        """Calls are purged or erased here: what anybody remembers of calls may be wrong now."""
        self.epoch = str(self._last + 1)

    def flush(self) -> None:
        """Write what was added so far."""
        if self._rows:
            self._connection.execute(ADD_EVENTS, self._rows)
            self._rows = []

    def finish(self) -> None:
        """Write the rest and the numbering; PostgreSQL tells its listeners on commit."""
        self.flush()
        if not self.events:
            return
        _unlock(self._connection, "events", self._last, self.epoch)
        if self._connection.dialect.name == "postgresql":
            news = {"channel": CHANNEL, "news": str(self._last)}
            self._connection.execute(text("SELECT pg_notify(:channel, :news)"), news)


class AuditLog:
    """The audit lines of one transaction; takes its lock with the first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[dict[str, Any]] = []
        self._last: tuple[int, str] | None = None

    def add(
        self,
        *,
        tenant: str,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> None:
        """One more line at the end of the chain."""
        last, previous = self._last or _lock(self._connection, "audit")
        line: dict[str, Any] = {
            "id": last + 1,
            "tenant": tenant,
            "at": at or datetime.now(UTC),
            "actor": actor,
            "action": action,
            "subject": subject,
            "details": dict(details or {}),
            "previous": previous,
        }
        line["hash"] = chained(line)
        self._rows.append(line)
        self._last = (line["id"], line["hash"])

    def finish(self) -> None:
        """Write the lines and the end of the chain."""
        if self._last is not None:
            self._connection.execute(ADD_LINES, self._rows)
            _unlock(self._connection, "audit", *self._last)


def chained(line: Mapping[str, Any]) -> str:
    """SHA-256 of a line and, through ``previous``, of all before it."""
    moment: datetime = line["at"]
    names = ("id", "tenant", "actor", "action", "subject", "details", "previous")
    told = {name: line[name] for name in sorted(names)}
    whole = dumps([moment.astimezone(UTC).isoformat(timespec="microseconds"), _sorted(told)])
    return hashlib.sha256(whole.encode()).hexdigest()


def _sorted(value: Any) -> Any:
    """The same value, each mapping in order of its names, whatever order it was given in."""
    if isinstance(value, Mapping):
        return {str(name): _sorted(value[name]) for name in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_sorted(one) for one in value]
    return value
