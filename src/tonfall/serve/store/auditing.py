"""The audit: lines that are only ever added, each holding the hash of the one before.

Whoever changes or takes out a line breaks the chain at that place. Its end is noted beside it, so
lines missing at the end are found too; who can rewrite the whole database can rewrite the chain,
so keep the end's hash somewhere else from time to time. Retention takes the oldest lines away; the
line that says so holds the hash that the rest begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog, chained
from tonfall.serve.store.schema import audit, counters

__all__ = ["AuditCheck", "add_line", "shorten", "verify"]

EVERYBODY = "*"
"""The tenant of lines that concern the whole server."""


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


def verify(database: Database) -> AuditCheck:
    """Compute the whole chain again, and say where it breaks."""
    with database.reading() as connection:
        end = connection.execute(select(counters).where(counters.c.name == "audit")).one()
        check = _walk(connection)
    if check.intact and (check.head or end.hash) != end.hash:
        text = "the newest line is not the one that was written last"
        return AuditCheck(check.lines, check.head, end.value, text)
    if check.intact and check.lines == 0 and end.value:
        return AuditCheck(0, "", end.value, "all lines are missing")
    return check


def _walk(connection: Connection) -> AuditCheck:
    """Follow the chain from the oldest line to the newest, or to where it breaks."""
    chain = _Chain()
    query = select(audit).order_by(audit.c.id).execution_options(yield_per=1000)
    with connection.execute(query) as rows:
        for row in rows:
            reason = chain.add(row._asdict())
            if reason:
                return AuditCheck(chain.lines, chain.head, row.id, reason)
    if chain.begin and chain.begin not in chain.shortened:
        return AuditCheck(chain.lines, chain.head, chain.first, "lines before it are missing")
    return AuditCheck(chain.lines, chain.head)


class _Chain:
    """How far the chain was followed, and what its beginning has to be vouched for with."""

    def __init__(self) -> None:
        self.lines, self.first, self.number = 0, 0, 0
        self.begin, self.head = "", ""
        self.shortened: set[str] = set()

    def add(self, line: Mapping[str, Any]) -> str:
        """Take the next line; what is wrong with it, or nothing."""
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
