"""The priors of lines: what many customers of a tenant's carrier sounded like on average.

Only means over twenty callers or more come here, and they are added a batch of twenty or more at a
time, so that the difference between two versions is never one voice. A batch is written in the
transaction that sees, under the lock under which calls are purged, that nobody in it objected and
none of its calls was erased. Several nodes add to one row: each reads it again under its lock.

A batch that lies too far from the mean freezes it: the batch is held aside, the version stays in
use, and nothing is added until somebody says which of the two is right, or starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tonfall.adaptation import JUMP, LEAST_CALLERS, Callers, jump, merged
from tonfall.serve.records import Notice
from tonfall.serve.store.database import Database, insert_new
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.prior_rows import (
    Batch,
    Line,
    Outcome,
    PriorRow,
    callers_of,
    held_callers,
    prior_row,
    rounded,
    start_of,
    version_of,
)
from tonfall.serve.store.schema import calls, deliveries, objections, priors

__all__ = ["Priors", "Sinks", "erase_priors", "priors_of"]

TOLD = tuple(str(notice) for notice in Notice if notice.told)

Sinks = Callable[[str], Iterable[str]]
"""To which sinks, by name, a notice to a tenant is delivered."""
_Values = npt.NDArray[np.float64]
HEAD = [column for column in priors.c if column.name not in ("mean", "variance")]


class Priors:
    """The priors of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, *, model_hash: str, tenant: str | None = None) -> tuple[PriorRow, ...]:
        """Of one model, in order of tenant and carrier; of one tenant or of all."""
        query = select(*HEAD).where(priors.c.model_hash == model_hash)
        query = query if tenant is None else query.where(priors.c.tenant == tenant)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(priors.c.tenant, priors.c.carrier))
            return tuple(prior_row(row) for row in rows)

    def newest(self, line: Line) -> tuple[str, Callers] | None:
        """The version that new calls start from and its callers, of one look at the row."""
        with self._database.reading() as connection:
            row = connection.execute(select(priors).where(_of(line))).one_or_none()
        callers = None if row is None else callers_of(row)
        return None if row is None or callers is None else (row.version, callers)

    def ended(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """Of calls that are over: whether everybody on them was told, and nobody objected."""
        asked = select(calls.c.id, calls.c.notice, calls.c.purged_at)
        over = asked.where(calls.c.id.in_(ids), calls.c.ended_at.is_not(None))
        with self._database.reading() as connection:
            return {
                row.id: row.purged_at is None and row.notice in TOLD
                for row in connection.execute(over)
            }

    def add(self, batch: Batch, *, sinks: Sinks | None = None) -> tuple[Outcome, int | None]:
        """Add a batch to its line's mean, or hold it aside where it is too far from it.

        Returns:
            What became of it, and the id of the event that says so. It is void, and nothing was
            done, where somebody in it objected, a call of it was erased, or the line is frozen or
            was set back.

        Raises:
            ServiceError: the database cannot be used now; nothing was changed.
        """
        assert batch.callers.callers >= LEAST_CALLERS, batch.callers.callers
        with self._database.writing() as connection:
            log = EventLog(connection)  # takes the lock under which calls are purged
            row = _locked(connection, batch)
            usable = row.generation == batch.generation and row.frozen_at is None
            if not usable or not _all_agree(connection, batch):
                return Outcome.VOID, None
            act = _Act(connection, log, batch.line, "system")
            outcome = _add(act, batch, row, sinks)
            return outcome, act.finish()

    def accept(self, line: Line, *, shipped: _Values, weight_s: float, actor: str) -> int | None:
        """The batch that froze the prior is right: it takes the place of what was before.

        Returns:
            The id of the event; None where the line is not frozen.
        """
        with self._database.writing() as connection:
            act = _Act(connection, EventLog(connection), line, actor)
            row = connection.execute(select(priors).where(_of(line)).with_for_update()).first()
            if row is None or row.frozen_at is None:
                return None
            held = held_callers(row.held)
            started = {"started_at": act.now, "callers": held.callers, **_thawed(row)}
            act.publish(held, shipped, weight_s, started)
            act.tell("prior.resumed", "prior.accepted", callers=held.callers)
            return act.finish()

    def reject(self, line: Line, *, actor: str) -> int | None:
        """The batch that froze the prior is wrong: it is deleted, and the mean goes on.

        Returns:
            The id of the event; None where the line is not frozen.
        """
        with self._database.writing() as connection:
            act = _Act(connection, EventLog(connection), line, actor)
            row = connection.execute(select(priors).where(_of(line)).with_for_update()).first()
            if row is None or row.frozen_at is None:
                return None
            act.update(_thawed(row))
            act.tell("prior.resumed", "prior.rejected", callers=row.callers)
            return act.finish()

    def reset(self, line: Line, *, model: str, actor: str) -> int | None:
        """Forget all that was learnt of a line; calls start from the bundle's prior again.

        Returns:
            The id of the event.
        """
        with self._database.writing() as connection:
            act = _Act(connection, EventLog(connection), line, actor)
            insert_new(connection, priors, _empty(line, model, act.now))
            row = connection.execute(select(priors).where(_of(line)).with_for_update()).one()
            nothing = {"callers": 0, "weight": 0.0, "variance": 0.0, "distance": None}
            gone = dict.fromkeys(("mean", "version", "started_at", "published_at"))
            act.update({**_thawed(row), **nothing, **gone})
            act.tell("prior.reset", "prior.reset", callers=row.callers)
            return act.finish()


class _Act:
    """One change of a line's prior: the row, the event, the line of the audit."""

    def __init__(self, connection: Connection, log: EventLog, line: Line, actor: str) -> None:
        self.connection = connection
        self.now = datetime.now(UTC)
        self._line = line
        self._actor = actor
        self._log = log
        self._audit = AuditLog(connection)

    def update(self, values: Mapping[str, object]) -> None:
        told = {**values, "updated_at": self.now}
        self.connection.execute(update(priors).where(_of(self._line)).values(**told))

    def publish(
        self, callers: Callers, shipped: _Values, weight_s: float, values: Mapping[str, object]
    ) -> str:
        """Write a new mean; return its version."""
        kept = rounded(callers)
        version = version_of(self._line, start_of(kept, shipped), weight_s)
        mean = {"mean": kept.mean.tolist(), "weight": kept.weight, "variance": kept.variance}
        self.update({"version": version, "published_at": self.now, **mean, **values})
        return version

    def tell(self, kind: str, action: str, **details: object) -> int:
        """Add the event and the line of the audit; return the event's id."""
        told = {"carrier": self._line.carrier, **details}
        subject = f"prior {self._line.carrier}"
        tenant = self._line.tenant
        self._audit.add(
            tenant=tenant,
            actor=self._actor,
            action=action,
            subject=subject,
            details=told,
            at=self.now,
        )
        payload = {**told, "by": self._actor}
        return self._log.add(tenant=tenant, call="", kind=kind, at=self.now, payload=payload).id

    def deliver(self, event: int, sinks: Iterable[str], payload: Mapping[str, object]) -> None:
        """Tell the tenant's outlets, as of an alert."""
        head = {"tenant": self._line.tenant, "call": "", "event": event, "kind": "prior.frozen"}
        state = {"at": self.now, "state": "waiting", "attempts": 0, "due_at": self.now, "error": ""}
        rows = [
            {"id": uuid4().hex, "sink": sink, "payload": dict(payload), **head, **state}
            for sink in sinks
        ]
        if rows:
            self.connection.execute(insert(deliveries), rows)

    def finish(self) -> int:
        """Write event and line; the id of the event."""
        self._log.finish()
        self._audit.finish()
        return self._log.events[-1].id


def _add(act: _Act, batch: Batch, row: Row[Any], sinks: Sinks | None) -> Outcome:
    running = callers_of(row)
    if running is None:
        found = {"started_at": act.now, "callers": batch.callers.callers, "distance": None}
        _published(act, batch, batch.callers, found)
        return Outcome.PUBLISHED
    distance = round(jump(running, batch.callers), 3)
    if distance > JUMP:
        _freeze(act, batch, row, distance, sinks)
        return Outcome.FROZEN
    found = {"callers": row.callers + batch.callers.callers, "distance": distance}
    _published(act, batch, merged(running, batch.callers), found)
    return Outcome.PUBLISHED


def _published(act: _Act, batch: Batch, callers: Callers, values: Mapping[str, object]) -> None:
    version = act.publish(callers, batch.shipped, batch.weight_s, values)
    told = {name: values[name] for name in ("callers", "distance")}
    act.tell("prior.published", "prior.published", version=version, **told)


def _freeze(act: _Act, batch: Batch, row: Row[Any], distance: float, sinks: Sinks | None) -> None:
    kept = rounded(batch.callers)
    held = {
        "mean": kept.mean.tolist(),
        "weight": kept.weight,
        "variance": kept.variance,
        "callers": kept.callers,
    }
    act.update({"frozen_at": act.now, "distance": distance, "held": held})
    told = {"version": row.version, "distance": distance, "limit": JUMP}
    event = act.tell("prior.frozen", "prior.frozen", **told)
    payload = {"carrier": batch.line.carrier, **told}
    act.deliver(event, sinks(batch.line.tenant) if sinks else (), payload)


def _thawed(row: Row[Any]) -> dict[str, Any]:
    """Not frozen any more, and what nodes gathered meanwhile is not to be added."""
    return {"frozen_at": None, "held": None, "generation": row.generation + 1}


def _locked(connection: Connection, batch: Batch) -> Row[Any]:
    """The line's row, made where there is none, that nobody changes until we are done."""
    insert_new(connection, priors, _empty(batch.line, batch.model, datetime.now(UTC)))
    return connection.execute(select(priors).where(_of(batch.line)).with_for_update()).one()


def _empty(line: Line, model: str, now: datetime) -> dict[str, object]:
    of = {"tenant": line.tenant, "carrier": line.carrier, "model_hash": line.model_hash}
    sums = {"callers": 0, "weight": 0.0, "variance": 0.0}
    return {**of, "model": model, "generation": 0, "updated_at": now, **sums}


def _all_agree(connection: Connection, batch: Batch) -> bool:
    """Whether every call is there still, was told, and is of nobody who objected since."""
    mine = (calls.c.tenant == batch.line.tenant) & calls.c.id.in_(batch.calls)
    fit = mine & calls.c.purged_at.is_(None) & calls.c.notice.in_(TOLD)
    count = connection.execute(select(func.count()).select_from(calls).where(fit)).scalar_one()
    listed = (objections.c.tenant == calls.c.tenant) & (objections.c.caller == calls.c.caller)
    objected = select(calls.c.id).join(objections, listed).where(mine).limit(1)
    return count == len(batch.calls) and connection.execute(objected).first() is None


def _of(line: Line) -> Any:
    return (
        (priors.c.tenant == line.tenant)
        & (priors.c.carrier == line.carrier)
        & (priors.c.model_hash == line.model_hash)
    )


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Moments as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
    }


def priors_of(connection: Connection, tenant: str) -> list[dict[str, Any]]:
    """All that is kept of a tenant's lines, the numbers of the means included."""
    query = select(priors).where(priors.c.tenant == tenant)
    ordered = query.order_by(priors.c.carrier, priors.c.model_hash)
    return [_plain(row._asdict()) for row in connection.execute(ordered)]


def erase_priors(connection: Connection, tenant: str) -> int:
    """Delete all priors of a tenant; how many there were."""
    return max(0, connection.execute(delete(priors).where(priors.c.tenant == tenant)).rowcount)
