"""How a speaker's affect moves over a call: a smoothed curve, and the trend.

The curve is causal: its value at a time is a mean of the windows that ended by then, each
weighted by the part of it that is speech and by ``exp(-age / time_constant)``. A pause
therefore fades what was heard before it instead of freezing it. Where two windows share no
moment the curve is broken.

The trend compares the tone of the last third of a speaker's judged speech with that of the
first third. Tone is 1 less the probabilities of anger and frustration. A rise by at least 0.25 is
"improving", a fall by at least 0.25 "worsening", anything between "steady"; under 15 s of judged
speech, or where the model knows neither, the trend is "unknown". Both the tone and the step were
chosen on calls composed by listeners' votes (``benchmarks/trend.py``, docs/experiments/trend.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import exp, isnan, nan

import numpy as np
import numpy.typing as npt

from tonfall.analysis.strip import Cell, strip
from tonfall.errors import ConfigError
from tonfall.timeline import SAMPLING_RATE, Timeline, Window

__all__ = [
    "TIME_CONSTANT",
    "TREND_SECONDS",
    "TREND_STEP",
    "Smoother",
    "TrajectoryPoint",
    "Trend",
    "smooth",
    "tone",
    "trajectory",
    "trend",
    "trend_between",
    "trend_of",
]

TIME_CONSTANT = 5.0
"""Seconds after which a window's weight in the curve has fallen to 1/e."""

TREND_STEP = 0.25
"""Change of tone between the first and the last third that counts as a trend."""

TREND_SECONDS = 15.0
"""Judged speech in seconds below which no trend is given."""

UNFRIENDLY = ("anger", "frustration")

Values = npt.NDArray[np.float64]


class Trend(StrEnum):
    """Where a speaker's tone went over the recording."""

    IMPROVING = "improving"
    STEADY = "steady"
    WORSENING = "worsening"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TrajectoryPoint:
    """Smoothed affect at the end of one window.

    Attributes:
        window: the window that the curve has just taken in.
        probabilities: in [0, 1], in the order of the timeline's labels, summing to 1.
        arousal, valence, dominance: in [0, 1], or None where the model has no dimensions.
        connected: False where the curve starts anew, as the window shares no moment with the
            one before.
    """

    window: Window
    probabilities: tuple[float, ...]
    arousal: float | None
    valence: float | None
    dominance: float | None
    connected: bool


def smooth(times: Values, values: Values, weights: Values, *, time_constant: float) -> Values:
    """Causal exponential mean of irregular observations.

    Args:
        times: (points,) in seconds, not decreasing.
        values: (points, features); NaN is "not observed".
        weights: (points,) not negative.
        time_constant: seconds in which a weight falls to 1/e; above 0.

    Returns:
        (points, features); NaN until a feature has been observed with a weight above 0.

    Raises:
        ConfigError: the time constant is not above 0.

    >>> smooth(np.array([0.0, 1e9]), np.array([[0.0], [1.0]]), np.ones(2), time_constant=5.0)
    array([[0.], [1.]])
    """
    smoother = Smoother(values.shape[1], time_constant=time_constant)
    observations = zip(times.tolist(), values.tolist(), weights.tolist(), strict=True)
    means = [smoother.update(time, row, weight) for time, row, weight in observations]
    return np.array(means, np.float64).reshape(values.shape)


class Smoother:
    """The same, one observation after the other, in plain numbers: what a live call needs.

    Args:
        features: number of values of each observation.
        time_constant: seconds in which a weight falls to 1/e; above 0.

    Raises:
        ConfigError: the time constant is not above 0.

    >>> smoother = Smoother(1)
    >>> smoother.update(0.0, [0.25], 1.0), smoother.update(1e9, [1.0], 0.5)
    ([0.25], [1.0])
    """

    def __init__(self, features: int, *, time_constant: float = TIME_CONSTANT) -> None:
        _check_time_constant(time_constant)
        self._time_constant = time_constant
        self._totals = [0.0] * features
        self._weights = [0.0] * features
        self._time: float | None = None

    def update(self, time: float, values: Sequence[float | None], weight: float) -> list[float]:
        """Take in what was observed at ``time`` (seconds, not decreasing); None or NaN: nothing.

        Returns:
            The means so far; NaN for what was never observed with a weight above 0.
        """
        age = 0.0 if self._time is None else time - self._time
        self._time, decay = time, exp(-age / self._time_constant)
        for index, value in enumerate(values):
            known = value is not None and not isnan(value)
            self._totals[index] *= decay
            self._weights[index] *= decay
            if known and value is not None:
                self._totals[index] += weight * value
                self._weights[index] += weight
        return [
            total / weight if weight > 0 else nan
            for total, weight in zip(self._totals, self._weights, strict=True)
        ]


