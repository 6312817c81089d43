"""One call on this node: events in, changes out.

What ends the hearing of a call for good has four words. The notice is *refused*: a state, which
stays. A person *objects*: the notice is refused, and what was judged is purged. Somebody *erases*
the call: it is purged too, but nobody objected. To *purge* is what the store then does.
"""

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
from tonfall.serve.calls.policy import CallLimits, ScoringPolicy
from tonfall.serve.calls.voices import Voices, role_of_mix, voices_of
from tonfall.serve.codecs import Audio, CallEnded, CallStarted, Event, Gap, StreamRestarted
from tonfall.serve.records import CallPurged, Change, ChannelFacts, Notice, NoticeMoved

__all__ = ["LiveCall", "Submit"]

_log = logging.getLogger(__name__)

MOST_MARKS = 64
"""Gaps and restarts that may wait: each takes a tenth of a millisecond of the thread that scores
all calls."""
Submit = Callable[[Change], object]
"""Takes a change; never blocks the thread that scores. A ServiceError where it has no room.

The end of a call and its deletion always have room: there are no more of them than calls.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What does not change over a call."""

    id: str
    tenant: str
    carrier: str
    external_id: str
    sampling_rate: int
    channels: tuple[ChannelFacts, ...]
    voices: Voices
    voices_if_same: Voices
    compared: bool
    caller: str | None
    prior: str | None


def facts_of(
    started: CallStarted,
    *,
    tenant: str,
    carrier: str,
    caller: str | None,
    policy: ScoringPolicy,
    compared: bool,
    prior: str | None = None,
) -> _Facts:
    """The facts of a call that begins, under an id of our own."""
    roles = [channel.role for channel in started.channels]
    voices = voices_of(roles, policy)
    channels = tuple(
        ChannelFacts(index, channel.role, channel.source, voices.any_scored(index))
        for index, channel in enumerate(started.channels)
    )
    return _Facts(
        id=uuid.uuid4().hex,
        tenant=tenant,
        carrier=carrier,
        external_id=started.call_id,
        sampling_rate=started.sampling_rate,
        channels=channels,
        voices=voices,
        voices_if_same=voices_of([role_of_mix(roles)], policy),
        compared=compared,
        caller=caller,
        prior=prior,
    )


class LiveCall:
    """What carriers and HTTP hold of a call. All of it may be used from any thread.

    Made by :meth:`tonfall.serve.calls.Desk.open`.

    Attributes:
        facts: id, tenant, carrier, external id, channels with their roles.
        position: samples of the call so far, gaps included, at its own rate.
        untold: changes that the store had no room for.
        told_at: samples of the call, at its own rate, from which on the persons on it had been told
            that they are analysed; None while they have not.
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
        self.told_at = 0 if notice.told else None
        self._heard = policy.hears(notice)
        self._silenced = notice is Notice.REFUSED
        self._purged: set[str] = set()
        self._to_purge: set[str] = set()
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
    def silenced(self) -> bool:
        """True once a person objected or the call was erased: nothing is heard or told any more."""
        return self._silenced

    @property
    def ended(self) -> bool:
        """True once its end was told; nothing more is taken."""
        return self._ended

    @property
    def congested(self) -> bool:
        """True where so much waits that a sender which can wait (not a live one) should."""
        return self.inbox.samples > self._room or self.inbox.marks > MOST_MARKS

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
            ServiceError: the state of notice cannot change so; or as for :meth:`object`.
        """
        if notice is Notice.REFUSED:
            self.object(by=by, write=write)
        elif notice is not self._notice:
            self._check_move(notice)
            (write or self._submit)(NoticeMoved(self.id, self.tenant, self._clock(), notice, by))
            self._move(notice)

    def object(self, *, by: str, write: Submit | None = None) -> None:
        """A person on the call objects: nothing more is heard, and what was judged is deleted.

        Args:
            by: id of the key or user that says so.
            write: as for :meth:`set_notice`.

        Raises:
            ServiceError: ``write`` could not delete it now; it is deleted once the database
                answers, and who objects again is told when it is done.
        """
        self._silence(refused=True)
        self._purge("objection", by=by, write=write)

    def erase(self, *, by: str, write: Submit | None = None) -> None:
        """The call is to be erased: as for an objection, but nobody objected.

        Args:
            by: id of the key or user that says so.
            write: as for :meth:`set_notice`.

        Raises:
            ServiceError: as for :meth:`object`.
        """
        self._silence(refused=False)
        self._purge("erasure", by=by, write=write)

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

    def _check_move(self, notice: Notice) -> None:
        if not self._notice.may_become(notice):
            raise ServiceError(
                f"The notice of the call is {self._notice}, which cannot become {notice}; what "
                "was refused stays refused."
            )

    def _move(self, notice: Notice) -> None:
        """Hear by it, unless somebody objected while it was written."""
        with self._gate:
            if notice is not self._notice:
                self._check_move(notice)
            self._notice = notice
            if notice.told and self.told_at is None:
                self.told_at = self.position
            self._heard = self._policy.hears(notice) and not self._silenced

    def _silence(self, *, refused: bool) -> None:
        """Close the gate first: whatever passed it is in the store's hands before the purge."""
        with self._gate:
            self._silenced, self._heard = True, False
            if refused:
                self._notice = Notice.REFUSED

    def _purge(self, reason: str, *, by: str, write: Submit | None) -> None:
        """Who waits hears that it is written, or to ask again; it is submitted in any case."""
        if reason in self._purged:
            return
        purge = CallPurged(self.id, self.tenant, self._clock(), reason, by)
        if write is None:
            self._submit_if_room(purge)
        else:
            self._write_purge(purge, write)
        self._purged.add(reason)

    def _write_purge(self, purge: CallPurged, write: Submit) -> None:
        try:
            write(purge)
        except ServiceError as error:
            if not error.retry:
                raise
            if purge.reason not in self._to_purge:
                self._to_purge.add(purge.reason)
                self._submit_if_room(purge)
            raise ServiceError(
                "Nothing more of the call is heard, but what was judged of it is not deleted yet: "
                "that waits for the database. Ask again to be told when it is done.",
                retry=True,
            ) from error

    def _submit_if_room(self, change: Change) -> None:
        try:
            self._submit(change)
        except ServiceError:
            self.untold += 1
