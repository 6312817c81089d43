"""A thread that keeps the store: says that the node is there, ends lost calls, deletes by age."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from tonfall.errors import ServiceError
from tonfall.serve.store.retaining import Retention, take_job
from tonfall.serve.store.store import Store

__all__ = ["Keeper"]

logger = logging.getLogger(__name__)


class Keeper:
    """Start it before the first call is taken, close it after the last.

    Args:
        node: as the node's :class:`~tonfall.serve.store.Writer` says it.
        retention: for how long things are kept.
        beat_s: seconds between two signs of life.
        timeout_s: silence after which a node's calls are ended; at least three times ``beat_s``.
        retain_every: how often one of the nodes deletes what is too old.

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
    ) -> None:
        assert timeout_s >= 3 * beat_s, (timeout_s, beat_s)
        self._store = store
        self._node = node
        self._retention = retention or Retention()
        self._beat_s = beat_s
        self._timeout_s = timeout_s
        self._retain_every = retain_every
        self._ended = threading.Event()
        store.nodes.beat(node)
        self._heard = time.monotonic()
        self._judges_from = self._heard
        self._thread = threading.Thread(target=self._run, name="tonfall-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and say that the node went."""
        self._ended.set()
        self._thread.join(30)
        self._store.nodes.leave(self._node)

    def _run(self) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                self._turn()
            except ServiceError as error:
                logger.warning("%s", error)

    def _turn(self) -> None:
        self._store.nodes.beat(self._node)
        now = time.monotonic()
        if now - self._heard > self._timeout_s / 2:
            # We were away ourselves, so perhaps everybody was: let them come back first.
            self._judges_from = now + self._timeout_s
        self._heard = now
        if now >= self._judges_from:
            self._end_lost()
        if take_job(self._store.database, "retention", self._retain_every):
            self._store.retain(limits=self._retention)

    def _end_lost(self) -> None:
        for call in self._store.end_lost(timeout_s=self._timeout_s):
            logger.warning("call %s ended: its node is silent", call)
