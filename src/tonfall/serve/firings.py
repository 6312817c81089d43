"""How often a rule would have fired, by threshold: what a budget of alerts is held against."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STEPS", "CallFirings", "FiringCurve"]

STEPS = 201
"""Thresholds that are counted for, from the laxest (step 0) to the strictest."""


@dataclass(frozen=True, slots=True)
class FiringCurve:
    """How often a rule would have fired in the calls heard so far, for each of some thresholds.

    It is a sum over calls, and holds no id, time or order of them.

    Attributes:
        hours: of calls that were heard; earlier ones count for less.
        fired: alerts that the rule opened in them, at whatever threshold was in use.
        counts: (STEPS,) alerts that it would have opened at each threshold.

    >>> curve = FiringCurve(10.0, 3, (40.0, 4.0, 1.0) + (0.0,) * 198)
    >>> curve.within(40), curve.within(10), curve.rate(1)
    (1, 2, 40.0)
    """

    hours: float = 0.0
    fired: float = 0.0
    counts: tuple[float, ...] = (0.0,) * STEPS

    def followed_by(self, later: FiringCurve, *, half_life_h: float) -> FiringCurve:
        """Both together; what is here counts half after ``half_life_h`` call hours."""
        left = 0.5 ** (later.hours / half_life_h)
        pairs = zip(self.counts, later.counts, strict=True)
        return FiringCurve(
            self.hours * left + later.hours,
            self.fired * left + later.fired,
            tuple(earlier * left + new for earlier, new in pairs),
        )

    def rate(self, step: int) -> float | None:
        """Alerts in 100 call hours at a threshold; None where nothing was heard."""
        return 100 * self.counts[step] / self.hours if self.hours else None

    @property
    def fired_rate(self) -> float | None:
        """Alerts in 100 call hours that were opened; None where nothing was heard."""
        return 100 * self.fired / self.hours if self.hours else None

    def within(self, budget: float) -> int:
        """The laxest step that keeps to a budget with all that are stricter; else the strictest.

        A laxer threshold may fire less often again, since it never lets go: that does not count.

        Args:
            budget: alerts in 100 call hours.
        """
        most = budget * self.hours / 100
        over = (step for step in range(STEPS - 1, -1, -1) if self.counts[step] > most)
        return min(next(over, -1) + 1, STEPS - 1)


@dataclass(frozen=True, slots=True)
class CallFirings:
    """What one call adds to the curve of a rule.

    Attributes:
        carrier: as in :class:`~tonfall.serve.records.CallOpened`.
        rule: its name.
        definition: hash of what the curve depends on: the rule but for its threshold, the model.
        half_life_h: call hours after which what was heard before counts half.
    """

    carrier: str
    rule: str
    definition: str
    half_life_h: float
    curve: FiringCurve
