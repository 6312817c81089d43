"""The audit: lines that are only ever added, each holding the hash of the one before.

Whoever changes or takes out a line breaks the chain at that place. Its end is noted beside it, so
lines missing at the end are found too; who can rewrite the whole database can rewrite the chain,
so keep the end's hash somewhere else from time to time. Retention takes the oldest lines away; the
line that says so holds the hash that the rest begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Dialect, TypeDecorator, delete, func, select, type_coerce
from sqlalchemy.types import NullType

from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog, chained
from tonfall.serve.store.schema import EPOCH, audit, counters

__all__ = ["AuditCheck", "LastCheck", "add_line", "last_check", "note", "shorten", "verify"]

EVERYBODY = "*"
"""The tenant of lines that concern the whole server."""
CHECKED = "audit.checked"
PAGE = 1000
RAW = [type_coerce(column, NullType()).label(column.name) for column in audit.c]
"""The columns as the driver gives them: who tampers can leave what we cannot make sense of."""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What checking the chain found.

    Attributes:
        lines: how many were read.
        head: hash of the newest.
        broken_at: id of the first line that does not fit, or None where all do.
        reason: what is wrong there.
    """

    lines: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        """True where every line fits."""
        return self.broken_at is None


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When the chain was checked last, and whether every line fitted then.

    Where the line that says so cannot be read: in 1970, and not.
    """

    at: datetime
    intact: bool


def add_line(
    database: Database,
    tenant: str,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, object] | None = None,
) -> None:
    """Add a line; it is on the disk when this returns."""
    with database.writing() as connection:
        log = AuditLog(connection)
        log.add(tenant=tenant, actor=actor, action=action, subject=subject, details=details)
        log.finish()


def verify(database: Database, *, rest: Callable[[], object] = lambda: None) -> AuditCheck:
    """Compute the whole chain again, and say where it breaks.

    Args:
        database: is read a page at a time, so that no transaction is long.
        rest: called after each page; what it raises ends the check.
    """
    check = _walk(database, rest)
    # Lines that retention takes away under our feet look like a break: it has to be found again.
    return check if check.intact else _walk(database, rest)


def _walk(database: Database, rest: Callable[[], object]) -> AuditCheck:
    """Follow the chain from the oldest line to the newest, or to where it breaks."""
    chain = _Chain(database.engine.dialect)
    while True:
        lines, value, digest = _page(database, chain.number)
        for line in lines:
            reason = chain.add(line)
            if reason:
                return AuditCheck(chain.lines, chain.head, line["id"], reason)
        if len(lines) < PAGE:
            return chain.ended(value, digest)
        rest()


def _page(database: Database, after: int) -> tuple[list[Mapping[str, Any]], int, str]:
    """The next lines, raw; the number and the hash that the chain ends with at the same moment."""
    end = select(counters.c.value, counters.c.hash).where(counters.c.name == "audit")
    query = select(*RAW).where(audit.c.id > after).order_by(audit.c.id).limit(PAGE)
    with database.reading() as connection:
        if not database.is_sqlite:  # PostgreSQL would show each statement another moment.
            connection.execution_options(isolation_level="REPEATABLE READ")
        value, digest = connection.execute(end).one()
        return [row._asdict() for row in connection.execute(query)], value, digest


def _read(raw: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A line as it was written; any exception where it was not written by us."""
    line = dict(raw)
    for column in audit.c:
        if isinstance(column.type, TypeDecorator):
            line[column.name] = column.type.process_result_value(line[column.name], dialect)
    return line


class _Chain:
    """How far the chain was followed, and what its beginning has to be vouched for with."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.lines, self.first, self.number = 0, 0, 0
        self.begin, self.head = "", ""
        self.shortened: set[str] = set()

    def add(self, raw: Mapping[str, Any]) -> str:
        """Take the next line; what is wrong with it, or nothing."""
        try:
            return self._add(_read(raw, self._dialect))
        except Exception:  # Whatever it is: we write no such line.
            return "its content cannot be read"

    def _add(self, line: Mapping[str, Any]) -> str:
        if self.lines == 0:
            self.first, self.begin = line["id"], line["previous"]
        elif line["previous"] != self.head or line["id"] != self.number + 1:
            return "a line before it is missing or changed"
        if chained(line) != line["hash"]:
            return "its content was changed"
        if line["action"] == "audit.shortened":
            self.shortened.add(str(line["details"].get("hash")))
        self.lines, self.number, self.head = self.lines + 1, line["id"], line["hash"]
        return ""

    def ended(self, value: int, digest: str) -> AuditCheck:
        """What is said of the whole chain, which was last written to with this number and hash."""
        if self.begin and self.begin not in self.shortened:
            return AuditCheck(self.lines, self.head, self.first, "lines before it are missing")
        if self.lines == 0 and value:
            return AuditCheck(0, "", value, "all lines are missing")
        if self.lines and self.head != digest:
            text = "the newest line is not the one that was written last"
            return AuditCheck(self.lines, self.head, value, text)
        return AuditCheck(self.lines, self.head)


def note(database: Database, check: AuditCheck) -> None:
    """Write into the audit what checking it found, for all nodes to see."""
    details = {"intact": check.intact, "lines": check.lines, "head": check.head}
    if not check.intact:
        details |= {"broken_at": check.broken_at, "reason": check.reason}
    add_line(database, EVERYBODY, "system", CHECKED, "audit", details)


def last_check(database: Database) -> LastCheck | None:
    """What the last check found that was noted, by whichever node; None before the first."""
    query = (
        select(*RAW)
        .where(audit.c.tenant == EVERYBODY, audit.c.action == CHECKED)
        .order_by(audit.c.id.desc())
        .limit(1)
    )
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    return row and _last_check(row._asdict(), database.engine.dialect)


def _last_check(raw: Mapping[str, Any], dialect: Dialect) -> LastCheck:
    try:
        line = _read(raw, dialect)
        return LastCheck(line["at"], line["details"].get("intact") is True)
    except Exception:  # So that the next check is due at once, and finds it.
        return LastCheck(EPOCH, intact=False)


def shorten(connection: Connection, before: datetime) -> int:
    """Take away the oldest lines, up to the first that is not older; note where the rest begins.

    Returns:
        How many lines went.
    """
    kept = select(func.min(audit.c.id)).where(audit.c.at >= before)
    first = connection.execute(kept).scalar()
    old = audit.c.at < before if first is None else audit.c.id < first
    newest = select(audit.c.id, audit.c.hash).where(old).order_by(audit.c.id.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    if last is None:
        return 0
    log = AuditLog(connection)
    details = {"through": last.id, "hash": last.hash}
    log.add(
        tenant=EVERYBODY, actor="system", action="audit.shortened", subject="audit", details=details
    )
    log.finish()
    return connection.execute(delete(audit).where(audit.c.id <= last.id)).rowcount
