"""When to raise an alert: rules, as an operator writes them in YAML."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tonfall.emotion import CATEGORIES, DIMENSIONS
from tonfall.errors import ConfigError
from tonfall.parsing import read_yaml

__all__ = ["Condition", "Rule", "Severity", "default_rules", "read_rules"]

_DEFAULTS = "default_rules.yaml"
_LARGEST = 1_000_000
_BUDGET = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) per 100 call hours")
LEAST_BUDGET, MOST_BUDGET = 0.1, 1000.0
"""Alerts in 100 call hours: one in a thousand hours, and ten an hour."""
CLOSEST = 0.001
"""How near to 0 and 1 a level is told apart, which is where its logit is cut."""


def _budget(text: object) -> float:
    """Alerts in 100 call hours.

    >>> _budget("2.5 per 100 call hours")
    2.5
    """
    found = _BUDGET.fullmatch(text) if isinstance(text, str) else None
    if found is None or not LEAST_BUDGET <= float(found[1]) <= MOST_BUDGET:
        raise ValueError(
            f"{str(text)[:40]!r} is no budget; write it as: 2 per 100 call hours "
            f"({LEAST_BUDGET:g} to {MOST_BUDGET:g})"
        )
    return float(found[1])


Budget = Annotated[float, BeforeValidator(_budget)]
Level = Annotated[float, Field(ge=-1, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


class Severity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Condition(_Part):
    """A level above or below a threshold; without one, above what its rule's budget comes to.

    Attributes:
        measure: categories, whose probabilities are added up (those that the model has), or one
            dimension.
        above, below: the threshold in [0, 1], of a rise in [-1, 1]; one of the two, or neither
            where the rule has a budget.
        release: the level at which the condition is over, on the other side of the threshold by
            the hysteresis that is wanted; the threshold itself by default.
        of: the smoothed curve, each window by itself, or the rise: how far the smoothed curve lies
            over what is usual for the speaker in this call.
    """

    measure: tuple[str, ...] = Field(min_length=1)
    above: Level | None = None
    below: Level | None = None
    release: Level | None = None
    of: Literal["smoothed", "window", "rise"] = "smoothed"

    @model_validator(mode="before")
    @classmethod
    def _one_measure(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("measure"), str):
            return {**values, "measure": (values["measure"],)}
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        categories = all(name in CATEGORIES for name in self.measure)
        if not categories and not (len(self.measure) == 1 and self.measure[0] in DIMENSIONS):
            raise ValueError(
                f"measure is {', '.join(self.measure)}, but it must be one of "
                f"{', '.join(DIMENSIONS)}, or some of {', '.join(CATEGORIES)}"
            )
        if self.above is not None and self.below is not None:
            raise ValueError("a condition needs above or below, and not both")
        if self.release is not None and self.threshold is None:
            raise ValueError("release needs above or below, of which it is the other side")
        levels = [each for each in (self.above, self.below, self.release) if each is not None]
        if self.of != "rise" and min(levels, default=0) < 0:
            raise ValueError("only the threshold of a rise may be below 0")
        if self.release is not None and self._margin() < 0:
            raise ValueError("release must not lie beyond the threshold, or nothing would end")
        return self

    def _margin(self) -> float:
        """How far the level must go back; below 0 where release lies on the wrong side."""
        assert self.release is not None
        if self.above is not None:
            return self.above - self.release
        assert self.below is not None
        return self.release - self.below

    @property
    def threshold(self) -> float | None:
        """What above or below says; None where neither does."""
        return self.above if self.below is None else self.below

    def at(self, threshold: float) -> Condition:
        """The same condition at another threshold; its release keeps its distance.

        The distance is one of logits, of a rise one of levels.
        """
        release = None
        if self.release is not None:
            assert self.threshold is not None
            distance = self._stretched(self.threshold) - self._stretched(self.release)
            release = self._level(self._stretched(threshold) - distance)
        side = "above" if self.below is None else "below"
        return self.model_copy(update={side: threshold, "release": release})

    def _stretched(self, level: float) -> float:
        if self.of == "rise":
            return level
        inside = min(max(level, CLOSEST), 1 - CLOSEST)
        return math.log(inside / (1 - inside))

    def _level(self, stretched: float) -> float:
        return stretched if self.of == "rise" else 1 / (1 + math.exp(-stretched))

    def holds(self, level: float, *, held: bool) -> bool:
        """True where the condition holds at this level, or ``held`` and is not yet over.

        It needs a threshold.
        """
        if self.above is not None:
            bound = self.release if held and self.release is not None else self.above
            return level >= bound
        assert self.below is not None
        bound = self.release if held and self.release is not None else self.below
        return level <= bound


class Rule(_Part):
    """All conditions (or any of them) hold for long enough.

    Attributes:
        name: of small letters, digits, hyphen, underscore; what alerts are known by.
        when: the conditions.
        match: whether all of them must hold, or any.
        budget: how many alerts there shall be in 100 call hours; the threshold then follows from
            the calls that were heard. The one that is written is used until these are enough.
        persists_s: seconds of judged call for which they must hold in a row. Pauses do not count,
            nor does what is passed over as too noisy or unclear; neither breaks the row.
        cooldown_s: seconds after an alert in which the same rule is silent for that speaker.
        minimum_speech_s: seconds of a speaker's speech that must be judged before.
        minimum_snr_db: windows with a lower level of speech over noise are passed over; those
            where it is not known count.
        ignore_unclear: True to pass over windows whose label is "unclear".
        resolve_when_over: True to resolve the alert once the conditions no longer hold; otherwise
            it stays open until somebody looks at it.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    severity: Severity = Severity.WARNING
    when: tuple[Condition, ...] = Field(min_length=1, max_length=16)
    match: Literal["all", "any"] = "all"
    budget: Budget | None = None
    persists_s: Seconds = 3.0
    cooldown_s: Seconds = 60.0
    minimum_speech_s: Seconds = 5.0
    minimum_snr_db: Annotated[float, Field(ge=-10, le=60)] | None = None
    ignore_unclear: bool = False
    resolve_when_over: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.budget is not None and len(self.when) > 1:
            raise ValueError(
                f"a rule with a budget has one condition, whose threshold follows from it, but "
                f"this one has {len(self.when)}; take the others or the budget out"
            )
        if self.budget is None and any(each.threshold is None for each in self.when):
            raise ValueError(
                "a condition needs above or below, and not both; or the rule a budget, such as: "
                "2 per 100 call hours"
            )
        return self

    def at(self, threshold: float) -> Rule:
        """The same rule, of one condition, at another threshold."""
        [condition] = self.when
        return self.model_copy(update={"when": (condition.at(threshold),)})


