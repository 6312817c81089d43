"""One call on this node: events in, changes out."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from threading import Lock

from tonfall.errors import ServiceError
from tonfall.serve.calls.inbox import Inbox
from tonfall.serve.calls.policy import CallLimits, ScoringPolicy, may_move
from tonfall.serve.codecs import Audio, CallEnded, CallStarted, Event, Gap, StreamRestarted
from tonfall.serve.records import CallPurged, Change, ChannelFacts, Notice, NoticeMoved

__all__ = ["LiveCall", "Submit"]

_log = logging.getLogger(__name__)

Submit = Callable[[Change], object]
"""Takes a change; never blocks the thread that scores. A ServiceError where it has no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What does not change over a call."""

    id: str
    tenant: str
    carrier: str
    external_id: str
    sampling_rate: int
    channels: tuple[ChannelFacts, ...]
    caller: str | None


def facts_of(
    started: CallStarted, *, tenant: str, carrier: str, caller: str | None, policy: ScoringPolicy
) -> _Facts:
    """The facts of a call that begins, under an id of our own."""
    channels = tuple(
        ChannelFacts(index, channel.role, channel.source, policy.scores(channel.role))
        for index, channel in enumerate(started.channels)
    )
    return _Facts(
        id=uuid.uuid4().hex,
        tenant=tenant,
        carrier=carrier,
        external_id=started.call_id,
        sampling_rate=started.sampling_rate,
        channels=channels,
        caller=caller,
    )


class LiveCall:
    """What carriers and HTTP hold of a call. All of it may be used from any thread.

    Made by :meth:`tonfall.serve.calls.Desk.open`.

    Attributes:
        facts: id, tenant, carrier, external id, channels with their roles.
        position: samples of the call so far, gaps included, at its own rate.
        untold: changes that the store had no room for.
        counters: packets, gaps and the like, of the carrier; set before the call ends to have
            them in its record.
    """

    def __init__(
        self,
        facts: _Facts,
        *,
        notice: Notice,
        policy: ScoringPolicy,
        limits: CallLimits,
        submit: Submit,
        clock: Callable[[], datetime],
    ) -> None:
        self.facts = facts
        self.counters: Mapping[str, int] = {}
        self.position = 0
        self.untold = 0
        self.inbox = Inbox(samples=int(limits.inbox_s * facts.sampling_rate))
        self._room = int(limits.room_s * facts.sampling_rate)
        self._policy = policy
        self._submit = submit
        self._clock = clock
        self._notice = notice
        self._heard = policy.hears(notice)
        self._gate = Lock()
        self._over = Flag()
        self._ended = False
        self._on_finished: list[Callable[[], None]] = []

    @property
    def id(self) -> str:
        """Our own id."""
        return self.facts.id

    @property
    def tenant(self) -> str:
        """Whose call it is."""
        return self.facts.tenant

    @property
    def notice(self) -> Notice:
        """What the persons on the call were told, and said to it."""
        return self._notice

    @property
    def heard(self) -> bool:
        """True while the call may be listened to."""
        return self._heard

    @property
    def refused(self) -> bool:
        """True once a person on the call objected; it stays so."""
        return self._notice is Notice.REFUSED

    @property
    def ended(self) -> bool:
        """True once its end was told; nothing more is taken."""
        return self._ended

    @property
    def congested(self) -> bool:
        """True where so much waits that a sender which can wait (not a live one) should."""
        return self.inbox.samples > self._room

    def take(self, event: Event) -> None:
        """Take what a carrier tells. Cheap, never waits, raises nothing.

        Audio that may not be heard, since notice was not given or was refused, is dropped here.
        """
        if self._ended:
            return
        if isinstance(event, Audio):
            samples = event.samples.shape[1]
            self.position = event.position + samples
            if self._heard:
                self.inbox.hear(event, samples)
        elif isinstance(event, Gap | StreamRestarted | CallEnded):
            if isinstance(event, Gap):
                self.position = event.position + event.samples
            self._ended = isinstance(event, CallEnded)
            self.inbox.put(event)

    def set_notice(self, notice: Notice, *, by: str, write: Submit | None = None) -> None:
        """The persons were told, agreed or refused; a refusal is an objection.

        Args:
            notice: what holds from now on.
            by: id of the key or user that says so.
            write: takes the changes in place of the desk's ``submit``; for one that waits until
                they are written. Consent is written before anything is heard by it.

        Raises:
            ServiceError: the state of notice cannot change so.
        """
        if notice is self._notice:
            return
        if not may_move(self._notice, notice):
            raise ServiceError(
                f"The notice of the call is {self._notice}, which cannot become {notice}; what "
                "was refused stays refused."
            )
        moved = NoticeMoved(self.id, self.tenant, self._clock(), notice, by)
        if notice is Notice.REFUSED:
            self._stop(moved, by=by, write=write)
        else:
            (write or self._submit)(moved)
            self._move(notice)

    def object(self, *, by: str, write: Submit | None = None) -> None:
        """A person on the call objects: nothing more is heard, and what was judged is deleted.

        Args:
            by: id of the key or user that says so.
            write: as for :meth:`set_notice`.
        """
        self._stop(
            NoticeMoved(self.id, self.tenant, self._clock(), Notice.REFUSED, by),
            by=by,
            write=write,
        )

    def finished(self, timeout_s: float | None = None) -> bool:
        """Wait until all of the call was judged and submitted; True if it was in time."""
        return self._over.wait(timeout_s)

    def on_finished(self, callback: Callable[[], None]) -> None:
        """Call back, from the thread that scores, once :meth:`finished` would return True."""
        with self._gate:
            if not self._over.is_set():
                self._on_finished.append(callback)
                return
        callback()

    def tell(self, change: Change) -> None:
        """Submit what was judged, unless the call may be heard no more; for the desk alone."""
        with self._gate:
            if self.heard:
                self._submit_if_room(change)

    def tell_of(self, change: Change) -> None:
        """Submit that the call began or ended, which holds no judgement; for the desk alone."""
        with self._gate:
            self._submit_if_room(change)

    def finish(self) -> None:
        """All is told; for the desk alone."""
        self._ended = True
        with self._gate:
            self._over.set()
            callbacks, self._on_finished = self._on_finished, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("What waits for the end of call %s failed.", self.id)

    def _move(self, notice: Notice) -> None:
        self._notice, self._heard = notice, self._policy.hears(notice)

    def _submit_if_room(self, change: Change) -> None:
        try:
            self._submit(change)
        except ServiceError:
            self.untold += 1

    def _stop(self, moved: NoticeMoved, *, by: str, write: Submit | None) -> None:
        """Close the gate first: whatever passed it is in the store's hands before the purge."""
        with self._gate:
            self._move(Notice.REFUSED)
        write = write or self._submit
        write(moved)
        write(CallPurged(self.id, self.tenant, self._clock(), "objection", by))
