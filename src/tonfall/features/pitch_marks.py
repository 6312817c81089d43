"""Marks of a voice's periods: one instant in each, where the waveform repeats that of the last.

As Praat's manual describes "To PointProcess (cc)": from the largest excursion in the middle of a
stretch of voice on, each next mark lies 0.8 to 1.25 periods away, where the waveform about it, one
period wide, correlates best with that about the mark before. Jitter and shimmer are taken from the
distances of the marks and from the levels about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP

__all__ = ["Marks", "pitch_marks"]

_NEAREST, _FARTHEST = 0.8, 1.25
"""Periods from a mark to the next."""
_LEAST_LIKENESS = 0.3
_LIKENESS_OUTSIDE = 0.7
"""What the one mark needs that may lie beyond either end of a voice."""
_ABOUT = 0.2
"""Of the period: how far to either side of a mark its level is taken."""

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a stretch of voice.

    Attributes:
        places: (marks,) float64, in samples; between samples where the correlation peaks there.
        levels: (marks,) float64, root mean square about each; NaN of the first and the last.
    """

    places: _Array
    levels: _Array


def pitch_marks(samples: FloatArray, frequency: _Array, *, first: int) -> list[Marks]:
    """The marks of each stretch of voice, in order.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1]; their mean is subtracted first.
        frequency: (frames,) pitch in Hz every 10 ms; 0 where there is no voice.
        first: sample in the middle of the first frame.

    >>> pulses = np.zeros(1600, np.float32)
    >>> pulses[50::100] = 1
    >>> [marks] = pitch_marks(pulses, np.full(10, 160.0), first=80)
    >>> np.diff(marks.places).round(3).tolist()[:3]
    [100.0, 100.0, 100.0]
    """
    voiced = np.concatenate([[False], frequency > 0, [False]])
    edges = np.flatnonzero(np.diff(voiced)).reshape(-1, 2)
    known, middles = _Sums(samples), first + STEP * np.arange(len(frequency))
    voices = (_Voice(known, middles[a:b], frequency[a:b]) for a, b in edges)
    return [Marks(places, _levels(known.samples, places)) for places in map(_places, voices)]


class _Sums:
    """Samples with their running sums, which make each correlation cheap."""

    def __init__(self, samples: FloatArray) -> None:
        self.samples = samples.astype(np.float64)
        self.samples -= self.samples.mean() if len(samples) else 0.0
        self._total = np.concatenate([[0.0], np.cumsum(self.samples)])
        self._square = np.concatenate([[0.0], np.cumsum(self.samples * self.samples)])

    def likeness(self, here: int, first: int, count: int, width: int) -> _Array:
        """Pearson's correlation of a stretch with each of ``count`` stretches, a sample apart.

        Args:
            here: where the stretch begins.
            first: where the first of the others does.
            count: of the others.
            width: samples of each.
        """
        stretch = self.samples[here : here + width]
        stretch = stretch - stretch.mean()
        product = np.correlate(self.samples[first : first + count - 1 + width], stretch, "valid")
        begin, end = slice(first, first + count), slice(first + width, first + width + count)
        total = self._total[end] - self._total[begin]
        power = self._square[end] - self._square[begin] - total * total / width
        return np.asarray(product / np.sqrt(np.maximum(power * (stretch @ stretch), 1e-24)))


@dataclass(frozen=True, slots=True)
class _Voice:
    """A stretch of voice: its samples, the middles of its frames, and their pitch in Hz."""

    known: _Sums
    middles: npt.NDArray[np.intp]
    frequency: _Array

    def period(self, place: float) -> float:
        """About how long a period is there, in samples."""
        return RATE / float(np.interp(place, self.middles, self.frequency))

    def follows(self, place: float) -> bool:
        """Whether a place is in this stretch."""
        return bool(self.middles[0] - STEP / 2 <= place <= self.middles[-1] + STEP / 2)

    def next(self, place: float, way: int) -> tuple[float, float] | None:
        """The next mark before (-1) or after (1) a place, and its likeness; None at the end."""
        period, centre = self.period(place), round(place)
        width = round(period)
        here = centre - width // 2
        nearest, farthest = int(_NEAREST * period), int(np.ceil(_FARTHEST * period))
        first = here + (nearest - 1 if way > 0 else -farthest - 1)
        count = farthest - nearest + 3
        if min(here, first) < 0 or max(here, first + count - 1) + width > len(self.known.samples):
            return None
        alike = self.known.likeness(here, first, count, width)
        best = 1 + int(alike[1:-1].argmax())
        before, at, after = alike[best - 1 : best + 2].tolist()
        bend = before - 2 * at + after
        offset = min(max(0.5 * (before - after) / bend, -1), 1) if bend < 0 else 0.0
        return place + first + best + offset - here, at - 0.25 * (before - after) * offset


def _places(voice: _Voice) -> _Array:
    """(marks,) in samples."""
    middle = (int(voice.middles[0]) + int(voice.middles[-1])) // 2
    half = round(voice.period(middle) / 2)
    near = voice.known.samples[max(0, middle - half) : middle + half]
    if not len(near):
        return np.zeros(0)
    start = max(0, middle - half) + int(np.abs(near - near.mean()).argmax())
    return np.array([*_walk(voice, start, -1)[::-1], start, *_walk(voice, start, 1)], np.float64)


def _walk(voice: _Voice, start: float, way: int) -> list[float]:
    """The marks to one side of the first, which may end with one beyond the voice."""
    marks: list[float] = []
    while (found := voice.next(start, way)) is not None:
        start, likeness = found
        inside = voice.follows(start)
        if likeness >= (_LEAST_LIKENESS if inside else _LIKENESS_OUTSIDE):
            marks.append(start)
        if not inside:
            break
    return marks


def _levels(samples: _Array, places: _Array) -> _Array:
    """(marks,) root mean square about each mark under a Hann window."""
    levels = np.full(len(places), np.nan)
    for number, (before, after) in enumerate(pairwise(np.diff(places)), start=1):
        place = places[number]
        low, high = _ABOUT * before, _ABOUT * after
        steps = np.arange(int(np.ceil(place - low)), int(place + high) + 1) - place
        weights = 1 + np.cos(np.pi * steps / np.where(steps < 0, low, high))
        heard = weights * samples[(steps + place).round().astype(np.intp)]
        levels[number] = np.sqrt((heard @ heard) / (weights @ weights))
    return levels
