"""How often a rule fires in a call at each threshold that it might have, window by window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonfall.serve.alerts.budgets import RuleInUse, half_life_h, steps_of
from tonfall.serve.alerts.rules import Condition, Rule
from tonfall.serve.alerts.watch import Observation, counts, level_of
from tonfall.serve.firings import STEPS, CallFirings, FiringCurve
from tonfall.timeline import SAMPLING_RATE

__all__ = ["FiringTally", "Tallies"]

FloatArray64 = npt.NDArray[np.float64]


class _Speaker:
    """As the state of a rule and a speaker in :mod:`.watch`, for each threshold."""

    __slots__ = ("fired", "held", "quiet_until", "since_s")

    def __init__(self) -> None:
        self.held = np.zeros(STEPS, bool)
        self.fired = np.zeros(STEPS, bool)
        self.since_s = np.zeros(STEPS)
        self.quiet_until = np.zeros(STEPS)


class FiringTally:
    """One rule of one condition over one call: as many rules as there are thresholds, at once.

    Each fires exactly as :class:`~tonfall.serve.alerts.Watch` does at that threshold.

    Args:
        rule: with any threshold, or none.
        labels: the model's.
    """

    def __init__(self, rule: Rule, labels: tuple[str, ...]) -> None:
        [self._condition] = rule.when
        self._rule = rule
        self._labels = labels
        self._holds = np.greater_equal if self._condition.below is None else np.less_equal
        self._thresholds, self._releases = _bounds(self._condition)
        self._speakers: dict[str, _Speaker] = {}
        self.counts = np.zeros(STEPS)

    def update(self, seen: Observation) -> None:
        """Take in the next window of a speaker."""
        if not counts(self._rule, seen):
            return
        speaker = self._speakers.setdefault(seen.window.speaker, _Speaker())
        level = level_of(self._condition, seen, self._labels)
        speaker.held = self._held(speaker, level)
        speaker.fired &= speaker.held
        speaker.since_s = np.where(speaker.held, speaker.since_s + seen.step_s, 0.0)
        if seen.speech_s >= self._rule.minimum_speech_s:
            self._fire(speaker, seen.window.segment.end / SAMPLING_RATE)

    def _held(self, speaker: _Speaker, level: float | None) -> npt.NDArray[np.bool_]:
        if level is None:
            return np.zeros(STEPS, bool)
        bounds = np.where(speaker.held, self._releases, self._thresholds)
        return np.asarray(self._holds(level, bounds), bool)

    def _fire(self, speaker: _Speaker, seconds: float) -> None:
        ripe = speaker.held & ~speaker.fired & (speaker.since_s >= self._rule.persists_s)
        ripe &= seconds >= speaker.quiet_until
        self.counts += ripe
        speaker.fired |= ripe
        speaker.quiet_until[ripe] = seconds + self._rule.cooldown_s


@lru_cache(maxsize=256)
def _bounds(condition: Condition) -> tuple[FloatArray64, FloatArray64]:
    """(STEPS,) levels at which the condition begins to hold, and at which it is over; shared."""
    at_each = [condition.at(level) for level in steps_of(condition)]
    thresholds = [each.threshold for each in at_each]
    releases = [each.threshold if each.release is None else each.release for each in at_each]
    return np.array(thresholds), np.array(releases)


class Tallies:
    """All rules of a call that have a budget.

    Args:
        rules: as they hold for the call.
        labels: the model's.

    Attributes:
        opened: alerts of this call, by the name of their rule; counted by who opens them.
    """

    def __init__(self, rules: Sequence[RuleInUse], labels: tuple[str, ...]) -> None:
        self._budgeted = [each for each in rules if each.rule.budget is not None]
        self._tallies = [FiringTally(each.rule, labels) for each in self._budgeted]
        self.opened: Counter[str] = Counter()

    def update(self, seen: Observation) -> None:
        """Take in the next window of a speaker."""
        for tally in self._tallies:
            tally.update(seen)

    def firings(self, carrier: str, *, hours: float) -> tuple[CallFirings, ...]:
        """What the call adds to the curves; nothing where none of it was heard.

        Args:
            carrier: of the call.
            hours: of the call that were heard.
        """
        pairs = zip(self._budgeted, self._tallies, strict=True)
        return tuple(
            self._firings(each, tally, carrier, hours) for each, tally in pairs if hours > 0
        )

    def _firings(
        self, each: RuleInUse, tally: FiringTally, carrier: str, hours: float
    ) -> CallFirings:
        name, budget = each.rule.name, each.rule.budget
        assert budget is not None
        curve = FiringCurve(hours, self.opened[name], tuple(tally.counts.tolist()))
        return CallFirings(carrier, name, each.definition, half_life_h(budget), curve)
