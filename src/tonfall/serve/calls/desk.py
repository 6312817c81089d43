"""All calls of one node, scored together by one thread."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Lock, Thread

from tonfall.errors import AudioError, BundleError, ServiceError
from tonfall.runtime import Predictor
from tonfall.serve.alerts import Budgets, Rule, check_rules, default_rules
from tonfall.serve.calls.hearing import Hearing
from tonfall.serve.calls.live import LiveCall, Submit, facts_of
from tonfall.serve.calls.policy import CallLimits, ScoringPolicy
from tonfall.serve.codecs import CallEnded, CallStarted, EndReason
from tonfall.serve.priors import LinePriors
from tonfall.serve.records import CallOpened, Notice
from tonfall.streaming import Engine, Scorer

__all__ = ["Busy", "Desk", "Statistics"]

_log = logging.getLogger(__name__)

_TICK_A_CALL_S = 0.0003
"""Seconds between two rounds for each call: 60 ms for 200."""

_LONGEST_TICK_S = 0.1

_APART_A_ROUND = 2
"""Calls whose voices are told apart that a round serves: 10 ms and more for each, where another
call takes 3. What is left of them is first in the next round, so that no other call waits for all.
"""

_BREATH_S = 0.001
"""Seconds of rest between two rounds of a thread that cannot keep up, for all other threads."""


class Busy(ServiceError):  # noqa: N818
    """The node takes no more calls now; another node, or a later try, may."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=True)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a desk does; for metrics. Counts are since its start.

    Attributes:
        calls: that are live now.
        waiting_s: seconds of audio of all calls that wait now.
        lag_s: age of the oldest audio that waits now.
        opened, finished: calls.
        refused: calls that were not taken, for want of room or since the node drains.
        windows: that were judged and told.
        shed_windows: that were given up, under load or by a failed model.
        shed_s: seconds of audio that were given up before they were heard.
        model_failures: rounds in which a model failed.
        failed_calls: calls that an error of ours ended.
        failed_rounds: of the scoring thread; each is an error of ours.
        untold: changes that the store had no room for.
        rounds: of the scoring thread.
        busy_s: seconds in which it worked.
    """

    calls: int
    waiting_s: float
    lag_s: float
    opened: int
    finished: int
    refused: int
    windows: int
    shed_windows: int
    shed_s: float
    model_failures: int
    failed_calls: int
    failed_rounds: int
    untold: int
    rounds: int
    busy_s: float


@dataclass(slots=True)
class _Totals:
    opened: int = 0
    finished: int = 0
    refused: int = 0
    windows: int = 0
    shed_windows: int = 0
    shed_s: float = 0.0
    model_failures: int = 0
    failed_calls: int = 0
    failed_rounds: int = 0
    untold: int = 0
    rounds: int = 0
    busy_s: float = 0.0
    opened_alerts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, hearing: Hearing) -> None:
        """What a call that is over comes to."""
        call = hearing.call
        self.windows += hearing.windows
        self.shed_windows += hearing.shed
        self.shed_s += call.inbox.shed_samples / call.facts.sampling_rate
        self.untold += call.untold
        self.opened_alerts += hearing.opened


def _now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """Opens calls, and owns the thread that scores them in batches.

    Nothing of it runs on the caller's thread but bookkeeping. An error of one call ends that
    call and no other.

    Args:
        predictor: the model, for all calls.
        submit: takes the changes, from the scoring thread; must not block.
        rules: of alerts; those that Tonfall brings by default.
        policy: who is scored, and when.
        limits: how much this node takes.
        clock: gives the time in UTC.
        priors: what calls start from and add to; None for the bundle's prior, always.

    Attributes:
        budgets: the rules, and the thresholds at which they hold for calls that begin.

    Raises:
        ConfigError: a rule asks for what the model does not give.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        submit: Submit,
        rules: Sequence[Rule] | None = None,
        policy: ScoringPolicy | None = None,
        limits: CallLimits | None = None,
        clock: Callable[[], datetime] = _now,
        priors: LinePriors | None = None,
    ) -> None:
        self.predictor = predictor
        self.policy = policy or ScoringPolicy()
        self.limits = limits or CallLimits()
        rules = default_rules() if rules is None else tuple(rules)
        check_rules(rules, labels=predictor.labels, dimensions=predictor.spec.dimensions)
        self.budgets = Budgets(rules, model_hash=predictor.hash)
        self._submit = submit
        self._clock = clock
        self.priors = priors
        self._scorer = Scorer(predictor)
        self._lock = Lock()
        self._hearings: dict[str, Hearing] = {}
        self._totals = _Totals()
        self._draining = False
        self._stopping = False
        self._left = False
        self._wake = Flag()
        self._thread = Thread(target=self._run, name="tonfall-desk", daemon=True)
        self._thread.start()

    def open(
        self,
        started: CallStarted,
        *,
        tenant: str,
        carrier: str,
        notice: Notice = Notice.UNKNOWN,
        caller: str | None = None,
        compare: bool | None = None,
    ) -> LiveCall:
        """A call begins.

        Args:
            started: what the carrier says of it.
            tenant: whose call it is.
            carrier: as in :class:`~tonfall.serve.records.CallOpened`.
            notice: REFUSED where the caller objected in an earlier call.
            caller: salted hash of the caller's number.
            compare: as in :class:`ScoringPolicy`; None for what the policy says.

        Raises:
            Busy: the node is full, drains, or cannot keep up with the calls that it has; or the
                store has no room for one more.
            AudioError: a sampling rate or number of channels that cannot be used.
        """
        self._check_room()
        start = self.priors.start(tenant, carrier) if self.priors else None
        facts = facts_of(
            started,
            tenant=tenant,
            carrier=carrier,
            caller=caller,
            policy=self.policy,
            compared=self.policy.compare if compare is None else compare,
            prior=start.version if start else None,
        )
        call = LiveCall(
            facts,
            notice=notice,
            policy=self.policy,
            limits=self.limits,
            submit=self._submit,
            clock=self._clock,
        )
        hearing = Hearing(
            call,
            predictor=self.predictor,
            rules=self.budgets.in_use(tenant, carrier),
            serve_samples=int(self.limits.serve_s * facts.sampling_rate),
            clock=self._clock,
            prior=start.baseline if start else None,
            learner=self.priors,
        )
        self._tell_opening(call)
        with self._lock:
            self._hearings[call.id] = hearing
            self._totals.opened += 1
        self._wake.set()
        return call

    def _tell_opening(self, call: LiveCall) -> None:
        """No call without it: the store would keep nothing of it, and could delete nothing."""
        try:
            self._submit(self._opened(call))
        except ServiceError as error:
            self._totals.refused += 1
            raise Busy(f"The server takes no calls now. {error}") from error

    def find(self, call: str) -> LiveCall | None:
        """The live call with this id of ours, or None."""
        with self._lock:
            hearing = self._hearings.get(call)
        return hearing.call if hearing else None

    def live(self) -> list[LiveCall]:
        """All live calls."""
        return [hearing.call for hearing in self._all()]

    def statistics(self) -> Statistics:
        """What the desk does now and did so far."""
        now, hearings, totals = time.monotonic(), self._all(), self._totals
        inboxes = [(hearing.call.inbox, hearing.call.facts.sampling_rate) for hearing in hearings]
        return Statistics(
            calls=len(hearings),
            waiting_s=sum(inbox.samples / rate for inbox, rate in inboxes),
            lag_s=self._lag(hearings, now),
            opened=totals.opened,
            finished=totals.finished,
            refused=totals.refused,
            windows=totals.windows + sum(hearing.windows for hearing in hearings),
            shed_windows=totals.shed_windows + sum(hearing.shed for hearing in hearings),
            shed_s=totals.shed_s + sum(inbox.shed_samples / rate for inbox, rate in inboxes),
            model_failures=totals.model_failures,
            failed_calls=totals.failed_calls,
            failed_rounds=totals.failed_rounds,
            untold=totals.untold + sum(hearing.call.untold for hearing in hearings),
            rounds=totals.rounds,
            busy_s=totals.busy_s,
        )

    def opened_alerts(self) -> Counter[tuple[str, str]]:
        """Alerts since its start, by the name of their rule and the origin of its threshold."""
        with self._lock:  # A call that ends is in the one or in the other.
            found = Counter(self._totals.opened_alerts)
            hearings = list(self._hearings.values())
        for hearing in hearings:
            found.update(dict(hearing.opened))  # A copy at once: the scoring thread adds to it.
        return found

    def stop_accepting(self) -> None:
        """Take no more calls; those that are there go on."""
        self._draining = True

    def drain(self, timeout_s: float) -> int:
        """Take no more calls and wait for those that are there.

        Args:
            timeout_s: seconds after which what is left is ended where it stands.

        Returns:
            Calls that were ended so. What was heard of them is judged and told.
        """
        self.stop_accepting()
        until = time.monotonic() + timeout_s
        for call in self.live():
            call.finished(max(0.0, until - time.monotonic()))
        left = [call for call in self.live() if not call.ended]
        for call in left:
            call.take(CallEnded(EndReason.STOPS, complete=False))
        for call in self.live():
            call.finished(timeout_s)
        return len(left)

    def close(self) -> None:
        """End the scoring thread; calls that are still live end with it, untold."""
        self._draining = self._stopping = True
        self._wake.set()
        self._thread.join()

    def _check_room(self) -> None:
        full = len(self._hearings) >= self.limits.calls
        slow = self._lag(self._all(), time.monotonic()) > self.limits.backlog_s
        if not (self._draining or full or slow):
            return
        self._totals.refused += 1
        if self._draining:
            raise Busy("The server is about to stop; call again, and another one answers.")
        if full:
            raise Busy(f"The server has {self.limits.calls} calls, as many as it takes.")
        raise Busy("The server cannot keep up with the calls that it has; call again later.")

    def _opened(self, call: LiveCall) -> CallOpened:
        facts = call.facts
        return CallOpened(
            call=facts.id,
            tenant=facts.tenant,
            at=self._clock(),
            carrier=facts.carrier,
            external_id=facts.external_id,
            channels=facts.channels,
            sampling_rate=facts.sampling_rate,
            model=self.predictor.name,
            model_hash=self.predictor.hash,
            labels=self.predictor.labels,
            notice=call.notice,
            caller=facts.caller,
            prior=facts.prior,
        )

    def _all(self) -> list[Hearing]:
        with self._lock:
            return list(self._hearings.values())

    @staticmethod
    def _lag(hearings: Sequence[Hearing], now: float) -> float:
        since = [hearing.call.inbox.since for hearing in hearings]
        return max([now - each for each in since if each is not None], default=0.0)

    def _run(self) -> None:
        while not self._stopping:
            if not self._hearings:
                self._wake.wait()
                self._wake.clear()
            started = time.monotonic()
            self._safe_round()
            busy_s = time.monotonic() - started
            self._totals.busy_s += busy_s
            self._totals.rounds += 1
            time.sleep(_BREATH_S if self._left else max(_BREATH_S, self._tick_s - busy_s))

    @property
    def _tick_s(self) -> float:
        """With few calls soon, with many in larger batches, which cost a sixth less."""
        ticks = self.limits.tick_s, len(self._hearings) * _TICK_A_CALL_S
        return min(max(ticks), max(self.limits.tick_s, _LONGEST_TICK_S))

    def _safe_round(self) -> None:
        """Whatever goes wrong, the thread that all calls hang on lives."""
        try:
            self._round()
        except Exception:
            self._totals.failed_rounds += 1
            _log.exception("A round of the desk failed.")

    def _round(self) -> None:
        """Hear, score and tell what came in of the calls that are due."""
        waiting = [hearing for hearing in self._all() if hearing.due]
        due = _in_turn(waiting)
        self._left = len(due) < len(waiting)
        for hearing in due:
            self._guard(hearing, hearing.feed)
        self._serve([hearing for hearing in due if not hearing.done])
        for hearing in due:
            if not hearing.done:
                self._guard(hearing, hearing.tell)
            if hearing.done:
                self._finish(hearing)

    def _serve(self, hearings: Sequence[Hearing]) -> None:
        broken: dict[Engine, Exception] = {}
        owners = {hearing.engine: hearing for hearing in hearings if hearing.engine}
        try:
            self._scorer.serve(list(owners), broken=broken)
        except BundleError as error:
            self._totals.model_failures += 1
            _log.error("A model failed; what it failed on is given up: %s", error)
        for engine, broke in broken.items():
            self._fail(owners[engine], broke)

    def _guard(self, hearing: Hearing, step: Callable[[], None]) -> None:
        try:
            step()
        except AudioError as error:
            _log.warning("Call %s ended: its audio could not be used. %s", hearing.call.id, error)
            hearing.fail(EndReason.AUDIO)
        except Exception as error:
            self._fail(hearing, error)

    def _fail(self, hearing: Hearing, error: Exception) -> None:
        _log.error("Call %s ended by an error of ours.", hearing.call.id, exc_info=error)
        self._totals.failed_calls += 1
        try:
            hearing.fail(EndReason.FAILED)
        except Exception:
            _log.exception("The end of call %s could not be told.", hearing.call.id)

    def _finish(self, hearing: Hearing) -> None:
        with self._lock:
            del self._hearings[hearing.call.id]
            self._totals.finished += 1
            self._totals.add(hearing)
        hearing.call.finish()


def _in_turn(due: Sequence[Hearing]) -> list[Hearing]:
    """All but those calls whose voices are told apart that have waited less than others."""
    apart = [hearing for hearing in due if hearing.tells_apart]
    if len(apart) <= _APART_A_ROUND:
        return list(due)
    apart.sort(key=lambda hearing: hearing.call.inbox.since or 0.0)
    return [hearing for hearing in due if not hearing.tells_apart] + apart[:_APART_A_ROUND]