class _File(_Part):
    rules: tuple[Rule, ...] = Field(max_length=100)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        return self


def read_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The rules of a file, or those that Tonfall brings.

    Raises:
        ConfigError: the file cannot be read, or a rule is wrong.
    """
    if path is None:
        return default_rules()
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: the rules cannot be read ({error.strerror}).") from None
    return _parsed(content, name=str(path))


def default_rules() -> tuple[Rule, ...]:
    """The rules that Tonfall brings; how they were chosen stands in docs/server/alerts.md."""
    file = resources.files(__package__).joinpath(_DEFAULTS)
    return _parsed(file.read_bytes(), name=_DEFAULTS)


def _parsed(content: bytes, *, name: str) -> tuple[Rule, ...]:
    if len(content) > _LARGEST:
        raise ConfigError(f"{name}: rules have at most {_LARGEST} bytes; this is another file.")
    try:
        read = read_yaml(content)
    except ValueError as error:
        raise ConfigError(
            f"{name}: this is not YAML ({error}); see docs/server/alerts.md."
        ) from None
    try:
        return _File.model_validate(read).rules
    except ValidationError as error:
        raise ConfigError(f"{name}: {_sentence(error.errors())}") from None


def _sentence(errors: Sequence[Any]) -> str:
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{place}: {message}; see docs/server/alerts.md."
