"""The store: one object for all that a server keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tonfall.serve.store import auditing, erasing, news, retaining
from tonfall.serve.store.auditing import AuditCheck, LastCheck
from tonfall.serve.store.curves import Curves
from tonfall.serve.store.database import Database
from tonfall.serve.store.delivering import Deliveries
from tonfall.serve.store.exporting import Export, export
from tonfall.serve.store.keys import Keys
from tonfall.serve.store.migrate import upgrade
from tonfall.serve.store.news import Listening, OnNews
from tonfall.serve.store.nodes import Nodes
from tonfall.serve.store.objecting import Objections
from tonfall.serve.store.priors import Priors
from tonfall.serve.store.reading import Reading
from tonfall.serve.store.retaining import Retention
from tonfall.serve.store.rows import Counts

__all__ = ["Store"]

logger = logging.getLogger(__name__)


class Store(Reading):
    """Everything that is kept of calls, behind a database URL; safe to use from any thread.

    Attributes:
        database: for transactions.
        keys, objections, deliveries, nodes, curves, priors: what they say.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keys = Keys(database)
        self.objections = Objections(database)
        self.deliveries = Deliveries(database)
        self.nodes = Nodes(database)
        self.curves = Curves(database)
        self.priors = Priors(database)
        self._listeners: list[OnNews] = []

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open a database, and bring it to the shape that this version knows.

        Args:
            url: ``sqlite:///path/to/tonfall.db`` or ``postgresql://user:password@host/name``.
            create: False to open only what is there already.

        Raises:
            ConfigError: the URL is of another kind, the database is from a newer version, or there
                is none to open.
            ServiceError: it cannot be reached.
        """
        database = Database(url, create=create)
        try:
            upgrade(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def ready(self) -> bool:
        """True where the database answers."""
        return self.last_event() >= 0

    def erase(
        self, tenant: str, *, call: str | None = None, caller: str | None = None, actor: str
    ) -> Counts:
        """Delete a call, or all calls of a caller's hash, with all that hangs on them.

        Windows of a live call that come later are left out. An audit line without content stays.

        Raises:
            ConfigError: not exactly one of call and caller was given.
        """
        counts, last = erasing.erase(self.database, tenant, call=call, caller=caller, actor=actor)
        self.announce(last)
        return counts

    def erase_tenant(self, tenant: str, *, actor: str) -> Counts:
        """Delete all calls of a tenant, with all that hangs on them, and what its lines taught.

        That is the priors and the curves of budgets of alerts.
        Its keys, its list of objections and its lines in the audit stay.
        """
        counts, last = erasing.erase_tenant(self.database, tenant, actor=actor)
        self.announce(last)
        return counts

    def retain(self, now: datetime | None = None, limits: Retention | None = None) -> Counts:
        """Delete what is too old."""
        return retaining.retain(self.database, now or datetime.now(UTC), limits or Retention())

    def end_lost(self, *, timeout_s: float = 15.0) -> tuple[str, ...]:
        """End the live calls of nodes that were silent for longer than that; their ids."""
        ended, last = self.nodes.end_lost(timeout_s=timeout_s)
        self.announce(last)
        return ended

    def audit(
        self,
        tenant: str,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Add a line to the audit: who did what to what. No content, names or numbers."""
        auditing.add_line(self.database, tenant, actor, action, subject, details)

    def verify_audit(self) -> AuditCheck:
        """Whether every line of the audit is as it was written; reads all of them."""
        return auditing.verify(self.database)

    def check_audit(self, *, rest: Callable[[], object]) -> AuditCheck:
        """The same, resting after each thousand lines; what was found is noted in the audit."""
        check = auditing.verify(self.database, rest=rest)
        auditing.note(self.database, check)
        return check

    def last_audit_check(self) -> LastCheck | None:
        """What :meth:`check_audit` found last, on whichever node; None before the first time."""
        return auditing.last_check(self.database)

    def export(
        self,
        tenant: str,
        folder: Path,
        *,
        call: str | None = None,
        caller: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str,
    ) -> Export:
        """Write what is kept of a call, a caller or a time as Parquet and readable JSON.

        Of a tenant as a whole, that is where neither a call nor a caller is named, the priors of
        its lines too.
        """
        return export(
            self.database,
            tenant,
            folder,
            call=call,
            caller=caller,
            since=since,
            until=until,
            actor=actor,
        )

    def listen(self, on_news: OnNews) -> Listening:
        """Call ``on_news`` with the highest id whenever events were committed, by any node.

        It is called from other threads and must be quick; read the events with :meth:`events`.
        On SQLite it hears of this store's own commits, writers' included.
        """
        if self.database.is_sqlite:
            return _Local(self._listeners, on_news)
        return news.listen(self.database, self.last_event, on_news)

    def announce(self, last: int | None) -> None:
        """Tell the listeners of this store that there are events up to that id."""
        for on_news in list(self._listeners) if last is not None else ():
            try:
                on_news(last)  # type: ignore[arg-type]
            except Exception:  # a listener must not undo what is committed
                logger.exception("a listener for events failed")

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()


class _Local:
    """A listener for commits of this process."""

    def __init__(self, listeners: list[OnNews], on_news: Callable[[int], None]) -> None:
        self._listeners = listeners
        self._on_news = on_news
        listeners.append(on_news)

    def close(self) -> None:
        """Hear nothing more."""
        if self._on_news in self._listeners:
            self._listeners.remove(self._on_news)
