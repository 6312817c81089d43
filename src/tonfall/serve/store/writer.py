"""The one thread that writes what calls bring: grouped, in order, each change exactly once.

Changes wait in memory until the next transaction: at once when nothing was written for
``interval_s``, else when that time is over, so a lone call waits for nothing and a busy node
commits some twenty times a second. What a crash can lose is what waits: at most what came since the
last commit that is done began, some 50 ms and the time of two commits. ``write_now`` returns when
its change is on the disk.

When the database is away, changes wait for it, up to ``backlog`` of them; then windows and turns
are refused, and a little later everything is but ends and deletions of calls. Nothing of this is
silent: see :attr:`Writer.state` and :meth:`Writer.counters`.

When a connection is lost in the middle of a commit, nobody knows whether it was done. Whoever
writes holds the lock of the numbering, so the repeated transaction looks first whether its last
event is there already.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import islice
from uuid import uuid4

from sqlalchemy import Connection, select
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from tonfall.errors import ServiceError
from tonfall.serve.records import (
    CallClosed,
    CallPurged,
    Change,
    StoredEvent,
    TurnHeard,
    WindowHeard,
)
from tonfall.serve.store.applying import Applied, Memory, Sinks, apply
from tonfall.serve.store.database import is_full
from tonfall.serve.store.logs import EventLog
from tonfall.serve.store.rows import stored_event
from tonfall.serve.store.schema import dumps, events
from tonfall.serve.store.store import Store

__all__ = ["Writer", "WriterCounters", "WriterState"]

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
RESERVE = 0.25
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
PATIENCE_S = 5.0
"""Seconds that who waits for a change does so, where they do not say how long."""
CLOSING_S = 10.0
"""Seconds in which what waits is written at the end, by default."""


class WriterState(StrEnum):
    """How it goes: ``away`` and ``full`` mean that changes wait, and that it is tried again."""

    WRITING = "writing"
    AWAY = "away"
    FULL = "full"
    CLOSED = "closed"


@dataclass(slots=True)
class WriterCounters:
    """Since the start, but for ``waiting`` and ``oldest_s``.

    Attributes:
        submitted: changes taken.
        written: changes committed.
        left_out: of a call that was purged or erased, or that did not follow from its state.
        broken: changes that the database did not take, such as a second call of one id.
        refused: changes not taken, the backlog being full.
        commits: transactions.
        failures: transactions that failed and were tried again.
        waiting: changes that wait now.
        oldest_s: for how long the oldest of them has.
        slowest_s: the longest from submission to commit so far.
    """

    submitted: int = 0
    written: int = 0
    left_out: int = 0
    broken: int = 0
    refused: int = 0
    commits: int = 0
    failures: int = 0
    waiting: int = 0
    oldest_s: float = 0.0
    slowest_s: float = 0.0


class _Waiting:
    """A change on its way, and who waits for it."""

    __slots__ = ("change", "done", "outcome", "since")

    def __init__(self, change: Change, *, awaited: bool) -> None:
        self.change = change
        self.since = time.monotonic()
        self.done = threading.Event() if awaited else None
        self.outcome: StoredEvent | ServiceError | None = None

    def settle(self, outcome: StoredEvent | ServiceError) -> None:
        self.outcome = outcome
        if self.done is not None:
            self.done.set()


class Writer:
    """Writes changes to a store from a thread of its own.

    Args:
        store: where to.
        node: who writes; calls that it opens belong to it. A name that no other process has.
        on_committed: called from the thread with the events of each commit, in order.
        sinks: to which sinks an alert goes; its deliveries are written with it.
        interval_s: the shortest time between two commits, unless somebody waits for one.
        backlog: how many windows and turns may wait; other changes may be a quarter more, and ends
            and deletions of calls, of which there are no more than calls, any number.
    """

    def __init__(
        self,
        store: Store,
        *,
        node: str | None = None,
        on_committed: Callable[[list[StoredEvent]], None] | None = None,
        sinks: Sinks | None = None,
        interval_s: float = 0.05,
        backlog: int = 20_000,
    ) -> None:
        self.node = node or uuid4().hex
        self._store = store
        self._database = store.database
        self._told = on_committed
        self._sinks = sinks
        self._interval_s = interval_s
        self._backlog = backlog
        self._waiting: deque[_Waiting] = deque()
        self._news = threading.Condition()
        self._idle = False
        self._urgent = False
        self._closing = False
        self._abandoned = False
        self._state = WriterState.WRITING
        self._counters = WriterCounters()
        self._memory: Memory | None = None
        self._unsure: Applied | None = None  # what a commit that may have been lost would have done
        self._in_flight = 0
        self._singly = 0
        self._thread = threading.Thread(target=self._run, name="tonfall-writer", daemon=True)
        self._thread.start()

    @property
    def state(self) -> WriterState:
        """Whether changes are written, or wait for the database."""
        return self._state

    def counters(self) -> WriterCounters:
        """How much was written, and how much waits."""
        with self._news:
            oldest = self._waiting[0].since if self._waiting else time.monotonic()
            now = {**asdict(self._counters), "waiting": len(self._waiting)}
        return WriterCounters(**{**now, "oldest_s": time.monotonic() - oldest})

    def submit(self, change: Change) -> None:
        """Take a change; it is written soon. Never waits.

        Raises:
            ServiceError: the backlog is full (``retry`` is True), or the writer is closed.
        """
        self._take(_Waiting(change, awaited=False))

    def write_now(self, change: Change, *, timeout_s: float | None = None) -> StoredEvent:
        """Take a change, and return its event when it is on the disk.

        Raises:
            ServiceError: it was left out, or not written within ``timeout_s``, by default 5
                (``retry`` is True; the message says whether it may still be written).
        """
        timeout_s = PATIENCE_S if timeout_s is None else timeout_s
        waiting = _Waiting(change, awaited=True)
        self._take(waiting)
        assert waiting.done is not None
        if not waiting.done.wait(timeout_s):
            self._withdraw(waiting, timeout_s)
        if isinstance(waiting.outcome, StoredEvent):
            return waiting.outcome
        assert waiting.outcome is not None
        raise waiting.outcome

    def close(self, timeout_s: float | None = None) -> None:
        """Write what waits, then end the thread.

        Raises:
            ServiceError: not all could be written in that time, by default 10 s; it is lost.
        """
        timeout_s = CLOSING_S if timeout_s is None else timeout_s
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(timeout_s)
        with self._news:
            lost = len(self._waiting)
            self._state = WriterState.CLOSED
            self._abandoned = True
            self._news.notify()
        if lost:
            text = f"{lost} changes could not be written to {self._database.name}"
            raise ServiceError(f"{text} within {timeout_s:g} s and are lost.")

    def _take(self, waiting: _Waiting) -> None:
        with self._news:
            self._check_room(waiting.change)
            self._waiting.append(waiting)
            self._counters.submitted += 1
            self._urgent = self._urgent or waiting.done is not None
            if self._idle or waiting.done is not None:
                self._news.notify()

    def _check_room(self, change: Change) -> None:
        if self._closing:
            raise ServiceError("The store is closing: nothing more is taken.", retry=True)
        if isinstance(change, CallClosed | CallPurged):
            return  # Without its end a call would be live, and kept, for ever.
        usual = isinstance(change, WindowHeard | TurnHeard)
        room = self._backlog if usual else int(self._backlog * (1 + RESERVE)) + 1
        if len(self._waiting) >= room:
            self._counters.refused += 1
            text = f"{len(self._waiting)} changes wait for the database, which is {self._state}"
            raise ServiceError(f"{text}: no more are taken. Try again later.", retry=True)

    def _withdraw(self, waiting: _Waiting, timeout_s: float) -> None:
        """Take a change back that waited for too long, if it is still to be had."""
        with self._news:
            if waiting.outcome is not None:
                return
            place = self._waiting.index(waiting)
            withdrawn = place >= self._in_flight
            if withdrawn:
                del self._waiting[place]
        full = self._state is WriterState.FULL
        why = "has no room left" if full else f"did not answer within {timeout_s:g} s"
        text = f"The database {why}"
        rest = "nothing was changed" if withdrawn else "the change may still be written"
        raise ServiceError(f"{text}: {rest}. Try again later.", retry=True)

    def _run(self) -> None:
        last = time.monotonic() - self._interval_s
        while self._await_turn(last):
            last = time.monotonic()
            self._write_group()

    def _await_turn(self, last: float) -> bool:
        """Wait until it is time to write; False when all is written and nothing more comes."""
        with self._news:
            while not self._waiting:
                if self._closing:
                    return False
                self._idle = True
                self._news.wait()
                self._idle = False
            rest = last + self._interval_s - time.monotonic()
            while rest > 0 and not (self._urgent or self._singly or self._closing):
                self._news.wait(rest)
                rest = last + self._interval_s - time.monotonic()
            self._urgent = False
            return not self._abandoned

    def _write_group(self) -> None:
        """Write what waits, until it is done or the writer is given up."""
        pause = FIRST_PAUSE_S
        while group := self._next_group():
            try:
                applied = self._commit([one.change for one in group])
            except SQLAlchemyError as error:
                if _refused(error):
                    return self._part(group, error)
                if not self._failed(error, pause):
                    return None
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except Exception as error:  # a mistake of ours must not end the thread
                logger.exception("changes could not be written")
                return self._part(group, error)
            else:
                return self._settle(group, applied.outcomes, applied.events)
        return None

    def _next_group(self) -> list[_Waiting]:
        """The oldest changes, which stay in the queue until they are written."""
        with self._news:
            most = 1 if self._singly else MOST_AT_ONCE
            count = self._in_flight or min(len(self._waiting), most)
            self._in_flight = count
            return list(islice(self._waiting, count))

    def _commit(self, changes: Sequence[Change]) -> Applied:
        with self._database.raw_writing() as connection:
            log = EventLog(connection)  # takes the lock: a commit of ours is done, or never will be
            if self._unsure is not None and _is_there(connection, self._unsure):
                applied, self._unsure = self._unsure, None
                return applied
            self._unsure = None
            applied = apply(
                connection,
                changes,
                log=log,
                node=self.node,
                sinks=self._sinks,
                memory=self._memory,
            )
            self._unsure = applied if applied.events else None
        self._unsure = None
        self._memory = applied.memory
        return applied

    def _failed(self, error: Exception, pause: float) -> bool:
        """Say so, rest, and tell whether to try again."""
        state = WriterState.FULL if is_full(error) else WriterState.AWAY
        with self._news:
            if self._state != state:
                logger.warning("%s Changes wait.", self._database.told(error))
            self._state = state
            self._counters.failures += 1
            if self._unsure is None:
                self._in_flight = 0
            if not self._abandoned:
                self._news.wait_for(lambda: self._abandoned, pause)
            return not self._abandoned

    def _part(self, group: Sequence[_Waiting], error: Exception) -> None:
        """The database does not take one of these: try each alone, and leave that one out."""
        with self._news:
            self._in_flight = 0
            self._singly = self._singly or len(group)
        if len(group) == 1:
            told = self._database.told(error)
            kind = type(group[0].change).__name__
            logger.error("a %s was left out: %s", kind, told)
            text = "The change was not taken: the database refuses it. The server's log says why."
            self._settle(group, [ServiceError(text)], ())
            with self._news:
                self._counters.broken += 1
                self._counters.left_out -= 1

    def _settle(
        self,
        group: Sequence[_Waiting],
        outcomes: Sequence[StoredEvent | ServiceError],
        news: Sequence[StoredEvent],
    ) -> None:
        """Take what was written off the queue, and tell."""
        now = time.monotonic()
        with self._news:
            for waiting, outcome in zip(group, outcomes, strict=True):
                self._waiting.popleft()
                waiting.settle(outcome)
            self._in_flight = 0
            self._singly = max(0, self._singly - len(group))
            self._count(outcomes, now - group[0].since)
            if self._state != WriterState.WRITING:
                logger.warning("the database %s takes changes again", self._database.name)
            self._state = WriterState.WRITING
        self._tell(news)

    def _count(self, outcomes: Sequence[StoredEvent | ServiceError], took_s: float) -> None:
        written = sum(isinstance(outcome, StoredEvent) for outcome in outcomes)
        counters = self._counters
        counters.written += written
        counters.left_out += len(outcomes) - written
        counters.commits += 1
        counters.slowest_s = max(counters.slowest_s, took_s)

    def _tell(self, news: Sequence[StoredEvent]) -> None:
        if not news:
            return
        try:
            if self._told is not None:
                self._told(list(news))
        except Exception:  # whoever listens must not end the thread
            logger.exception("a listener of the writer failed")
        self._store.announce(news[-1].id)


def _is_there(connection: Connection, applied: Applied) -> bool:
    """True where these changes were committed: their last event is there, to the last value.

    Not the first, which a purge of the same transaction may have deleted.
    """
    last = applied.events[-1]
    row = connection.execute(select(events).where(events.c.id == last.id)).one_or_none()
    return row is not None and _same(stored_event(row), last)


def _same(found: StoredEvent, meant: StoredEvent) -> bool:
    plain = replace(meant, payload=json.loads(dumps(meant.payload)))
    return found == plain


def _refused(error: SQLAlchemyError) -> bool:
    """True where a row itself is at fault, so that trying again would not help."""
    if isinstance(error, DBAPIError):
        return isinstance(error, IntegrityError | DataError)
    return isinstance(error, StatementError)
