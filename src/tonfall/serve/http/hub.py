"""Events from the store to everyone who listens, in order, each once, on every node.

Word of news comes from this node's writer with the events themselves, or from another node as a
number; then they are read. Ids have no holes over all nodes, so what follows the last one told is
told at once, and all else is read first.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tonfall.errors import ServiceError
from tonfall.serve.records import StoredEvent
from tonfall.serve.store.payloads import event_payload

__all__ = ["EventSource", "Hub", "Subscription", "event_text"]

_log = logging.getLogger(__name__)

PAGE = 1000
PATIENCE_S = 0.02
"""Seconds in which events of which only the number is known may still come by themselves."""
AGAIN_S = 0.5
"""Seconds until the store is asked again after it failed."""


CONTENT = frozenset({"window", "turn", "alert.opened", "alert.moved"})
"""Kinds of events that say what was heard: a purge takes them back."""


class EventSource(Protocol):
    """What the hub asks of a store."""

    def events_of_all(self, *, after: int, limit: int = 1000) -> list[StoredEvent]:
        """Events of every tenant."""

    def last_event(self) -> int:
        """The id of the newest."""


class Subscription:
    """One listener's share of the events.

    Args:
        tenant: whose events.
        most: how many may wait; with one more the listener is dropped.
        wants: True for the events that are wanted.
    """

    def __init__(self, tenant: str, *, most: int, wants: Callable[[StoredEvent], bool]) -> None:
        self.tenant = tenant
        self.dropped = False
        self.ended = False
        self.news = asyncio.Event()
        self._most = most
        self.wants = wants
        self._waiting: deque[tuple[StoredEvent, str]] = deque()

    def offer(self, event: StoredEvent, text: str) -> None:
        """Add an event, if it is wanted; what waits of a call that is purged is taken away."""
        if event.kind == "call.purged":
            kept = [each for each in self._waiting if not _content_of(each[0], event.call)]
            self._waiting = deque(kept)
        if self.dropped or not self.wants(event):
            return
        if len(self._waiting) >= self._most:
            self.drop()
        else:
            self._waiting.append((event, text))
        self.news.set()

    def drop(self) -> None:
        """Give a listener up that takes nothing."""
        self.dropped = True
        self._waiting.clear()
        self.news.set()

    def take(self, *, after: int) -> tuple[int, str]:
        """All that waits and has an id above ``after``: the last id, and the text."""
        self.news.clear()
        fresh = [(event.id, text) for event, text in self._waiting if event.id > after]
        self._waiting.clear()
        return (fresh[-1][0] if fresh else after), "".join(text for _, text in fresh)

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self.news.set()


class Hub:
    """Passes events on.

    Args:
        source: where events are read that came otherwise than by this node's writer.
        loop: on which listeners live.
        on_event: called on the loop with each event of every tenant.
    """

    def __init__(
        self,
        source: EventSource,
        *,
        loop: asyncio.AbstractEventLoop,
        on_event: Callable[[StoredEvent], None] | None = None,
    ) -> None:
        self.told = 0
        self.dropped = 0
        self.closed = False
        self.last = source.last_event()
        self._source = source
        self._loop = loop
        self._on_event = on_event
        self._wanted = self.last
        self._catching: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._listeners: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._inside: defaultdict[str, set[Subscription]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(len(each) for each in self._listeners.values())

    def enter(self, subscription: Subscription, *, most: int) -> bool:
        """Count this one among its tenant's streams; False, and nothing done, at ``most``.

        It is told of what happens once it joins, when it has what happened before.
        """
        inside = self._inside[subscription.tenant]
        if len(inside) >= most:
            return False
        inside.add(subscription)
        return True

    def committed(self, events: Sequence[StoredEvent]) -> None:
        """What this node's writer committed; callable from any thread."""
        self._soon(self._on_committed, list(events))

    def heard(self, highest: int) -> None:
        """There are events up to this id; callable from any thread."""
        self._soon(self._on_heard, highest)

    def join(self, subscription: Subscription) -> None:
        """Tell this one too."""
        self._listeners[subscription.tenant].add(subscription)
        if self.closed:
            subscription.end()

    def leave(self, subscription: Subscription) -> None:
        """Tell and count this one no more."""
        for kept in (self._listeners, self._inside):
            kept[subscription.tenant].discard(subscription)
            if not kept[subscription.tenant]:
                del kept[subscription.tenant]
        self.dropped += subscription.dropped

    def close(self) -> None:
        """Send every listener away."""
        self.closed = True
        for each in [one for some in self._listeners.values() for one in some]:
            each.end()

    def _soon(self, call: Callable[..., None], what: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, what)

    def _on_committed(self, events: list[StoredEvent]) -> None:
        fresh = [event for event in events if event.id > self.last]
        if not fresh:
            return
        if self._catching is None and fresh[0].id == self.last + 1:
            self._tell(fresh)
        else:
            self._wanted = max(self._wanted, fresh[-1].id)
            self._start_catching_up()

    def _on_heard(self, highest: int) -> None:
        """A number only; most often it is of this node's own commits, which come by themselves."""
        self._wanted = max(self._wanted, highest)
        self._start_catching_up_after(PATIENCE_S)

    def _start_catching_up_after(self, seconds: float) -> None:
        if self._wanted > self.last and self._patience is None:
            self._patience = self._loop.call_later(seconds, self._start_catching_up)

    def _start_catching_up(self) -> None:
        self._patience = None
        if self._wanted > self.last and self._catching is None:
            self._catching = self._loop.create_task(self._catch_up())
            self._catching.add_done_callback(self._on_caught_up)

    def _on_caught_up(self, task: asyncio.Task[None]) -> None:
        """Whatever ended it, what came meanwhile is still to be read."""
        self._catching, after_s = None, PATIENCE_S
        if not task.cancelled() and task.exception() is not None:
            _log.error("Events could not be read, by an error of ours.", exc_info=task.exception())
            after_s = AGAIN_S
        self._start_catching_up_after(after_s)

    async def _catch_up(self) -> None:
        while self.last < self._wanted:
            wanted = self._wanted
            try:
                events = await asyncio.to_thread(
                    self._source.events_of_all, after=self.last, limit=PAGE
                )
            except ServiceError:
                await asyncio.sleep(AGAIN_S)
                continue
            self._tell(events)
            if len(events) < PAGE:  # What lacks was deleted meanwhile.
                self.last = max(self.last, wanted)

    def _tell(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            listeners = self._listeners.get(event.tenant)
            if listeners:
                text = event_text(event)
                for each in list(listeners):
                    each.offer(event, text)
            if self._on_event is not None:
                self._guarded(event)
            self.last = event.id
        self.told += len(events)

    def _guarded(self, event: StoredEvent) -> None:
        assert self._on_event is not None
        try:
            self._on_event(event)
        except Exception:  # One listener's mistake must not keep events from the others.
            _log.exception("An event could not be taken in.")


def _content_of(event: StoredEvent, call: str) -> bool:
    """True for an event that says what was heard of a call."""
    return event.call == call and event.kind in CONTENT


def event_text(event: StoredEvent) -> str:
    """An event as server-sent events write it."""
    text = json.dumps(event_payload(event), separators=(",", ":"), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {text}\n\n"
