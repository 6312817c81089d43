"""What the harmonics of a voice tell: their levels against each other, and against the noise.

Levels are those of the long spectrum's peak that is nearest to each multiple of the pitch, as in
openSMILE's eGeMAPS. There the "first" harmonic, H1, is the one above the fundamental, and a level
"relative to F0" is against the bin of the fundamental's peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.features.pitch import LONG_BIN_HZ

__all__ = ["Harmonics", "formant_level", "harmonics_of", "harmonics_to_noise"]

_COUNT = 100
_RANGE = 0.2
"""Of a formant's frequency: how far from it a harmonic still belongs to it."""
_LAGS = 3


@dataclass(frozen=True, slots=True)
class Harmonics:
    """Harmonics of voiced frames; the first column is the fundamental.

    Attributes:
        frequency: (frames, 100) float64 in Hz, of the peak; NaN above 8 kHz.
        level: (frames, 100) float64 in dB, relative to the fundamental's bin.
    """

    frequency: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]


def harmonics_of(spectrum: FloatArray, frequency: npt.NDArray[np.float64]) -> Harmonics:
    """Peaks of the long spectrum nearest to the multiples of a pitch.

    Args:
        spectrum: (frames, 513) of `tonfall.features.pitch.long_spectrum`.
        frequency: (frames,) pitch in Hz, above 0.
    """
    place = frequency[:, None] * np.arange(1, _COUNT + 1) / LONG_BIN_HZ
    last = spectrum.shape[1] - 1
    inside = place < last
    position, height, before, after = _peaks(spectrum)
    below = np.clip(np.floor(place).astype(np.intp), 0, last)
    left = np.take_along_axis(before, below, 1)
    right = np.take_along_axis(after, np.minimum(below + 1, last), 1)
    nearest = np.where(_gap(place, left, last) <= _gap(place, right, last), left, right)
    nearest = np.clip(nearest, 0, last)
    reference = np.take_along_axis(spectrum, nearest[:, :1], 1).astype(np.float64)
    level = 20 * np.log10(
        np.maximum(np.take_along_axis(height, nearest, 1), 1e-12) / np.maximum(reference, 1e-12)
    )
    level[:, 0] = 0
    found = np.take_along_axis(position, nearest, 1) * LONG_BIN_HZ
    return Harmonics(np.where(inside, found, np.nan), np.where(inside, level, np.nan))


def _gap(
    place: npt.NDArray[np.float64], peak: npt.NDArray[np.intp], last: int
) -> npt.NDArray[np.float64]:
    return np.where((peak >= 0) & (peak <= last), np.abs(place - peak), np.inf)


def _peaks(
    spectrum: FloatArray,
) -> tuple[
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.intp],
    npt.NDArray[np.intp],
]:
    """Interpolated places and heights of peaks; the peak at or before, and at or after each bin."""
    values = spectrum.astype(np.float64)
    bins = np.arange(values.shape[1])
    before, at, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    peak = np.zeros(values.shape, bool)
    peak[:, 1:-1] = (at > before) & (at >= after)
    bend = np.where(peak[:, 1:-1], before - 2 * at + after, -1.0)
    offset = np.where(peak[:, 1:-1], 0.5 * (before - after) / bend, 0.0)
    position = np.broadcast_to(bins, values.shape).astype(np.float64)
    position[:, 1:-1] += offset
    height = values
    height[:, 1:-1] = at - 0.25 * (before - after) * offset
    earlier = np.maximum.accumulate(np.where(peak, bins, -1), axis=1)
    later = np.minimum.accumulate(np.where(peak, bins, len(bins))[:, ::-1], axis=1)[:, ::-1]
    return position, height, earlier, later


def formant_level(
    harmonics: Harmonics, formant: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The strongest harmonic within a fifth of a formant's frequency.

    Args:
        harmonics: of the same frames.
        formant: (frames,) in Hz; NaN where there is none.

    Returns:
        (frames,) float64 in dB relative to the fundamental; 0 where no harmonic is near.
    """
    low, high = (formant[:, None] * share for share in (1 - _RANGE, 1 + _RANGE))
    near = (harmonics.frequency >= low) & (harmonics.frequency <= high)
    best = np.where(near, harmonics.level, -np.inf).max(axis=1)
    return np.where(np.isfinite(best), best, 0.0)


def harmonics_to_noise(
    spectrum: FloatArray, frequency: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Harmonics-to-noise ratio from the autocorrelation at the pitch's period.

    Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
    ratio of a sampled sound", Proc. Inst. Phonetic Sciences 17 (1993), but without the correction
    for the window, so that even a clean voice stays near 10 dB.

    Args:
        spectrum: (frames, 513) of `tonfall.features.pitch.long_spectrum`.
        frequency: (frames,) pitch in Hz, above 0.

    Returns:
        (frames,) float64 in dB.
    """
    correlation = scipy.fft.irfft(spectrum.astype(np.float64) ** 2)
    lag = np.rint(16_000 / frequency).astype(np.intp)[:, None] + np.arange(-_LAGS, _LAGS + 1)
    lag = np.clip(lag, 1, correlation.shape[1] // 2 - 1)
    peak = np.take_along_axis(correlation, lag, 1).max(axis=1)
    share = np.clip(peak / np.maximum(correlation[:, 0], 1e-30), 1e-10, 1 - 1e-10)
    return np.asarray(10 * np.log10(share / (1 - share)))
