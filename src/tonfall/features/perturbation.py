"""Jitter and shimmer of each frame, as eGeMAPS takes them.

From the onset of a voice on, each period is matched with the one that follows: of the lengths
within a tenth of the pitch's period the one is taken at which two stretches of that length, one
after the other, correlate best. The next period begins where the last one ends, whatever the
frames. How openSMILE counts was found from what it writes of single periods for real clips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP

__all__ = ["HISTORY", "FramePairs", "Pair", "Periods", "frame_perturbation", "period_pairs"]

_SEARCH = 0.1
"""Of the period: how far from it the next one is looked for."""
_LEAST_CORRELATION = 0.5
_SPARE = 4
"""Samples that are wanted beyond two of the longest periods."""
_MOST = 1.0
"""The largest jitter, and the largest shimmer as a share."""

HISTORY = 5 * STEP
"""Samples before a frame in which its periods may begin, at most: two of the longest."""

_Array = npt.NDArray[np.float64]


def frame_perturbation(
    samples: FloatArray, frequency: _Array, *, periods: Periods | None = None, start: int = 0
) -> _Array:
    """Jitter and shimmer at each frame.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        frequency: (frames,) pitch in Hz every 10 ms; 0 where there is no voice.
        periods: of the frames before, in a stream; updated.
        start: sample at which the first frame begins; up to `HISTORY` before it are looked at.

    Returns:
        (frames, 2) float64: mean difference of the lengths of successive periods as a share of
        their mean, and mean difference of their peak-to-peak amplitudes in dB. A frame in which
        no two periods are alike keeps the values of the frame before; 0 where there is no voice,
        and in its first frames until two periods are alike.
    """
    held = periods or Periods()
    result, voice = np.zeros((len(frequency), 2)), held.voice
    for each in period_pairs(samples, frequency, offset=start, periods=held):
        if each.begins:
            voice = _Voice()
        voice.hear(each.pairs)
        result[each.frame] = voice.jitter, voice.shimmer_db
    held.voice = voice
    return result


@dataclass(frozen=True, slots=True)
class Pair:
    """Two periods that are alike: their length in samples, and the amplitudes of both."""

    length: float
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class FramePairs:
    """The pairs of periods that are counted to a voiced frame, and whether a voice begins there."""

    frame: int
    begins: bool
    pairs: list[Pair]


def period_pairs(
    samples: FloatArray, frequency: _Array, *, offset: int = 0, periods: Periods | None = None
) -> Iterator[FramePairs]:
    """The successive periods of each voiced frame.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        frequency: (frames,) pitch in Hz every 10 ms; 0 where there is no voice.
        offset: samples from a frame's start to where its periods are counted from.
        periods: of the frames before, in a stream; updated at the end.
    """
    held = periods or Periods()
    track, place = _Track(samples), offset + held.place
    for frame in np.flatnonzero(frequency).tolist():
        begins = not (frequency[frame - 1] if frame else held.voiced)
        start = frame * STEP + offset
        if begins:
            place = max(place, start)
        pairs: list[Pair] = []
        if place <= start:
            period = RATE / float(frequency[frame])
            pairs, place = track.pairs(place, period, start + STEP)
        yield FramePairs(frame, begins, pairs)
    if len(frequency):
        held.voiced, held.place = bool(frequency[-1]), place - offset - len(frequency) * STEP


@dataclass(slots=True)
class _Voice:
    """A stretch of voice up to a frame."""

    jitter: float = 0.0
    shimmer_db: float = 0.0
    lengths: list[float] = field(default_factory=list)

    def hear(self, pairs: list[Pair]) -> None:
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
            self.shimmer_db = 20 * math.log10(1 + min(change / size, _MOST))


@dataclass(slots=True)
class Periods:
    """Where the periods of a voice are, from one piece of a stream to the next.

    Attributes:
        voice: of the last frame.
        voiced: whether that has a voice.
        place: where its next period begins, in samples after the start of the next frame.
    """

    voice: _Voice = field(default_factory=_Voice)
    voiced: bool = False
    place: int = 0


class _Track:
    """Samples with their running sums, which make each correlation cheap."""

    def __init__(self, samples: FloatArray) -> None:
        self._samples = samples.astype(np.float64)
        self._total = np.concatenate([[0.0], np.cumsum(self._samples)])
        self._square = np.concatenate([[0.0], np.cumsum(self._samples * self._samples)])

    def pairs(self, place: int, period: float, until: int) -> tuple[list[Pair], int]:
        """The pairs of periods that end before a sample, at least one; and where the next begins.

        Args:
            place: where the first period begins.
            period: about how long one is, in samples.
            until: up to where the frame's periods reach.
        """
        shortest, longest = int(period * (1 - _SEARCH)), int(period * (1 + _SEARCH))
        span = 2 * longest + _SPARE
        until = max(until, place + span)
        found: list[Pair] = []
        while place + span <= min(until, len(self._samples) - 2):
            length, alike = self._match(place, shortest, longest)
            if alike >= _LEAST_CORRELATION:
                found.append(self._pair(place, length))
            place += round(length or period)
        return found, place

    def _match(self, place: int, shortest: int, longest: int) -> tuple[float, float]:
        """The length at which the correlation peaks, and the peak; 0 where it has none."""
        alike = self._correlations(place, shortest, longest)
        rises = alike[1:] > alike[:-1]
        peaks = (rises[:-1] > rises[1:]).nonzero()[0]
        if not len(peaks):
            return 0.0, 0.0
        best = int(peaks[alike[peaks + 1].argmax()])
        left, middle, right = alike[best : best + 3].tolist()
        offset = 0.5 * (left - right) / (left - 2 * middle + right)
        return shortest + 1 + best + offset, middle - 0.25 * (left - right) * offset

    def _correlations(self, place: int, shortest: int, longest: int) -> _Array:
        """Pearson's correlation of stretches of each length with what follows them."""
        count, middle = longest - shortest, place + shortest
        lengths, places, below = _shape(shortest, count)
        here = self._samples[place : place + longest]
        there = self._samples[middle : place + 2 * longest]
        product = np.correlate(there[:longest], here[:shortest], "valid")
        # What stretches longer than the shortest add: n products, each n samples apart.
        product += (there[shortest:][places] * below) @ here[shortest:]
        middles, ends = slice(middle, middle + count + 1), slice(middle + shortest, None, 2)
        first = self._total[middles] - self._total[place]
        second = self._total[ends][: count + 1] - self._total[middles]
        power = self._square[middles] - self._square[place] - first * first / lengths
        then = self._square[ends][: count + 1] - self._square[middles]
        power *= then - second * second / lengths
        return np.asarray((product - first * second / lengths) / np.sqrt(np.maximum(power, 1e-24)))

    def _pair(self, place: int, length: float) -> Pair:
        width = round(length)
        first = self._samples[place + 1 : place + width - 1]
        second = self._samples[place + width + 1 : place + 2 * width - 1]
        sizes = (float(each.max() - each.min()) for each in (first, second))
        return Pair(length, *sizes)


@lru_cache(maxsize=512)
def _shape(shortest: int, count: int) -> tuple[_Array, npt.NDArray[np.intp], _Array]:
    """(count + 1,) lengths, and (count + 1, count) places and which of them a length reaches."""
    rows, columns = np.arange(count + 1)[:, None], np.arange(count)
    return shortest + np.arange(count + 1.0), rows + columns, (columns < rows).astype(float)
