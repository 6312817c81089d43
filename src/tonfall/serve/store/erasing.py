"""Deleting what was judged: of one call at once, of all calls of a caller, and counting it.

Three degrees: to *purge* a call deletes what was judged of it, and leaves the bare call, so that it
can still end; *erasure* takes the call itself too; *retention* (:mod:`.retaining`) deletes by age.
Purge and erasure leave a line in the audit, without content, and one event, so that dashboards
forget the call.

An *objection* purges: the call's notice is refused then, and its caller is put on the list. A live
call that is to be erased is purged first, too, but nobody objects, and its caller stays with it so
that the erasure of all calls of a caller finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Delete, Table, delete, select, true, update

from tonfall.errors import ConfigError
from tonfall.serve.records import CallPurged, Notice
from tonfall.serve.store.curves import erase_curves
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.objecting import object_to
from tonfall.serve.store.priors import erase_priors
from tonfall.serve.store.rows import Counts
from tonfall.serve.store.schema import alerts, calls, deliveries, events, turns, windows

__all__ = ["JUDGED", "count", "delete_judged", "erase", "purge", "reclaim"]

JUDGED: dict[str, Table] = {
    "windows": windows,
    "turns": turns,
    "alerts": alerts,
    "events": events,
    "deliveries": deliveries,
}
SOME = 500


def purge(connection: Connection, change: CallPurged, log: EventLog) -> Counts:
    """Delete what was judged of a call; the bare call stays, without its outside id."""
    log.flush()
    log.calls_went()
    mine = (calls.c.id == change.call) & (calls.c.tenant == change.tenant)
    counts = delete_judged(connection, [change.call])
    bare = {
        "purged_at": change.at,
        "external_id": "",
        "speakers": None,
        "overlap_s": None,
        "silence_s": None,
    }
    connection.execute(update(calls).where(mine).values(**bare))
    if change.reason == "objection":
        _refuse(connection, change)
    return counts


def _refuse(connection: Connection, change: CallPurged) -> None:
    """The call's notice is refused, and its caller goes from the call to the list."""
    mine = (calls.c.id == change.call) & (calls.c.tenant == change.tenant)
    caller = connection.execute(select(calls.c.caller).where(mine)).scalar()
    refused = {"notice": Notice.REFUSED.value, "caller": None}
    connection.execute(update(calls).where(mine).values(**refused))
    if caller is not None:
        object_to(connection, change.tenant, caller, by=change.by, at=change.at)


def delete_judged(connection: Connection, ids: Sequence[str]) -> Counts:
    """Delete all that hangs on these calls, which are of whoever asks, and count it."""
    found: dict[str, int] = {}
    for name, table in JUDGED.items():
        found[name] = count(connection, delete(table).where(table.c.call.in_(ids)))
    return Counts(**found)


def count(connection: Connection, statement: Delete) -> int:
    """Delete, and tell how many rows."""
    return max(0, connection.execute(statement).rowcount)


def erase(
    database: Database,
    tenant: str,
    *,
    call: str | None,
    caller: str | None,
    actor: str,
) -> tuple[Counts, int | None]:
    """Delete calls with all that hangs on them, in one transaction.

    Returns:
        What was deleted, and the id of the last event; None where there was nothing.

    Raises:
        ConfigError: not exactly one of call and caller was given.
        ServiceError: the database cannot be used; nothing was deleted.
    """
    if (call is None) == (caller is None):
        raise ConfigError("Erasure needs a call or a caller, and not both.")
    wanted = calls.c.id == call if caller is None else calls.c.caller == caller
    subject = f"call {call}" if caller is None else "caller"
    return _erase_all(database, tenant, wanted, subject=subject, actor=actor)


def erase_tenant(database: Database, tenant: str, *, actor: str) -> tuple[Counts, int | None]:
    """Delete all calls of a tenant, and what was learnt of its lines: priors and budgets' curves.

    Returns:
        As of :func:`erase`.

    Raises:
        ServiceError: the database cannot be used; nothing was deleted.
    """
    return _erase_all(database, tenant, true(), subject="tenant", actor=actor)


def _erase_all(
    database: Database, tenant: str, wanted: ColumnElement[bool], *, subject: str, actor: str
) -> tuple[Counts, int | None]:
    with database.writing() as connection:
        log, audit = EventLog(connection), AuditLog(connection)
        query = select(calls.c.id).where(calls.c.tenant == tenant, wanted)
        ids = list(connection.execute(query).scalars())
        counts = _erase(connection, tenant, ids, log)
        if subject == "tenant":
            counts += Counts(priors=erase_priors(connection, tenant))
            erase_curves(connection, tenant)
        audit.add(
            tenant=tenant,
            actor=actor,
            action="erasure",
            subject=subject,
            details={name: count for name, count in counts.as_dict().items() if count},
        )
        log.finish()
        audit.finish()
    if counts.total:
        reclaim(database)
    return counts, (log.events[-1].id if log.events else None)


def _erase(connection: Connection, tenant: str, ids: Sequence[str], log: EventLog) -> Counts:
    counts, now = Counts(), datetime.now(UTC)
    log.calls_went()
    for first in range(0, len(ids), SOME):
        some = ids[first : first + SOME]
        counts += delete_judged(connection, some)
        gone = delete(calls).where(calls.c.id.in_(some), calls.c.tenant == tenant)
        counts += Counts(calls=count(connection, gone))
        for one in some:
            told = {"reason": "erasure"}
            log.add(tenant=tenant, call=one, kind="call.purged", at=now, payload=told)
    return counts


def reclaim(database: Database) -> None:
    """SQLite: fold the log into the file, so that what was deleted is not left in it either.

    Who reads for more than five seconds holds it up; then the next run of retention does it.
    """
    if database.is_sqlite:
        database.outside(
            lambda connection: connection.exec_driver_sql(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchall()
        )
