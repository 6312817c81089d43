"""A call through the engine: what waits is fed, what was judged becomes changes."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from tonfall.adaptation import heard_caller
from tonfall.arrays import FloatArray
from tonfall.runtime import Baseline, Predictor
from tonfall.serve.alerts import Firing, Observation, Over, RuleInUse, Tallies, Watch
from tonfall.serve.calls.affect import SpeakerAffect
from tonfall.serve.calls.inbox import Waiting
from tonfall.serve.calls.live import LiveCall
from tonfall.serve.calls.sameness import Sameness, SamenessWatch
from tonfall.serve.calls.talk import TalkTime
from tonfall.serve.codecs import Audio, CallEnded, EndReason, Gap, StreamRestarted
from tonfall.serve.priors import Learner
from tonfall.serve.records import (
    AlertMoved,
    AlertOpened,
    AlertState,
    CallClosed,
    CallMixed,
    Change,
    SpeakerSummary,
    TurnHeard,
    WindowHeard,
)
from tonfall.streaming import ChannelsMerged, Engine, Event, StreamEnded, TurnEnded, WindowScored
from tonfall.timeline import SAMPLING_RATE, Turn, Window

__all__ = ["Hearing"]

_log = logging.getLogger(__name__)


class Hearing:
    """The scoring thread's side of a call; used by that thread alone.

    Args:
        call: whose inbox is emptied and whose changes are told.
        predictor: the model; not called here.
        rules: of alerts, as they hold for this call to its end.
        serve_samples: that may wait before they are heard, if no window is due earlier.
        clock: gives the time in UTC.
        prior: where baselines start; the bundle's by default.
        learner: takes what the customer adds to the line's prior, at the call's end; None where
            nothing is learnt.

    Attributes:
        engine: to be served between :meth:`feed` and :meth:`tell`; None once the
            call is silenced.
        windows: told so far.
        opened: alerts so far, by the name of their rule and the origin of its threshold.
        done: True once the call's end was told.
    """

    def __init__(
        self,
        call: LiveCall,
        *,
        predictor: Predictor,
        rules: Sequence[RuleInUse],
        serve_samples: int,
        clock: Callable[[], datetime],
        prior: Baseline | None = None,
        learner: Learner | None = None,
    ) -> None:
        facts = call.facts
        self.call = call
        self._sameness = _sameness_of(call)
        self._apart = facts.voices.speakers()
        self.engine: Engine | None = Engine(
            predictor,
            sampling_rate=facts.sampling_rate,
            channels=len(facts.channels),
            scored=facts.voices.scored,
            speakers=self._apart,
            prior=prior,
        )
        self._learner = learner if any(facts.voices.learnt) else None
        self._learns = False
        self.windows = 0
        self.opened: Counter[tuple[str, str]] = Counter()
        self.done = False
        self._inbox = call.inbox
        self._serve_samples = self._enough = serve_samples
        self._clock = clock
        self._labels = predictor.labels
        self._piece_s = predictor.spec.front_end.piece_frames / 100
        self._rules = {each.rule.name: each for each in rules}
        self._start_watching()
        self._judges = any(facts.voices.scored)
        self._speakers: dict[tuple[int, str], SpeakerAffect] = {}
        self._talk = TalkTime()
        self._alerts: dict[tuple[str, str], str] = {}
        self._position = 0
        self._merged = False
        self._end: CallEnded | None = None

    @property
    def tells_apart(self) -> bool:
        """True where the voices of one channel are told apart, which takes the most time."""
        return self._apart is not None

    @property
    def due(self) -> bool:
        """True where a window may be due, much waits, or something else than audio came."""
        inbox = self._inbox
        to_forget = self.engine is not None and self.call.silenced
        return to_forget or inbox.samples >= self._enough or inbox.urgent

    def feed(self) -> None:
        """Hand all that waits to the engine; of a silenced call, drop it and what is known."""
        self._learn_if_told()
        waiting = self.call.inbox.take()
        if self.call.silenced or self.engine is None:
            self._forget()
            ends = (event for event in waiting if isinstance(event, CallEnded))
            self._end = self._end or next(ends, None)
            return
        self._feed_all(self.engine, waiting)

    def _learn_if_told(self) -> None:
        """From where the persons on the call were told on, what is heard may be learnt."""
        told_at = self.call.told_at
        if self._learns or self._learner is None or self.engine is None or told_at is None:
            return
        self._learns = True
        start = round(told_at * SAMPLING_RATE / self.call.facts.sampling_rate)
        self.engine.learn(self.call.facts.voices.learnt, start=start)

    def _feed_all(self, engine: Engine, waiting: Iterable[Waiting]) -> None:
        parts: list[FloatArray] = []
        for event in waiting:
            if isinstance(event, Audio) and event.position == self._position:
                parts.append(event.samples)
                self._position += event.samples.shape[1]
                continue
            self._feed_parts(engine, parts)
            self._take(engine, event)
        self._feed_parts(engine, parts)

    def tell(self) -> None:
        """Submit what the engine says, once it was served."""
        if self.engine:
            for event in self.engine.take_events():
                self._tell_event(event)
            self._enough = max(1, min(self._serve_samples, self.engine.missing))
        if self._end and self.engine is None and not self.done:
            self._close(self._end)

    def fail(self, reason: EndReason) -> None:
        """Something of ours went wrong with this call: tell its end."""
        if not self.done:
            self._close(CallEnded(reason, complete=False))

    def _forget(self) -> None:
        """What was heard of the voices ends here."""
        self.engine = self._apart = self._sameness = None
        self._speakers.clear()
        self._alerts.clear()
        self._start_watching()
        self._talk = TalkTime()

    def _start_watching(self) -> None:
        rules = [each.rule for each in self._rules.values() if each.fires]
        self._watch = Watch(rules, self._labels)
        self._tallies = Tallies(list(self._rules.values()), self._labels)
        self._judged_samples = 0

    def _feed_parts(self, engine: Engine, parts: list[FloatArray]) -> None:
        if parts:
            samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            self._feed_samples(engine, samples)
            parts.clear()

    def _feed_samples(self, engine: Engine, samples: FloatArray) -> None:
        """Cut where the channels are compared, so that what follows from it begins there."""
        samples = _within_full_scale(samples)
        self._judged_samples += samples.shape[1] if self._judges else 0
        while self._sameness and samples.shape[1] >= (missing := self._sameness.missing):
            engine.feed(samples[:, :missing])
            self._follow(engine, self._sameness.update(samples[:, :missing]))
            samples = samples[:, missing:]
        if self._sameness:
            self._sameness.update(samples)
        engine.feed(samples)

    def _follow(self, engine: Engine, sameness: Sameness) -> None:
        """Where all channels hold the same, it is not known any more who speaks on which."""
        if sameness is not Sameness.OPEN:
            self._sameness = None
        if sameness is Sameness.SAME:
            voices = self.call.facts.voices_if_same
            self._apart, self._merged, self._learner = voices.speakers(), True, None
            self._judges = any(voices.scored)
            engine.merge(scored=voices.scored, speakers=self._apart)

    def _take(self, engine: Engine, event: Waiting) -> None:
        if isinstance(event, Audio):
            self._take_audio(engine, event)
        elif isinstance(event, Gap):
            self._move_to(engine, event.position + event.samples)
        elif isinstance(event, StreamRestarted):
            self._move_to(engine, event.position)
            engine.restart()
            if not self._merged:
                self._sameness = _sameness_of(self.call)
        else:
            self._end = event
            self._move_to(engine, self.call.position)
            engine.close()

    def _take_audio(self, engine: Engine, event: Audio) -> None:
        """Audio that does not follow on what came before: some was shed, or comes twice."""
        self._move_to(engine, event.position)
        fresh = event.samples[:, self._position - event.position :]
        if fresh.shape[1]:
            self._feed_samples(engine, fresh)
            self._position += fresh.shape[1]

    def _move_to(self, engine: Engine, position: int) -> None:
        if position > self._position:
            engine.skip(position - self._position)
            self._position = position

    def _tell_event(self, event: Event) -> None:
        if isinstance(event, WindowScored):
            self._tell_window(event.window)
        elif isinstance(event, TurnEnded):
            self._tell_turn(event.turn)
        elif isinstance(event, ChannelsMerged):
            self._tell_mixed(event)
        elif isinstance(event, StreamEnded):
            assert self._end is not None
            self._close(self._end)

    def _tell_mixed(self, merged: ChannelsMerged) -> None:
        facts = self.call.facts
        scored = facts.voices_if_same.any_scored(0)
        _log.warning(
            "Call %s: all channels hold the same sound, so from %.0f s on it is heard as one "
            "channel, and %s.",
            *(self.call.id, merged.time, "judged as such" if scored else "nobody is judged"),
        )
        channels = tuple(
            replace(side, scored=scored and side.index == 0) for side in facts.channels
        )
        self._submit(
            CallMixed(self.call.id, self.call.tenant, self._clock(), merged.time, channels)
        )

    def _tell_turn(self, turn: Turn) -> None:
        self._talk.add(turn.speaker, turn.segment)
        self._speakers.setdefault((turn.channel, turn.speaker), self._new_speaker())
        self._submit(TurnHeard(self.call.id, self.call.tenant, self._clock(), turn))

    def _tell_window(self, window: Window) -> None:
        key = window.channel, window.speaker
        speaker = self._speakers.get(key) or self._speakers.setdefault(key, self._new_speaker())
        seen = speaker.update(window)
        self.windows += 1
        self._submit(
            WindowHeard(
                self.call.id,
                self.call.tenant,
                self._clock(),
                window,
                seen.smoothed,
                speaker.trend,
            )
        )
        self._watch_over(seen)

    def _watch_over(self, seen: Observation) -> None:
        self._tallies.update(seen)
        for told in self._watch.update(seen):
            if isinstance(told, Firing):
                self._open_alert(told)
            elif told.rule.resolve_when_over:
                self._resolve_alert(told)

    def _open_alert(self, firing: Firing) -> None:
        alert = uuid.uuid4().hex
        self._alerts[firing.rule.name, firing.speaker] = alert
        origin = self._rules[firing.rule.name].origin
        self.opened[firing.rule.name, origin] += 1
        self._tallies.opened[firing.rule.name] += 1
        self._submit(
            AlertOpened(
                alert=alert,
                call=self.call.id,
                tenant=self.call.tenant,
                at=self._clock(),
                rule=firing.rule.name,
                severity=firing.rule.severity,
                channel=firing.channel,
                speaker=firing.speaker,
                seconds=firing.seconds,
                evidence=firing.evidence,
                threshold_origin=origin,
            )
        )

    def _resolve_alert(self, over: Over) -> None:
        self._submit(
            AlertMoved(
                alert=self._alerts.pop((over.rule.name, over.speaker)),
                tenant=self.call.tenant,
                at=self._clock(),
                state=AlertState.RESOLVED,
                by="system",
                note="The conditions of the rule hold no more.",
            )
        )

    def _offer_learnt(self) -> None:
        """What the customer adds to the line's prior, unless somebody objected or never knew."""
        call, engine, learner = self.call, self.engine, self._learner
        if learner is None or engine is None or call.silenced or not call.notice.told:
            return
        facts = call.facts
        if heard := heard_caller(engine.learnt):
            learner.offer(call.id, facts.tenant, facts.carrier, caller=facts.caller, heard=heard)

    def _close(self, ended: CallEnded) -> None:
        self.done = True
        facts = self.call.facts
        self._offer_learnt()
        seconds = self.call.position / facts.sampling_rate
        talk = self._talk.compute(samples=round(seconds * SAMPLING_RATE))
        summaries = tuple(
            SpeakerSummary(
                channel=channel,
                speaker=speaker,
                talk_s=round(talk.speakers.get(speaker, 0.0), 3),
                talk_ratio=round(talk.ratio(speaker), 4),
                trend=affect.trend,
                mean=affect.mean,
            )
            for (channel, speaker), affect in sorted(self._speakers.items())
        )
        self.call.tell_of(
            CallClosed(
                call=self.call.id,
                tenant=self.call.tenant,
                at=self._clock(),
                reason=ended.reason,
                complete=ended.complete,
                seconds=round(seconds, 3),
                speakers=summaries,
                overlap_s=round(talk.overlap_s, 3),
                silence_s=round(talk.silence_s, 3),
                shed=self.shed,
                counters=dict(self.call.counters),
                firings=self._tallies.firings(facts.carrier, hours=self._judged_h),
            )
        )

    @property
    def _judged_h(self) -> float:
        """Hours of the call that were heard while somebody on it was judged."""
        return self._judged_samples / self.call.facts.sampling_rate / 3600

    @property
    def shed(self) -> int:
        """Windows that were given up under load or by a failed model."""
        lost_s = self.call.inbox.shed_samples / self.call.facts.sampling_rate
        given_up = self.engine.shed if self.engine else 0
        return given_up + round(lost_s / self._piece_s)

    def _submit(self, change: Change) -> None:
        self.call.tell(change)

    def _new_speaker(self) -> SpeakerAffect:
        return SpeakerAffect(self._labels, piece_s=self._piece_s)


def _sameness_of(call: LiveCall) -> SamenessWatch | None:
    """What compares the channels of a call; None where it has one, or nobody wants it."""
    facts = call.facts
    if len(facts.channels) == 1 or not facts.compared:
        return None
    return SamenessWatch(channels=len(facts.channels), sampling_rate=facts.sampling_rate)


def _within_full_scale(samples: FloatArray) -> FloatArray:
    """Overshoots clipped; NaN is left for the engine to refuse."""
    if samples.max() > 1 or samples.min() < -1:
        return np.clip(samples, -1, 1)
    return samples
