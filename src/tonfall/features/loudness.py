"""How loud it sounds: the auditory spectrum of perceptual linear prediction, its mean, and levels.

Hermansky, "Perceptual linear predictive (PLP) analysis of speech", J. Acoust. Soc. Am. 87 (1990):
power in 26 bands of equal width on the mel scale, weighted by the ear's sensitivity, and compressed
as loudness grows with intensity.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import hamming, magnitudes, split_frames

__all__ = [
    "SPECTRUM_WINDOW",
    "auditory_bands",
    "auditory_filters",
    "loudness",
    "root_mean_square",
    "short_spectrum",
    "sound_level",
]

SPECTRUM_WINDOW = 320
"""Samples at 16 kHz that a frame of the short spectrum sees: 20 ms."""

_SIZE = 512
_BANDS = 26
_LOWEST_HZ = 20.0
_HIGHEST_HZ = 8000.0
_FLOOR = 1e-9
_COMPRESSION = 0.33
_SCALE = 0.17
_ROLL_OFF_HZ = 4606.0
"""Where the weight falls off towards high frequencies; fitted to openSMILE's, whose term is of the
seventh order where Hermansky's is of the sixth."""


def short_spectrum(waveform: FloatArray) -> FloatArray:
    """Magnitudes of frames of 20 ms every 10 ms through a Hamming window.

    Args:
        waveform: (..., samples) at 16 kHz in [-1, 1].

    Returns:
        (..., frames, 257) float32 in bins of 31.25 Hz.
    """
    frames = split_frames(waveform, window=SPECTRUM_WINDOW)
    return magnitudes(frames, hamming(SPECTRUM_WINDOW), size=_SIZE)


def _mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1127 * np.log1p(frequency_hz / 700)


def _edges() -> npt.NDArray[np.float64]:
    low, high = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    return np.linspace(low, high, _BANDS + 2)


@lru_cache(maxsize=1)
def auditory_filters() -> FloatArray:
    """(257, 26) float32: triangles on HTK's mel scale from 20 Hz to 8 kHz, read-only.

    As in HTK, the first bin that counts is the second one above the lowest frequency.
    """
    edges = _edges()
    bins = _mel(np.arange(_SIZE // 2 + 1) * 16_000 / _SIZE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: FloatArray = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters[:2] = 0
    filters.flags.writeable = False
    return filters


def auditory_bands(spectrum: FloatArray) -> FloatArray:
    """Power in 26 mel bands.

    Args:
        spectrum: (..., frames, 257) of `short_spectrum`.

    Returns:
        (..., frames, 26) float32.
    """
    return np.asarray((spectrum * spectrum) @ auditory_filters(), np.float32)


@lru_cache(maxsize=1)
def _sensitivity() -> FloatArray:
    """(26,): the ear's weight of each band's power (Hermansky's equation 7)."""
    centres = 700 * np.expm1(_edges()[1:-1] / 1127)
    squared = (2 * np.pi * centres) ** 2
    weight = (squared + 56.8e6) * squared**2 / ((squared + 6.3e6) ** 2 * (squared + 0.38e9))
    weight /= 1 + (centres / _ROLL_OFF_HZ) ** 7
    return np.asarray(weight / _SCALE, np.float32)


def loudness(bands: FloatArray) -> FloatArray:
    """Loudness of each frame: the mean of the compressed auditory spectrum.

    Args:
        bands: (..., frames, 26) of `auditory_bands`.

    Returns:
        (..., frames) float32, without unit: about 0.001 in silence, 1 for speech near the
        microphone. Ten times the amplitude is 4.6 times as loud.
    """
    audible = np.maximum(bands, np.float32(_FLOOR)) * _sensitivity()
    return np.asarray((audible ** np.float32(_COMPRESSION)).mean(axis=-1), np.float32)


def root_mean_square(waveform: FloatArray, *, window: int, weights: FloatArray) -> FloatArray:
    """Root mean square of each weighted frame.

    Args:
        waveform: (..., samples) at 16 kHz in [-1, 1].
        window: samples that a frame sees.
        weights: (window,) what it is multiplied by.

    Returns:
        (..., frames) float32 in [0, 1].
    """
    frames = split_frames(waveform, window=window)
    power = np.einsum("...w,...w,w->...", frames, frames, weights * weights, optimize=False)
    result: FloatArray = np.sqrt(power / window).astype(np.float32)
    return result


def sound_level(waveform: FloatArray) -> FloatArray:
    """Equivalent sound level: the mean power of 20 ms frames in dB below full scale.

    Args:
        waveform: (..., samples) at 16 kHz in [-1, 1].

    Returns:
        (...) float64 in dB; -inf in digital silence, NaN of fewer than 320 samples.
    """
    frames = split_frames(waveform, window=SPECTRUM_WINDOW)
    if not frames.shape[-2]:
        return np.full(waveform.shape[:-1], np.nan)
    power = np.einsum("...fw,...fw->...", frames, frames, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power / (frames.shape[-1] * frames.shape[-2])))
