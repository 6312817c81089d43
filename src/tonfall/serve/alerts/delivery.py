"""Carrying alerts from the store to their outlets, as often as it takes."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Protocol

from tonfall.errors import ServiceError, TonfallError
from tonfall.serve.alerts.notices import Notification
from tonfall.serve.alerts.outlets import Outlet, Outlets
from tonfall.serve.store import Delivery

__all__ = ["Deliverer", "Waiting", "wait_s"]

_log = logging.getLogger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 3600.0
_MOST_ATTEMPTS = 12
"""With the waits between them this is about seven hours."""
_AT_A_TIME = 4
"""Threads of an outlet."""
_LEASE_S = 60.0


class Waiting(Protocol):
    """What is to be delivered; the store's."""

    def sinks(self) -> frozenset[str]:
        """Outlets for which something is due."""

    def due(self, node: str, *, sink: str, limit: int, lease_s: float) -> tuple[Delivery, ...]:
        """Claim what is due to an outlet."""

    def done(self, delivery: str, *, node: str) -> bool:
        """It was sent."""

    def retry(self, delivery: str, *, node: str, at: datetime, error: str) -> bool:
        """Try again later."""

    def give_up(self, delivery: str, *, node: str, error: str) -> bool:
        """It will not be sent."""


def wait_s(attempts: int, *, rng: random.Random) -> float:
    """Seconds until the next try: twice as long each time, spread by a quarter.

    >>> [round(wait_s(n, rng=random.Random(0))) for n in (1, 2, 3, 20)]
    [6, 12, 23, 4220]
    """
    doubled = _FIRST_WAIT_S * (1 << min(attempts - 1, 20))
    return min(_LONGEST_WAIT_S, doubled) * rng.uniform(0.75, 1.25)


class Deliverer:
    """Owns the threads that tell outlets.

    Each outlet has a few threads at most, and nothing is claimed for one that has no thread free,
    or that failed just now: one that hangs holds up itself and never another. Nothing is lost by a
    restart: what was not sent is still in the store.

    Args:
        waiting: what is to be delivered.
        outlets: by name.
        node: name of this server among those on one store.
        poll_s: seconds between two looks at what is due.
        pause_s: seconds for which a failed outlet is left alone.
    """

    def __init__(
        self,
        waiting: Waiting,
        *,
        outlets: Outlets,
        node: str,
        poll_s: float = 0.5,
        pause_s: float = 5.0,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._waiting = waiting
        self._outlets = outlets
        self._node = node
        self._poll_s = poll_s
        self._pause_s = pause_s
        self._rng = random.Random()
        self._lock = Lock()
        self._quiet: dict[str, float] = {}
        self._busy: Counter[str] = Counter()
        self._stop = Event()
        self._look = Event()
        self._thread = Thread(target=self._run, name="tonfall-alerts", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float = 1.5) -> None:
        """Stop; what is being sent has ``timeout_s`` left, the rest waits in the store."""
        until = time.monotonic() + timeout_s
        self._stop.set()
        self._look.set()
        self._thread.join(timeout_s)
        while self._busy.total() and time.monotonic() < until:
            time.sleep(0.01)
        for sink in sorted(+self._busy):
            _log.warning(
                "The outlet %s had not answered when the server stopped; what it was to be told "
                "is in the store, and is sent again.",
                sink,
            )

    def _run(self) -> None:
        while not self._stop.is_set():
            self._look.clear()
            if not sum(self._begin(sink) for sink in sorted(self._sinks())):
                self._look.wait(self._poll_s)

    def _sinks(self) -> frozenset[str]:
        try:
            return self._waiting.sinks()
        except TonfallError as error:
            self._cannot_read(error)
            return frozenset()

    def _begin(self, sink: str) -> int:
        """Send what is due to an outlet, as far as it has threads free; how much that is."""
        claimed = self._claim(sink, self._free(sink))
        for delivery in claimed:
            with self._lock:
                self._busy[sink] += 1
            # A daemon: a thread that hangs must not hold up the end of the process.
            name = f"tonfall-alert-{sink}"
            Thread(target=self._deliver, args=(delivery,), name=name, daemon=True).start()
        return len(claimed)

    def _free(self, sink: str) -> int:
        with self._lock:
            quiet = self._quiet.get(sink, 0.0) > time.monotonic()
            return 0 if quiet else _AT_A_TIME - self._busy[sink]

    def _claim(self, sink: str, free: int) -> tuple[Delivery, ...]:
        if free <= 0 or self._stop.is_set():
            return ()
        try:
            return self._waiting.due(self._node, sink=sink, limit=free, lease_s=_LEASE_S)
        except TonfallError as error:
            self._cannot_read(error)
            return ()

    def _cannot_read(self, error: TonfallError) -> None:
        self.counts["store_failures"] += 1
        _log.warning("What alerts are to be sent cannot be read: %s", error)

    def _deliver(self, delivery: Delivery) -> None:
        try:
            self._try(delivery)
        except TonfallError as error:
            # Its claim runs out, and it is sent again then.
            self.counts["store_failures"] += 1
            _log.warning("Delivery %s cannot be marked: %s", delivery.id, error)
        except Exception:
            self.counts["errors"] += 1
            _log.exception("Delivery %s failed by an error of ours.", delivery.id)
        finally:
            with self._lock:
                self._busy[delivery.sink] -= 1
            self._look.set()

    def _try(self, delivery: Delivery) -> None:
        outlet = self._outlets.find(delivery.sink)
        if outlet is None:
            self._give_up(delivery, "The settings name this outlet no more.")
            return
        self._send(delivery, outlet)

    def _send(self, delivery: Delivery, outlet: Outlet) -> None:
        try:
            outlet.send(_notification(delivery))
        except ServiceError as error:
            self._failed(delivery, error)
            return
        self.counts["sent"] += 1
        self._waiting.done(delivery.id, node=self._node)

    def _failed(self, delivery: Delivery, error: ServiceError) -> None:
        self.counts["failed_tries"] += 1
        with self._lock:
            self._quiet[delivery.sink] = time.monotonic() + self._pause_s
        if not error.retry or delivery.attempts >= _MOST_ATTEMPTS:
            self._give_up(delivery, str(error))
        else:
            self._later(delivery, wait_s(delivery.attempts, rng=self._rng), str(error))

    def _later(self, delivery: Delivery, seconds: float, error: str) -> None:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._waiting.retry(delivery.id, node=self._node, at=at, error=error)

    def _give_up(self, delivery: Delivery, error: str) -> None:
        self.counts["given_up"] += 1
        _log.error("An alert was not sent to %s: %s", delivery.sink, error)
        self._waiting.give_up(delivery.id, node=self._node, error=error)


def _notification(delivery: Delivery) -> Notification:
    return Notification(
        id=delivery.id,
        tenant=delivery.tenant,
        call=delivery.call,
        kind=delivery.kind,
        at=delivery.at,
        payload=delivery.payload,
    )
