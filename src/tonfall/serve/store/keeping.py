"""Threads that keep the store.

One says that the node is there, and ends the calls of nodes that are not; nothing may hold it up.
What can take long has another: deleting by age, and checking the chain of the audit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tonfall.errors import ServiceError
from tonfall.serve.store.retaining import Retention, take_job
from tonfall.serve.store.store import Store

__all__ = ["Keeper"]

logger = logging.getLogger(__name__)

REST_S = 0.05
"""After each thousand lines of the audit, of which a check takes some 20 ms: calls go before."""
TRY_AGAIN = timedelta(hours=1)
"""After which a check that was not finished is begun anew."""


class Keeper:
    """Start it before the first call is taken, close it after the last.

    Args:
        node: as the node's :class:`~tonfall.serve.store.Writer` says it.
        retention: for how long things are kept.
        beat_s: seconds between two signs of life.
        timeout_s: silence after which a node's calls are ended; at least three times ``beat_s``.
        retain_every: how often one of the nodes deletes what is too old.
        check_every: how often one of the nodes checks the chain of the audit.

    Raises:
        ServiceError: the database cannot be reached now.
    """

    def __init__(
        self,
        store: Store,
        *,
        node: str,
        retention: Retention | None = None,
        beat_s: float = 5.0,
        timeout_s: float = 15.0,
        retain_every: timedelta = timedelta(hours=1),
        check_every: timedelta = timedelta(days=1),
    ) -> None:
        assert timeout_s >= 3 * beat_s, (timeout_s, beat_s)
        self._store = store
        self._node = node
        self._retention = retention or Retention()
        self._beat_s = beat_s
        self._timeout_s = timeout_s
        self._retain_every = retain_every
        self._check_every = check_every
        self._check_from = 0.0
        self._ended = threading.Event()
        store.nodes.beat(node)
        self._heard = time.monotonic()
        self._judges_from = self._heard
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,), name=name, daemon=True)
            for name, work in (("tonfall-keeper", self._turn), ("tonfall-chores", self._chores))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and say that the node went."""
        self._ended.set()
        for thread in self._threads:
            thread.join(15)
        self._store.nodes.leave(self._node)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                work()
            except ServiceError as error:
                logger.warning("%s", error)
            except _Ended:
                return
            except Exception:
                logger.exception("Keeping the store failed by an error of ours; it is tried again.")

    def _turn(self) -> None:
        self._store.nodes.beat(self._node)
        now = time.monotonic()
        if now - self._heard > self._timeout_s / 2:
            # We were away ourselves, so perhaps everybody was: let them come back first.
            self._judges_from = now + self._timeout_s
        self._heard = now
        if now >= self._judges_from:
            self._end_lost()

    def _end_lost(self) -> None:
        for call in self._store.end_lost(timeout_s=self._timeout_s):
            logger.warning("call %s ended: its node is silent", call)

    def _chores(self) -> None:
        if take_job(self._store.database, "retention", self._retain_every):
            self._store.retain(limits=self._retention)
        every = min(TRY_AGAIN, self._check_every)
        if self._check_is_due() and take_job(self._store.database, "audit", every):
            self._check_audit()

    def _check_audit(self) -> None:
        check = self._store.check_audit(rest=self._rest)
        if not check.intact:
            logger.error("the audit breaks at line %s: %s", check.broken_at, check.reason)

    def _check_is_due(self) -> bool:
        """Whether it is; until when it is not, whichever node checked last, is remembered."""
        if time.monotonic() < self._check_from:
            return False
        last = self._store.last_audit_check()
        if last is None:
            return True
        left = self._check_every - abs(datetime.now(UTC) - last.at)
        self._check_from = time.monotonic() + left.total_seconds()
        return left <= timedelta(0)

    def _rest(self) -> None:
        if self._ended.wait(REST_S):
            raise _Ended


class _Ended(Exception):  # noqa: N818 - it is no error
    """The keeper was closed in the middle of something long."""
