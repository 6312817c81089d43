"""The outline of a waveform, in bounded memory however long the recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonfall.arrays import FloatArray

__all__ = ["QUIETEST_PEAK", "Envelope", "EnvelopeCollector"]

QUIETEST_PEAK = 0.02
"""Peak below which a drawn channel is no longer scaled up: noise is not to look like speech."""

GRAIN = 16
"""Samples of the finest bin."""


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Lowest and highest sample of each short stretch.

    Attributes:
        extremes: (channels, bins, 2) float32 in [-1, 1], minimum and maximum.
        bin_seconds: length of a bin; the last may be shorter.
    """

    extremes: FloatArray
    bin_seconds: float

    def reduced(self, bins: int) -> Envelope:
        """The same outline in at most ``bins`` bins."""
        factor = -(-self.extremes.shape[1] // bins)
        if factor <= 1:
            return self
        return Envelope(_merged(self.extremes, factor), self.bin_seconds * factor)


class EnvelopeCollector:
    """Collects an envelope from a waveform in pieces; the cuts do not show in the result.

    Args:
        channels: of the waveform.
        sampling_rate: in Hz, of the waveform as it is given.
        bins: most bins that are kept, an even number; from half of it on, a recording longer
            than ``bins * 16`` samples has at least half of them.
    """

    def __init__(self, channels: int, *, sampling_rate: int, bins: int = 16_384) -> None:
        assert bins > 0, bins
        assert bins % 2 == 0, bins
        self._sampling_rate = sampling_rate
        self._bins = np.empty((channels, bins, 2), np.float32)
        self._filled = 0
        self._factor = 1
        self._samples = np.empty((channels, 0), np.float32)
        self._grains = np.empty((channels, 0, 2), np.float32)

    def update(self, waveform: FloatArray) -> None:
        """Take in the next (channels, samples) of the recording."""
        samples = np.concatenate([self._samples, waveform], axis=1)
        whole = samples.shape[1] // GRAIN * GRAIN
        self._samples = samples[:, whole:]
        self._take(_outline(samples[:, :whole]))

    def compute(self) -> Envelope:
        """The envelope of all that was taken in so far."""
        parts = [self._bins[:, : self._filled]]
        rest = np.concatenate([self._grains, _outline(self._samples)], axis=1)
        if rest.shape[1]:
            parts.append(_merged(rest, rest.shape[1]))
        seconds = GRAIN * self._factor / self._sampling_rate
        return Envelope(np.concatenate(parts, axis=1), seconds)

    def _take(self, grains: FloatArray) -> None:
        """Fill bins; whenever all are full, merge them by two and go on at half the detail."""
        while grains.shape[1]:
            room = (self._bins.shape[1] - self._filled) * self._factor - self._grains.shape[1]
            pending = np.concatenate([self._grains, grains[:, :room]], axis=1)
            grains = grains[:, room:]
            whole = pending.shape[1] // self._factor
            split = whole * self._factor
            merged = _merged(pending[:, :split], self._factor)
            self._bins[:, self._filled : self._filled + whole] = merged
            self._grains = pending[:, split:]
            self._filled += whole
            if self._filled == self._bins.shape[1]:
                self._halve()

    def _halve(self) -> None:
        self._filled //= 2
        self._bins[:, : self._filled] = _merged(self._bins, 2)
        self._factor *= 2


def _outline(samples: FloatArray) -> FloatArray:
    """(channels, samples) to the extremes of each grain; the last may be cut short."""
    starts = np.arange(0, samples.shape[1], GRAIN)
    if not len(starts):
        return np.empty((samples.shape[0], 0, 2), np.float32)
    lowest = np.minimum.reduceat(samples, starts, axis=1)
    return np.stack([lowest, np.maximum.reduceat(samples, starts, axis=1)], axis=2)


def _merged(extremes: FloatArray, factor: int) -> FloatArray:
    """The extremes of each ``factor`` neighbouring bins; the last may have fewer."""
    starts = np.arange(0, extremes.shape[1], factor)
    if not len(starts):
        return extremes
    lowest = np.minimum.reduceat(extremes[:, :, 0], starts, axis=1)
    return np.stack([lowest, np.maximum.reduceat(extremes[:, :, 1], starts, axis=1)], axis=2)