def trajectory(
    timeline: Timeline, speaker: str, *, time_constant: float = TIME_CONSTANT
) -> tuple[TrajectoryPoint, ...]:
    """The speaker's smoothed affect, one point a window, in order of the windows' ends.

    Raises:
        ConfigError: the time constant is not above 0.
    """
    _check_time_constant(time_constant)
    windows = [window for window in timeline.windows if window.speaker == speaker]
    windows.sort(key=lambda window: (window.segment.end, window.segment.start))
    if not windows:
        return ()
    times = np.array([window.segment.end / SAMPLING_RATE for window in windows])
    weights = np.array([max(window.speech_ratio, 1e-6) for window in windows])
    values = np.array([_features(window) for window in windows], np.float64)
    rows = smooth(times, values, weights, time_constant=time_constant).tolist()
    connected = [False, *(b.segment.start < a.segment.end for a, b in pairwise(windows))]
    return tuple(map(_point, windows, rows, connected))


def trend(timeline: Timeline, speaker: str) -> Trend:
    """Where the speaker's tone went, by the rule at the top of this module."""
    return trend_of(strip(timeline, speaker), timeline.labels)


def trend_of(cells: Sequence[Cell], labels: Sequence[str]) -> Trend:
    """The trend of one speaker's cells, for a model with these labels."""
    tones = np.array([tone(cell.window, labels) for cell in cells])
    lengths = np.array([cell.segment.samples / SAMPLING_RATE for cell in cells])
    if lengths.sum() < TREND_SECONDS or np.isnan(tones).any():
        return Trend.UNKNOWN
    middles = (np.cumsum(lengths) - lengths / 2) / lengths.sum()
    first, last = middles < 1 / 3, middles > 2 / 3
    return trend_between(_mean(tones[first], lengths[first]), _mean(tones[last], lengths[last]))


def trend_between(first: float, last: float) -> Trend:
    """The trend from the tone of the first third to that of the last."""
    change = last - first
    if abs(change) < TREND_STEP:
        return Trend.STEADY
    return Trend.IMPROVING if change > 0 else Trend.WORSENING


def _check_time_constant(time_constant: float) -> None:
    if not time_constant > 0:
        raise ConfigError(
            f"The time constant of the trajectory is {time_constant} s, but it must be above 0."
        )


def _features(window: Window) -> tuple[float | None, ...]:
    return (*window.probabilities, window.arousal, window.valence, window.dominance)


def _point(window: Window, row: list[float], connected: bool) -> TrajectoryPoint:
    *probabilities, arousal, valence, dominance = (
        None if np.isnan(value) else value for value in row
    )
    total = sum(value or 0.0 for value in probabilities)
    return TrajectoryPoint(
        window=window,
        probabilities=tuple((value or 0.0) / total for value in probabilities),
        arousal=arousal,
        valence=valence,
        dominance=dominance,
        connected=connected,
    )


def tone(window: Window, labels: Sequence[str]) -> float:
    """1 less anger and frustration; NaN where the model knows neither."""
    unfriendly = [
        probability
        for label, probability in zip(labels, window.probabilities, strict=True)
        if label in UNFRIENDLY
    ]
    return 1 - sum(unfriendly) if unfriendly else nan


def _mean(values: Values, weights: Values) -> float:
    return float(np.average(values, weights=weights)) if len(values) else 0.0
