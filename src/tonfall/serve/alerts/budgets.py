"""Thresholds that follow from a budget of alerts: a quantile of a site's own scores.

A probability that is high on one line is common on another, so a threshold that suits one site
floods the next. A budget says how many alerts somebody can look at; the threshold is then the
laxest one at which the rule would have fired no more often in the calls of that tenant and carrier.
It is exact: for each of :data:`~tonfall.serve.firings.STEPS` thresholds the rule is followed as it
would have fired there, with its persistence, hysteresis and cool-down (:mod:`.tally`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from threading import Event, Thread

from tonfall.errors import ServiceError
from tonfall.serve.alerts.rules import CLOSEST, Condition, Rule
from tonfall.serve.firings import STEPS, FiringCurve
from tonfall.serve.store import CurveKey, CurveRow, Curves

__all__ = [
    "Budgets",
    "CurveReader",
    "Origin",
    "RuleInUse",
    "half_life_h",
    "needed_h",
    "steps_of",
]

_log = logging.getLogger(__name__)

_FEWEST_HOURS = 20.0
_FEWEST_ALERTS = 5
"""That the budget allows in the hours after which a threshold is taken from them: its true rate is
then known to about half (95 %: 0.3 to 2.3 times, Poisson). Fewer would be a guess."""
_SHORTEST_MEMORY_H = 200.0
_REMEMBERED_ALERTS = 20
"""That the budget allows in a half-life: what is remembered then comes to some thirty alerts, and
the rate is known to a fifth (one standard deviation)."""


class Origin(StrEnum):
    """Where the threshold of a rule comes from."""

    FIXED = "fixed"
    """As it is written; there is no budget."""
    BUDGET = "budget"
    """From the calls that were heard."""
    FALLBACK = "fallback"
    """As it is written, until enough calls were heard."""
    LEARNING = "learning"
    """There is none yet: none is written, and too few calls were heard. The rule is silent."""


@dataclass(frozen=True, slots=True)
class RuleInUse:
    """A rule at the threshold that holds for a call.

    Attributes:
        rule: with that threshold; as it is written where there is none yet.
        definition: as of :func:`definition_of`.
        curve: what was heard so far.
    """

    rule: Rule
    origin: Origin
    definition: str
    curve: FiringCurve

    @property
    def fires(self) -> bool:
        """False while it has no threshold."""
        return self.origin is not Origin.LEARNING

    @property
    def expected(self) -> float | None:
        """Alerts in 100 call hours at its threshold, by what was heard; None where unknown."""
        threshold = self.rule.when[0].threshold
        if self.rule.budget is None or threshold is None:
            return None
        return self.curve.rate(_step_at(self.rule.when[0], threshold))


class Budgets:
    """The rules, and at which thresholds they hold for whom. Safe to use from any thread.

    Args:
        rules: as read.
        model_hash: of the model that judges; another one begins anew.
    """

    def __init__(self, rules: Sequence[Rule], *, model_hash: str) -> None:
        self.rules = tuple(rules)
        self._definitions = {
            rule.name: "" if rule.budget is None else definition_of(rule, model_hash)
            for rule in self.rules
        }
        self._curves: Mapping[CurveKey, FiringCurve] = {}

    @property
    def are_set(self) -> bool:
        """True where a rule has a budget."""
        return any(self._definitions.values())

    def learn(self, curves: Mapping[CurveKey, FiringCurve]) -> None:
        """Take what was heard so far in place of what was known; calls that go on keep theirs."""
        self._curves = dict(curves)

    def in_use(
        self,
        tenant: str,
        carrier: str,
        curves: Mapping[CurveKey, FiringCurve] | None = None,
    ) -> tuple[RuleInUse, ...]:
        """The rules for a call that begins now.

        Args:
            tenant: whose call it is.
            carrier: as in :class:`~tonfall.serve.records.CallOpened`.
            curves: in place of those that were learnt.
        """
        known = self._curves if curves is None else curves
        return tuple(self._one(rule, tenant, carrier, known) for rule in self.rules)

    def _one(
        self, rule: Rule, tenant: str, carrier: str, known: Mapping[CurveKey, FiringCurve]
    ) -> RuleInUse:
        definition = self._definitions[rule.name]
        if rule.budget is None:
            return RuleInUse(rule, Origin.FIXED, definition, FiringCurve())
        curve = known.get((tenant, carrier, rule.name, definition), FiringCurve())
        [condition] = rule.when
        if curve.hours >= needed_h(rule.budget):
            threshold = steps_of(condition)[curve.within(rule.budget)]
            return RuleInUse(rule.at(threshold), Origin.BUDGET, definition, curve)
        origin = Origin.LEARNING if condition.threshold is None else Origin.FALLBACK
        return RuleInUse(rule, origin, definition, curve)


class CurveReader:
    """Owns the thread that reads what calls on any node added, for the calls that begin here.

    Without a rule that has a budget there is no thread, and nothing is read.

    Args:
        curves: the store's.
        budgets: what is told of them.
        poll_s: seconds between two looks.

    Raises:
        ServiceError: the database cannot be read now.
    """

    def __init__(self, curves: Curves, *, budgets: Budgets, poll_s: float = 10.0) -> None:
        self._curves = curves
        self._budgets = budgets
        self._poll_s = poll_s
        self._known: dict[CurveKey, CurveRow] = {}
        self._ended = Event()
        self._thread: Thread | None = None
        if budgets.are_set:
            self._read()
            self._thread = Thread(target=self._run, name="tonfall-budgets", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(15)

    def _run(self) -> None:
        while not self._ended.wait(self._poll_s):
            try:
                self._read()
            except ServiceError as error:
                _log.warning("Thresholds of budgets stay as they are: %s", error)
            except Exception:
                _log.exception("Thresholds could not be read by an error of ours; again later.")

    def _read(self) -> None:
        self._known = self._curves.refreshed(self._known)
        self._budgets.learn({key: row.curve for key, row in self._known.items()})


def needed_h(budget: float) -> float:
    """Call hours after which the threshold is taken from what was heard.

    >>> needed_h(2), needed_h(20), needed_h(100)
    (250.0, 25.0, 20.0)
    """
    return max(_FEWEST_HOURS, 100 * _FEWEST_ALERTS / budget)


def half_life_h(budget: float) -> float:
    """Call hours after which what was heard counts half.

    >>> half_life_h(2), half_life_h(20)
    (1000.0, 200.0)
    """
    return max(_SHORTEST_MEMORY_H, 100 * _REMEMBERED_ALERTS / budget)


@lru_cache(maxsize=256)
def steps_of(condition: Condition) -> tuple[float, ...]:
    """The thresholds that are counted for, from the laxest to the strictest.

    They are even in the logit of a level from 0.001 to 0.999, 0.069 apart; of a rise even from -1
    to 1, 0.01 apart.
    """
    ends = (-1.0, 1.0) if condition.of == "rise" else (_logit(CLOSEST), _logit(1 - CLOSEST))
    spread = [ends[0] + (ends[1] - ends[0]) * step / (STEPS - 1) for step in range(STEPS)]
    levels = spread if condition.of == "rise" else [1 / (1 + math.exp(-each)) for each in spread]
    rounded = [round(level, 5) for level in levels]
    return tuple(rounded if condition.below is None else reversed(rounded))


def definition_of(rule: Rule, model_hash: str) -> str:
    """Hash of what a rule's curve depends on: all but name, severity, budget and threshold."""
    [condition] = rule.when
    written = rule.model_dump(
        exclude={"name", "severity", "budget", "when", "resolve_when_over"}, mode="json"
    )
    # Moved to one threshold, rules that differ in no more than it are the same.
    moved = condition.at(0.5).model_dump(mode="json")
    if moved["release"] is not None:
        moved["release"] = round(moved["release"], 6)
    whole = json.dumps([written, moved, model_hash, STEPS, CLOSEST], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _step_at(condition: Condition, threshold: float) -> int:
    """The step whose threshold is nearest."""
    steps = steps_of(condition)
    return min(range(STEPS), key=lambda step: abs(steps[step] - threshold))


def _logit(level: float) -> float:
    return math.log(level / (1 - level))
