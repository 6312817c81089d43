"""How one speaker sounds over a call: the smoothed curve, the trend and the mean, live."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import isnan, nan

from tonfall.analysis.trajectory import TREND_SECONDS, Smoother, Trend, tone, trend_between
from tonfall.serve.alerts import Observation, Usual
from tonfall.timeline import SAMPLING_RATE, Window

__all__ = ["SpeakerAffect", "ToneTrend"]

_MOST_BINS = 256

_SHARED = 3
"""Windows that share a moment with the newest one, itself included."""

_FEWEST = 3
"""Windows from which on something can be called usual."""


class ToneTrend:
    """The rule of :mod:`tonfall.analysis.trajectory`, in memory that does not grow.

    Each window counts with the speech that it added. Once there are 256 of them, neighbours are
    joined, so that the borders of the thirds are off by at most 0.4 % of the call's speech.
    """

    def __init__(self) -> None:
        self._lengths: list[float] = []
        self._tones: list[float] = []
        self._bin_s = 0.0

    def update(self, value: float, seconds: float) -> Trend:
        """Take in the tone of ``seconds`` of speech; return the trend so far."""
        self._add(value * seconds, seconds)
        total = sum(self._lengths)
        if isnan(value) or total < TREND_SECONDS:
            return Trend.UNKNOWN
        return trend_between(self._mean(0, total / 3), self._mean(2 * total / 3, total))

    def _add(self, weighted: float, seconds: float) -> None:
        if self._lengths and self._lengths[-1] + seconds <= self._bin_s:
            self._lengths[-1] += seconds
            self._tones[-1] += weighted
        else:
            self._lengths.append(seconds)
            self._tones.append(weighted)
        if len(self._lengths) > _MOST_BINS:
            self._bin_s = 2 * max(self._bin_s, sum(self._lengths) / _MOST_BINS)
            self._join()

    def _join(self) -> None:
        lengths, tones = self._lengths, self._tones
        self._lengths, self._tones = [], []
        for length, weighted in zip(lengths, tones, strict=True):
            self._add(weighted, length)

    def _mean(self, start: float, end: float) -> float:
        """Mean tone of the windows whose middle lies between two times of speech."""
        passed = total = weight = 0.0
        for length, weighted in zip(self._lengths, self._tones, strict=True):
            if start < passed + length / 2 < end:
                total, weight = total + weighted, weight + length
            passed += length
        return total / weight if weight else 0.0


class SpeakerAffect:
    """One speaker of a call.

    Args:
        labels: the model's.
        piece_s: seconds of a window that are new.
    """

    def __init__(self, labels: Sequence[str], *, piece_s: float) -> None:
        self._labels = tuple(labels)
        self._piece_s = piece_s
        self._smoother = Smoother(len(self._labels) + 3)
        self._trend = ToneTrend()
        self._sums = [0.0] * len(self._labels)
        self._before = _Before(len(self._labels) + 3)
        self._windows = 0
        self._end = 0
        self.speech_s = 0.0
        self.trend = Trend.UNKNOWN

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean probabilities over the windows so far; empty where there is none."""
        return tuple(value / self._windows for value in self._sums) if self._windows else ()

    def update(self, window: Window) -> Observation:
        """Take in the next window."""
        step_s = min((window.segment.end - self._end) / SAMPLING_RATE, self._piece_s)
        self._end = window.segment.end
        self._windows += 1
        self._sums = [a + b for a, b in zip(self._sums, window.probabilities, strict=True)]
        speech_s = step_s * window.speech_ratio
        self.speech_s += speech_s
        self.trend = self._trend.update(tone(window, self._labels), speech_s)
        return self._observed(window, step_s)

    def _observed(self, window: Window, step_s: float) -> Observation:
        values = (*window.probabilities, window.arousal, window.valence, window.dominance)
        *curve, arousal, valence, dominance = self._smoother.update(
            window.segment.end / SAMPLING_RATE, values, max(window.speech_ratio, 1e-6)
        )
        total = sum(curve)
        return Observation(
            window=window,
            smoothed=tuple(value / total for value in curve),
            arousal=_known(arousal),
            valence=_known(valence),
            dominance=_known(dominance),
            usual=self._before.update(values),
            speech_s=self.speech_s,
            step_s=step_s,
        )


class _Before:
    """How the speaker sounded before the windows that share a moment with the newest one."""

    def __init__(self, features: int) -> None:
        self._sums = [0.0] * features
        self._count = 0
        self._recent: deque[Sequence[float | None]] = deque()

    def update(self, values: Sequence[float | None]) -> Usual | None:
        """Take in a window; None while too little was heard before it."""
        self._recent.append(values)
        if len(self._recent) > _SHARED:
            pairs = zip(self._sums, self._recent.popleft(), strict=True)
            self._sums = [total + (nan if value is None else value) for total, value in pairs]
            self._count += 1
        if self._count < _FEWEST:
            return None
        *probabilities, arousal, valence, dominance = (each / self._count for each in self._sums)
        return Usual(tuple(probabilities), _known(arousal), _known(valence), _known(dominance))


def _known(value: float) -> float | None:
    return None if isnan(value) else value
