"""Which nodes live, and what becomes of the calls of one that does not.

Each node says every few seconds that it is there. When one was silent for too long, whoever
notices first ends its live calls as incomplete, so that nobody watches a call that no one hears.
All times are the database's own, so that the clocks of the nodes need not agree. Where that clock
is set back, nodes seem to be heard of in the future: they count as heard of now, and a living one
says so again before its time is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from tonfall.serve.codecs import EndReason
from tonfall.serve.records import CallClosed
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.payloads import closed_payload
from tonfall.serve.store.schema import calls, nodes

__all__ = ["LOST", "Node", "Nodes"]

LOST = EndReason.LOST
"""The reason of calls whose node did not come back."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, and when it was heard of last."""

    id: str
    started_at: datetime
    seen_at: datetime


class Nodes:
    """The nodes on this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, node: str) -> None:
        """Say that a node is there; one that comes back takes its calls up again."""
        with self._database.writing() as connection:
            now = moment(connection)
            seen = update(nodes).where(nodes.c.id == node).values(seen_at=now)
            if connection.execute(seen).rowcount == 0:
                row = {"id": node, "started_at": now, "seen_at": now}
                connection.execute(insert(nodes), [row])
                _take_up(connection, node)

    def leave(self, node: str) -> None:
        """Say that a node went; call it when its calls are closed."""
        with self._database.writing() as connection:
            connection.execute(delete(nodes).where(nodes.c.id == node))

    def list(self) -> tuple[Node, ...]:
        """Every node that was not given up, in order of its start."""
        with self._database.reading() as connection:
            rows = connection.execute(select(nodes).order_by(nodes.c.started_at, nodes.c.id))
            return tuple(Node(row.id, row.started_at, row.seen_at) for row in rows)

    def end_lost(self, *, timeout_s: float = 15.0) -> tuple[tuple[str, ...], int | None]:
        """End the live calls of nodes that were silent for longer than that.

        Returns:
            The ids of those calls, and of the last event of theirs; None where there was none.
        """
        self._set_back(timeout_s)
        if not self._anything_lost(timeout_s):
            return (), None
        with self._database.writing() as connection:
            log, audit = EventLog(connection), AuditLog(connection)
            found = _orphans(connection, timeout_s)
            for call, tenant, at, now in found:
                _end(connection, log, audit, _lost(call, tenant, at, now))
            _forget(connection, timeout_s)
            log.finish()
            audit.finish()
        last = log.events[-1].id if log.events else None
        return tuple(call for call, *_ in found), last

    def _set_back(self, timeout_s: float) -> None:
        """After the clock was: nobody is waited for until it is again what it was."""
        with self._database.reading() as connection:
            future = nodes.c.seen_at > moment(connection) + timedelta(seconds=timeout_s)
            if connection.execute(select(nodes.c.id).where(future)).first() is None:
                return
        with self._database.writing() as connection:
            connection.execute(update(nodes).where(future).values(seen_at=moment(connection)))

    def _anything_lost(self, timeout_s: float) -> bool:
        with self._database.reading() as connection:
            silent = select(nodes.c.id).where(_silent(connection, timeout_s)).limit(1)
            return bool(
                _orphans(connection, timeout_s, limit=1) or connection.execute(silent).all()
            )


def moment(connection: Connection) -> datetime:
    """Now, by the database's clock."""
    if connection.dialect.name != "postgresql":
        return datetime.now(UTC)
    found = connection.execute(select(func.clock_timestamp())).scalar_one()
    assert isinstance(found, datetime)
    return found.astimezone(UTC)


def _orphans(
    connection: Connection, timeout_s: float, limit: int | None = None
) -> list[tuple[str, str, datetime, datetime]]:
    """Calls without an end, purged ones too, whose node is silent or unknown.

    Returns:
        Of each its id, tenant, beginning, and the time now.
    """
    now = moment(connection)
    heard = nodes.c.seen_at >= now - timedelta(seconds=timeout_s)
    living = select(nodes.c.id).where(heard)
    lost = calls.c.ended_at.is_(None) & calls.c.node.not_in(living)
    query = select(calls.c.id, calls.c.tenant, calls.c.at).where(lost).order_by(calls.c.id)
    return [(row.id, row.tenant, row.at, now) for row in connection.execute(query.limit(limit))]


def _lost(call: str, tenant: str, at: datetime, now: datetime) -> CallClosed:
    seconds = max(0.0, (now - at).total_seconds())
    return CallClosed(call, tenant, now, LOST, False, round(seconds, 3))


def _end(connection: Connection, log: EventLog, audit: AuditLog, change: CallClosed) -> None:
    mine = (calls.c.id == change.call) & (calls.c.tenant == change.tenant)
    ended = {
        "ended_at": change.at,
        "reason": LOST.value,
        "complete": False,
        "seconds": change.seconds,
    }
    connection.execute(update(calls).where(mine).values(**ended))
    payload = closed_payload(change, ())
    told = {"tenant": change.tenant, "at": change.at}
    log.add(call=change.call, kind="call.closed", payload=payload, **told)  # type: ignore[arg-type]
    audit.add(
        actor="system",
        action="call.closed",
        subject=f"call {change.call}",
        details={"complete": False, "reason": LOST.value},
        tenant=change.tenant,
        at=change.at,
    )


def _take_up(connection: Connection, node: str) -> None:
    """Calls that were ended because this node was silent go on: it has them still."""
    mine = (calls.c.node == node) & (calls.c.reason == LOST.value)
    going = {"ended_at": None, "reason": None, "complete": None, "seconds": None}
    connection.execute(update(calls).where(mine).values(**going))


def _forget(connection: Connection, timeout_s: float) -> None:
    connection.execute(delete(nodes).where(_silent(connection, timeout_s)))


def _silent(connection: Connection, timeout_s: float) -> ColumnElement[bool]:
    return nodes.c.seen_at < moment(connection) - timedelta(seconds=timeout_s)
