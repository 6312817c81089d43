"""Jitter and shimmer of each frame, as eGeMAPS takes them.

From the onset of a voice on, each period is matched with the one that follows: of the lengths
within a tenth of the pitch's period the one is taken at which two stretches of that length, one
after the other, correlate best. The next period begins where the last one ends, whatever the
frames. How openSMILE counts was found from what it writes of single periods for real clips.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP

__all__ = ["frame_perturbation"]

_SEARCH = 0.1
"""Of the period: how far from it the next one is looked for."""
_LEAST_CORRELATION = 0.5
_SPARE = 4
"""Samples that are wanted beyond two of the longest periods."""
_MOST = 1.0
"""The largest jitter, and the largest shimmer as a share."""

_Array = npt.NDArray[np.float64]


def frame_perturbation(samples: FloatArray, frequency: _Array) -> _Array:
    """Jitter and shimmer at each frame.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        frequency: (frames,) pitch in Hz every 10 ms; 0 where there is no voice.

    Returns:
        (frames, 2) float64: mean difference of the lengths of successive periods as a share of
        their mean, and mean difference of their peak-to-peak amplitudes in dB. A frame in which
        no two periods are alike keeps the values of the frame before; 0 where there is no voice,
        and in its first frames until two periods are alike.
    """
    result = np.zeros((len(frequency), 2))
    track, place = _Track(samples), 0
    voice = _Voice()
    for frame in np.flatnonzero(frequency).tolist():
        if not frame or not frequency[frame - 1]:
            voice, place = _Voice(), max(place, frame * STEP)
        if place <= frame * STEP:
            until, period = (frame + 1) * STEP, RATE / float(frequency[frame])
            pairs, place = track.pairs(place, period, until)
            voice.hear(pairs)
        result[frame] = voice.jitter, voice.shimmer_db
    return result


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two periods that are alike: their length, and the amplitudes of both."""

    length: float
    first: float
    second: float


@dataclass(slots=True)
class _Voice:
    """A stretch of voice up to a frame."""

    jitter: float = 0.0
    shimmer_db: float = 0.0
    lengths: list[float] = field(default_factory=list)

    def hear(self, pairs: list[_Pair]) -> None:
        if not pairs:
            return
        lengths = [pair.length for pair in pairs]
        before = self.lengths[-1:] + lengths
        if len(before) > 1:
            steps = [abs(b - a) for a, b in pairwise(before)]
            share = sum(steps) / len(steps) / (sum(lengths) / len(lengths))
            self.jitter = min(share, _MOST)
        self.lengths = lengths
        change = sum(abs(pair.first - pair.second) for pair in pairs)
        size = sum(pair.first + pair.second for pair in pairs) / 2
        if size > 0:
            self.shimmer_db = 20 * float(np.log10(1 + min(change / size, _MOST)))


class _Track:
    """Samples with their running sums, which make each correlation cheap."""

    def __init__(self, samples: FloatArray) -> None:
        self._samples = samples.astype(np.float64)
        self._total = np.concatenate([[0.0], np.cumsum(self._samples)])
        self._square = np.concatenate([[0.0], np.cumsum(self._samples * self._samples)])

    def pairs(self, place: int, period: float, until: int) -> tuple[list[_Pair], int]:
        """The pairs of periods that end before a sample, at least one; and where the next begins.

        Args:
            place: where the first period begins.
            period: about how long one is, in samples.
            until: up to where the frame's periods reach.
        """
        shortest, longest = int(period * (1 - _SEARCH)), int(period * (1 + _SEARCH))
        span = 2 * longest + _SPARE
        until = max(until, place + span)
        found: list[_Pair] = []
        while place + span <= min(until, len(self._samples) - 2):
            length, alike = self._match(place, shortest, longest)
            if alike >= _LEAST_CORRELATION:
                found.append(self._pair(place, length))
            place += round(length or period)
        return found, place

    def _match(self, place: int, shortest: int, longest: int) -> tuple[float, float]:
        """The length at which the correlation peaks, and the peak; 0 where it has none."""
        alike = self._correlations(place, shortest, longest)
        before, at, after = alike[:-2], alike[1:-1], alike[2:]
        height = np.where((at > before) & (at > after), at, -2)
        best = int(height.argmax())
        if height[best] < -1:
            return 0.0, 0.0
        left, middle, right = alike[best : best + 3].tolist()
        offset = 0.5 * (left - right) / (left - 2 * middle + right)
        return shortest + 1 + best + offset, middle - 0.25 * (left - right) * offset

    def _correlations(self, place: int, shortest: int, longest: int) -> _Array:
        """Pearson's correlation of stretches of each length with what follows them."""
        lengths = np.arange(shortest, longest + 1)
        here = self._samples[place : place + longest]
        there = self._samples[place + shortest : place + 2 * longest]
        product = np.correlate(there[:longest], here[:shortest], "valid")
        if longest > shortest:
            product += _triangle(there[shortest:], here[shortest:])
        middles = place + lengths
        ends = middles + lengths
        first = self._total[middles] - self._total[place]
        second = self._total[ends] - self._total[middles]
        power = self._square[middles] - self._square[place] - first * first / lengths
        power *= self._square[ends] - self._square[middles] - second * second / lengths
        return np.asarray((product - first * second / lengths) / np.sqrt(np.maximum(power, 1e-24)))

    def _pair(self, place: int, length: float) -> _Pair:
        width = round(length)
        first = self._samples[place + 1 : place + width - 1]
        second = self._samples[place + width + 1 : place + 2 * width - 1]
        return _Pair(length, float(np.ptp(first)), float(np.ptp(second)))


def _triangle(there: _Array, here: _Array) -> _Array:
    """What longer stretches add: for the n-th the products of n samples, each n samples apart."""
    rows = np.lib.stride_tricks.sliding_window_view(there, len(here))
    return np.asarray(np.tril(rows, -1) @ here)
