"""Whether a rule holds for a speaker of a call, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tonfall.emotion import DIMENSIONS
from tonfall.errors import ConfigError
from tonfall.serve.alerts.rules import Condition, Rule
from tonfall.timeline import SAMPLING_RATE, Window

__all__ = [
    "Firing",
    "Observation",
    "Over",
    "Usual",
    "Watch",
    "check_rules",
    "counts",
    "level_of",
]


@dataclass(frozen=True, slots=True)
class Usual:
    """Means over what a speaker said in a call; dimensions are None where the model has none."""

    probabilities: tuple[float, ...]
    arousal: float | None
    valence: float | None
    dominance: float | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A window, and what it did to the curve of its speaker.

    Attributes:
        window: the newest.
        smoothed: probabilities, in the order of the labels.
        arousal, valence, dominance: smoothed, or None where the model has none.
        usual: how the speaker sounded in this call before; None where that is too little.
        speech_s: seconds of the speaker's speech that were judged so far.
        step_s: seconds of the call that this window added.
    """

    window: Window
    smoothed: tuple[float, ...]
    arousal: float | None
    valence: float | None
    dominance: float | None
    speech_s: float
    step_s: float
    usual: Usual | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule fired.

    Attributes:
        seconds: since the call's start, of the newest sample that counted.
        evidence: level and threshold of each condition, by number, and for how long they held.
    """

    rule: Rule
    channel: int
    speaker: str
    seconds: float
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Over:
    """The conditions of a rule that had fired hold no more."""

    rule: Rule
    channel: int
    speaker: str
    seconds: float


@dataclass(slots=True)
class _State:
    """Of one rule and one speaker.

    Attributes:
        held: of each condition, whether it held at the last window that counted.
        since_s: seconds for which the rule holds.
        quiet_until: seconds of the call before which it does not fire again.
        fired: True from firing until the conditions are over.
    """

    held: list[bool]
    since_s: float = 0.0
    quiet_until: float = 0.0
    fired: bool = False


@dataclass(slots=True)
class Watch:
    """The rules over one call.

    Args:
        rules: as read, each condition with a threshold.
        labels: the model's.

    The rules must ask for no more than the model gives; see :func:`check_rules`.
    """

    rules: Sequence[Rule]
    labels: tuple[str, ...]
    _states: dict[tuple[str, str], _State] = field(default_factory=dict)

    def update(self, seen: Observation) -> list[Firing | Over]:
        """Take in the next window of a speaker; return what follows from it."""
        told = [self._update(rule, seen) for rule in self.rules]
        return [each for each in told if each is not None]

    def _update(self, rule: Rule, seen: Observation) -> Firing | Over | None:
        if not counts(rule, seen):
            return None
        key = (rule.name, seen.window.speaker)
        state = self._states.setdefault(key, _State([False] * len(rule.when)))
        levels = [level_of(condition, seen, self.labels) for condition in rule.when]
        state.held = [
            level is not None and condition.holds(level, held=held)
            for condition, level, held in zip(rule.when, levels, state.held, strict=True)
        ]
        if not (all if rule.match == "all" else any)(state.held):
            return self._end(rule, state, seen)
        state.since_s += seen.step_s
        return self._fire(rule, state, seen, levels)

    def _fire(
        self, rule: Rule, state: _State, seen: Observation, levels: Sequence[float | None]
    ) -> Firing | None:
        seconds = seen.window.segment.end / SAMPLING_RATE
        ripe = state.since_s >= rule.persists_s and seen.speech_s >= rule.minimum_speech_s
        if state.fired or not ripe or seconds < state.quiet_until:
            return None
        state.fired, state.quiet_until = True, seconds + rule.cooldown_s
        known = [(n, level) for n, level in enumerate(levels, 1) if level is not None]
        evidence = {f"level_{number}": round(level, 4) for number, level in known}
        evidence |= {
            f"threshold_{number}": round(condition.threshold, 5)
            for number, condition in enumerate(rule.when, 1)
            if condition.threshold is not None
        }
        evidence["held_s"] = round(state.since_s, 3)
        return Firing(rule, seen.window.channel, seen.window.speaker, seconds, evidence)

    @staticmethod
    def _end(rule: Rule, state: _State, seen: Observation) -> Over | None:
        fired, state.fired, state.since_s = state.fired, False, 0.0
        window = seen.window
        seconds = window.segment.end / SAMPLING_RATE
        return Over(rule, window.channel, window.speaker, seconds) if fired else None


def level_of(condition: Condition, seen: Observation, labels: Sequence[str]) -> float | None:
    """What the condition is about; None where it cannot be told yet."""
    if condition.of == "window":
        return _of(condition, seen.window.probabilities, seen.window, labels)
    level = _of(condition, seen.smoothed, seen, labels)
    if condition.of == "smoothed" or level is None:
        return level
    if seen.usual is None:
        return None
    usual = _of(condition, seen.usual.probabilities, seen.usual, labels)
    return None if usual is None else level - usual


def _of(
    condition: Condition,
    probabilities: Sequence[float],
    dimensions: Window | Observation | Usual,
    labels: Sequence[str],
) -> float | None:
    if condition.measure[0] in DIMENSIONS:
        level: float | None = getattr(dimensions, condition.measure[0])
        return level
    return sum(
        probability
        for label, probability in zip(labels, probabilities, strict=True)
        if label in condition.measure
    )


def counts(rule: Rule, seen: Observation) -> bool:
    """False where the rule passes over this window."""
    window = seen.window
    if rule.ignore_unclear and window.unclear:
        return False
    if rule.minimum_snr_db is None or window.snr_db is None:
        return True
    return window.snr_db >= rule.minimum_snr_db


def check_rules(
    rules: Sequence[Rule], *, labels: Sequence[str], dimensions: Sequence[str] = DIMENSIONS
) -> None:
    """Refuse rules that ask for what the model does not give.

    Args:
        rules: as read.
        labels: the model's.
        dimensions: those that the model gives.

    Raises:
        ConfigError: a condition asks for dimensions or categories that are not there.
    """
    there = {*labels, *dimensions}
    for rule in rules:
        for condition in rule.when:
            if not there.intersection(condition.measure):
                raise ConfigError(
                    f"The rule {rule.name} asks for {', '.join(condition.measure)}, but the model "
                    f"gives {', '.join(sorted(there))}; change the rule or the model."
                )
