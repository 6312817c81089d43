"""The balance of the spectrum: slopes, ratios of bands, change from frame to frame.

Definitions follow eGeMAPS (Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set",
IEEE Trans. Affective Computing 7, 2016) as openSMILE computes them, on the short spectrum of
`tonfall.features.loudness`: 257 bins of 31.25 Hz.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tonfall.arrays import FloatArray

__all__ = [
    "alpha_ratio",
    "hammarberg_index",
    "log_power",
    "spectral_centroid",
    "spectral_flux",
    "spectral_roll_off",
    "spectral_slope",
]

_BIN_HZ = 31.25
_FLOOR = 1e-14
"""Power of -140 dB: what silence is taken for."""


def _bin(frequency_hz: float) -> int:
    return round(frequency_hz / _BIN_HZ)


def log_power(spectrum: FloatArray) -> FloatArray:
    """Power in dB, -140 at the least.

    Args:
        spectrum: (..., bins) magnitudes.

    Returns:
        The same shape, float32.
    """
    result: FloatArray = 10 * np.log10(np.maximum(spectrum * spectrum, np.float32(_FLOOR)))
    return result


def alpha_ratio(spectrum: FloatArray) -> FloatArray:
    """Energy from 1 to 5 kHz against that below 1 kHz, in dB: higher in a tense, loud voice.

    Args:
        spectrum: (..., 257) magnitudes.

    Returns:
        (...) float32 in dB; 0 in silence. The bins from 0 to 50 Hz, which the definition of
        eGeMAPS leaves out, are in, as they are in openSMILE.
    """
    power = spectrum * spectrum
    low = power[..., : _bin(1000)].sum(axis=-1)
    high = power[..., _bin(1000) : _bin(5000) + 1].sum(axis=-1)
    return _ratio_db(high, low)


def hammarberg_index(spectrum: FloatArray) -> FloatArray:
    """The strongest bin below 2 kHz against the strongest from 2 to 5 kHz, in dB.

    Hammarberg et al., "Perceptual and acoustic correlates of abnormal voice qualities", Acta
    Oto-laryngologica 90 (1980).

    Args:
        spectrum: (..., 257) magnitudes.

    Returns:
        (...) float32 in dB; 0 in silence.
    """
    low = spectrum[..., : _bin(2000) + 1].max(axis=-1)
    high = spectrum[..., _bin(2000) : _bin(5000) + 1].max(axis=-1)
    return _ratio_db(low * low, high * high)


def _ratio_db(above: FloatArray, below: FloatArray) -> FloatArray:
    floor = np.float32(_FLOOR)
    ratio: FloatArray = 10 * np.log10(np.maximum(above, floor) / np.maximum(below, floor))
    return ratio


@lru_cache(maxsize=4)
def _slope_weights(low: int, high: int) -> FloatArray:
    """What each bin counts in a slope.

    A least-squares line, but for its number of points, which openSMILE takes as one too few: the
    slope then depends a little on the level.
    """
    bins = np.arange(low, high + 1)
    count = high - low
    divisor = (count * (bins**2).sum() - bins.sum() ** 2) * _BIN_HZ
    return np.asarray((count * bins - bins.sum()) / divisor, np.float32)


def spectral_slope(decibels: FloatArray, *, low_hz: float, high_hz: float) -> FloatArray:
    """Slope of a line through the log power spectrum between two frequencies.

    Args:
        decibels: (..., 257) of `log_power`.
        low_hz: a multiple of 31.25 Hz is exact, anything else goes to the nearest bin.
        high_hz: above ``low_hz``.

    Returns:
        (...) float32 in dB/Hz.
    """
    low, high = _bin(low_hz), _bin(high_hz)
    result: FloatArray = decibels[..., low : high + 1] @ _slope_weights(low, high)
    return result


def spectral_flux(spectrum: FloatArray) -> FloatArray:
    """How much the spectrum below 5 kHz has changed since the frame before.

    Args:
        spectrum: (..., frames, 257) magnitudes.

    Returns:
        (..., frames) float32: root mean square of the differences of magnitudes; 0 in the first.
    """
    below = spectrum[..., : _bin(5000)]
    change = np.diff(below, axis=-2, prepend=below[..., :1, :])
    result: FloatArray = np.sqrt((change * change).mean(axis=-1))
    return result


def spectral_centroid(spectrum: FloatArray) -> FloatArray:
    """The mean frequency, weighted by magnitude.

    Args:
        spectrum: (..., 257) magnitudes.

    Returns:
        (...) float32 in Hz; NaN in digital silence.
    """
    frequencies = np.arange(spectrum.shape[-1], dtype=np.float32) * np.float32(_BIN_HZ)
    total = spectrum.sum(axis=-1)
    mean = (spectrum @ frequencies) / np.maximum(total, np.float32(1e-30))
    return np.where(total > 0, mean, np.float32(np.nan))


def spectral_roll_off(spectrum: FloatArray, *, share: float = 0.85) -> FloatArray:
    """The frequency below which ``share`` of the magnitude lies.

    Args:
        spectrum: (..., 257) magnitudes.
        share: in (0, 1).

    Returns:
        (...) float32 in Hz, a multiple of 31.25; NaN in digital silence.
    """
    below = np.cumsum(spectrum, axis=-1)
    total = below[..., -1:]
    found = (below >= share * total).argmax(axis=-1).astype(np.float32) * np.float32(_BIN_HZ)
    return np.where(total[..., 0] > 0, found, np.float32(np.nan))
