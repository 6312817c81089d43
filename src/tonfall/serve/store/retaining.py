"""Deleting by age: each kind has its own limit, and each run leaves a line in the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, update

from tonfall.errors import ConfigError
from tonfall.serve.store.auditing import EVERYBODY, shorten
from tonfall.serve.store.curves import drop_curves
from tonfall.serve.store.database import Database, insert_new
from tonfall.serve.store.erasing import JUDGED, count, delete_judged, reclaim
from tonfall.serve.store.logs import AuditLog
from tonfall.serve.store.rows import Counts
from tonfall.serve.store.schema import (
    calls,
    deliveries,
    events,
    jobs,
    priors,
)

__all__ = ["Retention", "retain", "take_job"]

AT_ONCE = 2000
CALLS_AT_ONCE = 50
SHORTEST_AUDIT_DAYS = 184
LONGEST_CALL = timedelta(days=1)
"""No call lasts longer: ``limits.call_s`` is a day at most."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days each kind is kept; a call's things count from its end.

    Where no end was written, they count from a day after its beginning, its latest end.

    Attributes:
        windows, turns, alerts: of a call.
        calls: the call itself; what is left of it goes with it. Likewise what calls added to the
            curves of budgets, where no call did for as long.
        events, deliveries: what clients resume from, and what was sent.
        priors: of a line, from the last time that callers were added to it.
        audit: at least 184, which the European AI Act's Article 26(6) asks for (six months).

    Raises:
        ConfigError: a limit is not positive, or that of the audit too short.
    """

    windows: float = 30
    turns: float = 30
    alerts: float = 30
    calls: float = 30
    events: float = 1
    deliveries: float = 7
    priors: float = 365
    audit: float = 400

    def names(self) -> tuple[str, ...]:
        """Of the kinds."""
        return tuple(self.__dataclass_fields__)

    def __post_init__(self) -> None:
        for name in self.names():
            if getattr(self, name) <= 0:
                raise ConfigError(f"retention of {name}: the days must be more than 0.")
        if self.audit < SHORTEST_AUDIT_DAYS:
            raise ConfigError(
                f"retention of audit: {self.audit:g} days are too short. Keep it for at least "
                f"{SHORTEST_AUDIT_DAYS} (six months)."
            )


def retain(database: Database, now: datetime, limits: Retention) -> Counts:
    """Delete what is too old, some rows at a time so that nobody waits, and say so in the audit."""
    before = {name: now - timedelta(days=getattr(limits, name)) for name in limits.names()}
    counts = Counts()
    for some in (
        _old_events(before["events"]),
        _old_deliveries(before["deliveries"]),
        _of_old_calls("windows", before["windows"]),
        _of_old_calls("turns", before["turns"]),
        _of_old_calls("alerts", before["alerts"]),
        _old_calls(before["calls"]),
        _old_priors(before["priors"]),
    ):
        counts += _drain(database, some)
    with database.writing() as connection:
        drop_curves(connection, before["calls"])
        counts += Counts(audit=shorten(connection, before["audit"]))
        _note(connection, counts, now)
    reclaim(database)
    return counts


def _note(connection: Connection, counts: Counts, now: datetime) -> None:
    log = AuditLog(connection)
    found = {name: count for name, count in counts.as_dict().items() if count}
    log.add(
        tenant=EVERYBODY,
        actor="system",
        action="retention",
        subject="store",
        details=found,
        at=now.astimezone(UTC),
    )
    log.finish()


def _drain(database: Database, some: Callable[[Connection], Counts]) -> Counts:
    """Delete a few at a time, each in a transaction of its own, until none are left."""
    counts = Counts()
    while True:
        with database.writing() as connection:
            deleted = some(connection)
        counts += deleted
        if deleted.total == 0:
            return counts


def _over(before: datetime) -> ColumnElement[bool]:
    """Calls that ended before then, and those without an end that must have by then.

    The end of a call may never have been written: its node died, or the database refused it.
    """
    endless = calls.c.ended_at.is_(None) & (calls.c.at < before - LONGEST_CALL)
    return or_(calls.c.ended_at < before, endless)


def _of_old_calls(name: str, before: datetime) -> Callable[[Connection], Counts]:
    table = JUDGED[name]

    def some(connection: Connection) -> Counts:
        left = exists().where(table.c.call == calls.c.id)
        old = select(calls.c.id).where(_over(before), left).limit(CALLS_AT_ONCE)
        ids = list(connection.execute(old).scalars())
        return Counts(**{name: count(connection, delete(table).where(table.c.call.in_(ids)))})

    return some


def _old_calls(before: datetime) -> Callable[[Connection], Counts]:
    """The calls, and all that is left of them."""

    def some(connection: Connection) -> Counts:
        old = select(calls.c.id).where(_over(before)).limit(CALLS_AT_ONCE)
        ids = list(connection.execute(old).scalars())
        counts = delete_judged(connection, ids)
        return counts + Counts(calls=count(connection, delete(calls).where(calls.c.id.in_(ids))))

    return some


def _old_events(before: datetime) -> Callable[[Connection], Counts]:
    """From the oldest id on, up to the first event that is to be kept."""

    def some(connection: Connection) -> Counts:
        oldest = select(events.c.id, events.c.at).order_by(events.c.id).limit(AT_ONCE)
        ids = [row.id for row in connection.execute(oldest) if row.at < before]
        return Counts(events=count(connection, delete(events).where(events.c.id.in_(ids))))

    return some


def _old_deliveries(before: datetime) -> Callable[[Connection], Counts]:
    def some(connection: Connection) -> Counts:
        old = select(deliveries.c.id).where(deliveries.c.at < before).limit(AT_ONCE)
        ids = list(connection.execute(old).scalars())
        mine = delete(deliveries).where(deliveries.c.id.in_(ids))
        return Counts(deliveries=count(connection, mine))

    return some


def _old_priors(before: datetime) -> Callable[[Connection], Counts]:
    def some(connection: Connection) -> Counts:
        old = delete(priors).where(priors.c.updated_at < before)
        return Counts(priors=count(connection, old))

    return some


def take_job(database: Database, name: str, every: timedelta) -> bool:
    """True for one node only, and once in that time: it is to do that job now.

    A job done in the far future was done before the clock was set back; it is due.
    """
    now = datetime.now(UTC)
    with database.reading() as connection:
        query = select(jobs.c.ran_at).where(jobs.c.name == name)
        ran_at = connection.execute(query).scalar()
    if ran_at is not None and now - every < ran_at < now + every:
        return False
    with database.writing() as connection:
        if ran_at is None:
            return insert_new(connection, jobs, {"name": name, "ran_at": now})
        due = (jobs.c.name == name) & (jobs.c.ran_at == ran_at)
        return connection.execute(update(jobs).where(due).values(ran_at=now)).rowcount > 0
