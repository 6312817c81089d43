"""Questions to the store. Each takes the tenant and puts it into the SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from tonfall.serve.records import AlertState, StoredEvent
from tonfall.serve.store.database import Database
from tonfall.serve.store.pages import bounded, older_than, page
from tonfall.serve.store.rows import (
    AlertRow,
    AuditLine,
    CallRow,
    CallState,
    Page,
    TurnRow,
    WindowRow,
    alert_row,
    audit_line,
    call_row,
    stored_event,
    turn_row,
    window_row,
)
from tonfall.serve.store.schema import (
    alerts,
    audit,
    calls,
    channels,
    counters,
    events,
    turns,
    windows,
)

__all__ = ["Reading", "with_channels"]


class Reading:
    """What can be asked of a store; mixed into :class:`~tonfall.serve.store.Store`."""

    database: Database

    def calls(
        self,
        tenant: str,
        *,
        state: CallState | None = None,
        caller: str | None = None,
        external_ids: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[CallRow]:
        """Calls, the newest first.

        Args:
            tenant: whose.
            state: only those in it.
            caller: salted hash.
            external_ids: only calls that are kept under one of them; any where it is empty.
            since: the earliest beginning.
            until: the latest beginning, left out itself.
            limit: the most on a page, up to 1000.
            cursor: of the page before.

        Raises:
            ConfigError: the cursor is none of ours.
        """
        asked = [calls.c.tenant == tenant, *older_than(calls, cursor)]
        asked += _between(calls.c.at, since, until)
        asked += _standing(state) if state is not None else []
        asked += [calls.c.caller == caller] if caller is not None else []
        asked += [calls.c.external_id.in_(external_ids)] if external_ids else []
        count = bounded(limit)
        with self.database.reading() as connection:
            rows = connection.execute(_newest(select(calls), calls, asked, count)).all()
            return page(rows, count, lambda kept: with_channels(connection, kept))

    def tenants(self) -> tuple[str, ...]:
        """Whose calls there are, in order of their names; for operators alone."""
        query = select(calls.c.tenant).distinct().order_by(calls.c.tenant)
        with self.database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def call(self, tenant: str, call: str) -> CallRow | None:
        """One call; None where the tenant has none of that id."""
        query = select(calls).where(calls.c.tenant == tenant, calls.c.id == call)
        with self.database.reading() as connection:
            return next(iter(with_channels(connection, connection.execute(query).all())), None)

    def windows(
        self, tenant: str, call: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[WindowRow, ...]:
        """Windows of a call as they were judged; ``after`` the id of the last one had."""
        query = _after(select(windows), windows, tenant, call, after).limit(bounded(limit))
        with self.database.reading() as connection:
            return tuple(window_row(row) for row in connection.execute(query))

    def turns(
        self, tenant: str, call: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[TurnRow, ...]:
        """Turns of a call as they ended; ``after`` the id of the last one had."""
        query = _after(select(turns), turns, tenant, call, after).limit(bounded(limit))
        with self.database.reading() as connection:
            return tuple(turn_row(row) for row in connection.execute(query))

    def alerts(
        self,
        tenant: str,
        *,
        state: AlertState | None = None,
        call: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[AlertRow]:
        """Alerts, the newest first; arguments as of :meth:`calls`."""
        asked = [alerts.c.tenant == tenant, *older_than(alerts, cursor)]
        asked += _between(alerts.c.at, since, until)
        asked += [alerts.c.state == state.value] if state is not None else []
        asked += [alerts.c.call == call] if call is not None else []
        count = bounded(limit)
        with self.database.reading() as connection:
            rows = connection.execute(_newest(select(alerts), alerts, asked, count)).all()
        return page(rows, count, lambda kept: [alert_row(row) for row in kept])

    def alert(self, tenant: str, alert: str) -> AlertRow | None:
        """One alert; None where the tenant has none of that id."""
        query = select(alerts).where(alerts.c.tenant == tenant, alerts.c.id == alert)
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else alert_row(row)

    def events(
        self, tenant: str, *, after: int, call: str | None = None, limit: int = 1000
    ) -> list[StoredEvent]:
        """Events in order of their ids, which is the order of commits over all nodes."""
        asked = [events.c.tenant == tenant, events.c.id > after]
        asked += [events.c.call == call] if call is not None else []
        return self._events(asked, limit)

    def events_of_all(self, *, after: int, limit: int = 1000) -> list[StoredEvent]:
        """Events of every tenant, for the node's own hub; never to be shown as they are."""
        return self._events([events.c.id > after], limit)

    def last_event(self) -> int:
        """The id of the newest event of any tenant; 0 where there was none yet."""
        query = select(counters.c.value).where(counters.c.name == "events")
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def first_event(self) -> int:
        """The id of the oldest event kept: one who had an older one only has missed some."""
        with self.database.reading() as connection:
            first = connection.execute(select(func.min(events.c.id))).scalar()
        return self.last_event() + 1 if first is None else first

    def audit_lines(
        self, tenant: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[AuditLine, ...]:
        """Lines of a tenant's audit in their order; ``after`` the id of the last one had."""
        query = select(audit).where(audit.c.tenant == tenant, audit.c.id > after)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(audit.c.id).limit(bounded(limit)))
            return tuple(audit_line(row) for row in rows)

    def _events(self, asked: Sequence[ColumnElement[bool]], limit: int) -> list[StoredEvent]:
        query = select(events).where(*asked).order_by(events.c.id).limit(bounded(limit))
        with self.database.reading() as connection:
            return [stored_event(row) for row in connection.execute(query)]


def _newest(
    query: Select[Any], table: Any, asked: Sequence[ColumnElement[bool]], count: int
) -> Select[Any]:
    """One row more than asked for tells whether there is another page."""
    order = (table.c.at.desc(), table.c.id.desc())
    return query.where(*asked).order_by(*order).limit(count + 1)


def _standing(state: CallState) -> list[ColumnElement[bool]]:
    """The condition that a call is in a state, as :attr:`CallRow.state` says it."""
    if state is CallState.PURGED:
        return [calls.c.purged_at.is_not(None)]
    ended = calls.c.ended_at.is_not(None)
    return [calls.c.purged_at.is_(None), ended if state is CallState.ENDED else ~ended]


def _between(
    column: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    asked = [] if since is None else [column >= since]
    return asked + ([] if until is None else [column < until])


def _after(query: Select[Any], table: Any, tenant: str, call: str, after: int) -> Select[Any]:
    mine = (table.c.tenant == tenant) & (table.c.call == call) & (table.c.id > after)
    return query.where(mine).order_by(table.c.id)


def with_channels(connection: Connection, rows: Sequence[Row[Any]]) -> list[CallRow]:
    """Calls with their channels, in the order of the rows."""
    ids = [row.id for row in rows]
    query = select(channels).where(channels.c.call.in_(ids))
    found = connection.execute(query.order_by(channels.c.call, channels.c.index)).all()
    sides = {call: list(some) for call, some in groupby(found, key=lambda row: row.call)}
    return [call_row(row, sides.get(row.id, [])) for row in rows]
