"""Kaldi's filter bank: the front end that speaker embedders were trained on.

Frames of 25 ms every 10 ms, each without its mean, pre-emphasised by 0.97, through Povey's window;
the power of a 512-point FFT in 80 triangular bands on HTK's mel scale from 20 Hz to 8 kHz; natural
logarithm. No dither, and no frame reaches beyond the samples ("snip edges").
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray

__all__ = ["FBANK_BANDS", "FBANK_HOP", "FBANK_WINDOW", "fbank"]

FBANK_WINDOW = 400
"""Samples at 16 kHz that one frame sees."""

FBANK_HOP = 160
"""Samples at 16 kHz from frame to frame."""

FBANK_BANDS = 80

_RATE = 16_000
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = np.float32(0.97)
_FLOOR = np.finfo(np.float32).eps
_BLOCK = 512
"""Frames transformed at a time: what fits the cache."""


def fbank(samples: FloatArray) -> FloatArray:
    """Log filter-bank energies of one channel.

    Args:
        samples: (samples,) float32 at 16 kHz, at full scale 1.

    Returns:
        (frames, 80) float32, where frames = 1 + (samples - 400) // 160, or 0 of fewer than 400
        samples. Frame *k* sees samples ``[160 k, 160 k + 400)``.

    >>> fbank(np.zeros(16000, np.float32)).shape
    (98, 80)
    """
    count = max(0, (len(samples) - FBANK_WINDOW) // FBANK_HOP + 1)
    result = np.empty((count, FBANK_BANDS), np.float32)
    if not count:
        return result
    step = samples.strides[0]
    every = np.lib.stride_tricks.as_strided(
        samples, (count, FBANK_WINDOW), (FBANK_HOP * step, step), writeable=False
    )
    for first in range(0, count, _BLOCK):
        result[first : first + _BLOCK] = _energies(every[first : first + _BLOCK])
    return result


def _energies(frames: FloatArray) -> FloatArray:
    centred = frames - frames.mean(axis=1, keepdims=True)
    emphasised = centred.copy()
    emphasised[:, 1:] -= _PREEMPHASIS * centred[:, :-1]
    emphasised[:, 0] -= _PREEMPHASIS * centred[:, 0]
    spectrum = scipy.fft.rfft(emphasised * _povey(), _FFT, axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    bands = power[:, : _FFT // 2] @ _filters()
    result: FloatArray = np.log(np.maximum(bands, _FLOOR))
    return result


@lru_cache(maxsize=1)
def _povey() -> FloatArray:
    """Hann to the power of 0.85: like Hamming, but it goes down to 0."""
    phase = 2 * np.pi * np.arange(FBANK_WINDOW) / (FBANK_WINDOW - 1)
    return ((0.5 - 0.5 * np.cos(phase)) ** 0.85).astype(np.float32)


def _mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1127 * np.log1p(frequency_hz / 700)


@lru_cache(maxsize=1)
def _filters() -> FloatArray:
    """(256, 80) float32: triangles between neighbours that are equally far apart in mel."""
    low, high = _mel(np.array([_LOWEST_HZ, _RATE / 2]))
    edges = np.linspace(low, high, FBANK_BANDS + 2)
    bins = _mel(np.arange(_FFT // 2) * _RATE / _FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    result: FloatArray = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    result.flags.writeable = False
    return result
