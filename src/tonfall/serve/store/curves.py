"""How often rules would have fired in a tenant's calls, by threshold; see :mod:`.firings`.

Each call adds to it once, as its end is written, and only then: nothing comes of a call that was
purged before. Nodes add under the lock of the numbering of events and of the row, so none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from tonfall.serve.firings import STEPS, CallFirings, FiringCurve
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.schema import alert_budgets

__all__ = [
    "CurveKey",
    "CurveRow",
    "Curves",
    "add_firings",
    "curves_of",
    "drop_curves",
    "erase_curves",
]

CurveKey = tuple[str, str, str, str]
"""Tenant, carrier, name of the rule, definition."""
_DIGITS = 9
"""Enough for small counts to fade: with four, what a call of a minute takes away was lost."""
_KEY = (
    alert_budgets.c.tenant,
    alert_budgets.c.carrier,
    alert_budgets.c.rule,
    alert_budgets.c.definition,
)


@dataclass(frozen=True, slots=True)
class CurveRow:
    """A curve, and which event changed it last."""

    tenant: str
    carrier: str
    rule: str
    definition: str
    event: int
    at: datetime
    curve: FiringCurve

    @property
    def key(self) -> CurveKey:
        """What it is found by."""
        return self.tenant, self.carrier, self.rule, self.definition


class Curves:
    """The curves of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant: str) -> tuple[CurveRow, ...]:
        """Those of a tenant, by carrier, rule and definition."""
        with self._database.reading() as connection:
            return curves_of(connection, tenant)

    def refreshed(self, known: Mapping[CurveKey, CurveRow]) -> dict[CurveKey, CurveRow]:
        """What there is now, of all tenants; reads only what changed since ``known``."""
        last = max((row.event for row in known.values()), default=0)
        with self._database.reading() as connection:
            there = {tuple(row) for row in connection.execute(select(*_KEY))}
            query = select(alert_budgets).where(alert_budgets.c.event > last)
            changed = {row.key: row for row in map(_curve_row, connection.execute(query))}
        return {key: row for key, row in {**known, **changed}.items() if key in there}

    def forget(self, tenant: str, *, actor: str) -> int:
        """Begin anew for a tenant; how many curves there were. Calls that go on add to new ones."""
        with self._database.writing() as connection:
            EventLog(connection)  # takes the lock, as all who write to the curves do
            mine = delete(alert_budgets).where(alert_budgets.c.tenant == tenant)
            count = max(0, connection.execute(mine).rowcount)
            audit = AuditLog(connection)
            details = {"curves": count}
            audit.add(
                tenant=tenant,
                actor=actor,
                action="alert_budgets.forgotten",
                subject="alert budgets",
                details=details,
            )
            audit.finish()
        return count


def curves_of(connection: Connection, tenant: str) -> tuple[CurveRow, ...]:
    """The curves of a tenant, by carrier, rule and definition."""
    query = select(alert_budgets).where(alert_budgets.c.tenant == tenant).order_by(*_KEY)
    return tuple(_curve_row(row) for row in connection.execute(query))


def add_firings(
    connection: Connection, tenant: str, some: CallFirings, *, event: int, at: datetime
) -> None:
    """Add what a call brings, within the transaction that writes its end.

    Args:
        connection: holds the lock of the numbering of events.
        tenant: whose call it was.
        some: of one rule.
        event: id of the event of the call's end.
        at: when it ended.
    """
    mine = _is(tenant, some)
    query = select(alert_budgets).where(mine).with_for_update()
    row = connection.execute(query).one_or_none()
    before = FiringCurve() if row is None else _curve_row(row).curve
    values = _values(before.followed_by(some.curve, half_life_h=some.half_life_h))
    values |= {"event": event, "at": at}
    if row is None:
        key = {"tenant": tenant, "carrier": some.carrier, "rule": some.rule}
        new = {**key, "definition": some.definition, **values}
        connection.execute(insert(alert_budgets), [new])
    else:
        connection.execute(update(alert_budgets).where(mine).values(**values))


def erase_curves(connection: Connection, tenant: str) -> None:
    """Delete those of a tenant, with all else that is kept of it."""
    connection.execute(delete(alert_budgets).where(alert_budgets.c.tenant == tenant))


def drop_curves(connection: Connection, before: datetime) -> None:
    """Delete what no call added to since then, such as of rules that were changed."""
    connection.execute(delete(alert_budgets).where(alert_budgets.c.at < before))


def _is(tenant: str, some: CallFirings) -> ColumnElement[bool]:
    wanted = (tenant, some.carrier, some.rule, some.definition)
    found: ColumnElement[bool] = _KEY[0] == wanted[0]
    for column, value in zip(_KEY[1:], wanted[1:], strict=True):
        found &= column == value
    return found


def _values(curve: FiringCurve) -> dict[str, Any]:
    """Strict thresholds at which nothing ever fired are left out: most are."""
    counts = [round(count, _DIGITS) for count in curve.counts]
    while counts and not counts[-1]:
        counts.pop()
    return {"hours": curve.hours, "fired": curve.fired, "counts": counts}


def _curve_row(row: Row[Any]) -> CurveRow:
    found = row._asdict()
    counts = [*found["counts"], *(0.0,) * STEPS][:STEPS]
    curve = FiringCurve(found["hours"], found["fired"], tuple(counts))
    head = ("tenant", "carrier", "rule", "definition", "event", "at")
    return CurveRow(**{name: found[name] for name in head}, curve=curve)
