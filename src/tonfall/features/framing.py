"""Cutting a waveform into frames, and the spectrum of each.

Every descriptor of this package counts frames alike: frame *k* sees the samples
``[hop * k, hop * k + window)``, and no frame reaches beyond the samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.audio import MAX_CHANNELS, as_waveform
from tonfall.errors import AudioError

__all__ = [
    "RATE",
    "STEP",
    "as_heard",
    "at_16_khz",
    "frame_times",
    "gauss",
    "hamming",
    "magnitudes",
    "split_frames",
]

RATE = 16_000
"""Hz: what the descriptors hear."""

STEP = 160
"""Samples from frame to frame: 10 ms."""

_Float = TypeVar("_Float", np.float32, np.float64)

_BLOCK = 512
"""Frames transformed at a time: what fits the cache."""


def at_16_khz(waveform: npt.ArrayLike, sampling_rate: int) -> FloatArray:
    """As `as_heard`, of samples at 16 kHz, for which every constant here is.

    Raises:
        AudioError: another sampling rate, or no samples as expected.
    """
    if sampling_rate != RATE:
        raise AudioError(
            f"The sampling rate is {sampling_rate} Hz, but acoustic features are defined at "
            f"{RATE} Hz. Resample first: tonfall.audio.resample(waveform, source_rate=...)."
        )
    return as_heard(waveform, sampling_rate)


def as_heard(waveform: npt.ArrayLike, sampling_rate: int) -> FloatArray:
    """The samples as every descriptor takes them.

    Args:
        waveform: (channels, samples), or (samples,) of one channel: float in [-1, 1], beyond which
            they are clipped, or integers at full scale. There may be none.
        sampling_rate: in Hz.

    Returns:
        (channels, samples) float32.

    Raises:
        AudioError: NaN or infinity, floats that are meant as integers, or another rank or type.

    >>> as_heard(np.array([0, 16384], np.int16), 16000)
    array([[0. , 0.5]], dtype=float32)
    """
    array = np.atleast_1d(np.asarray(waveform))
    if array.ndim <= 2 and not array.size:
        return np.zeros(np.atleast_2d(array).shape, np.float32)
    if array.ndim != 2 or min(array.shape) <= MAX_CHANNELS:
        return as_waveform(array, sampling_rate)
    parts = [array[first : first + MAX_CHANNELS] for first in range(0, len(array), MAX_CHANNELS)]
    return np.concatenate([as_waveform(part, sampling_rate) for part in parts])


def split_frames(
    waveform: npt.NDArray[_Float], *, window: int, hop: int = STEP
) -> npt.NDArray[_Float]:
    """Overlapping frames, as a view.

    Args:
        waveform: (..., samples).
        window: samples that a frame sees.
        hop: samples from the start of a frame to that of the next.

    Returns:
        (..., frames, window), read-only, where frames = 1 + (samples - window) // hop, or 0 of
        fewer samples than ``window``.

    >>> split_frames(np.arange(6.0), window=4, hop=2)
    array([[0., 1., 2., 3.],
           [2., 3., 4., 5.]])
    """
    if waveform.shape[-1] < window:
        return np.zeros((*waveform.shape[:-1], 0, window), waveform.dtype)
    views = np.lib.stride_tricks.sliding_window_view(waveform, window, axis=-1)
    return views[..., ::hop, :]


def frame_times(count: int, *, window: int, hop: int = STEP) -> npt.NDArray[np.float64]:
    """The centres of ``count`` frames at 16 kHz, in seconds.

    >>> frame_times(2, window=320)
    array([0.01, 0.02])
    """
    return (np.arange(count) * hop + window / 2) / RATE


@lru_cache(maxsize=4)
def hamming(window: int) -> FloatArray:
    """A symmetric Hamming window of ``window`` samples, read-only float32."""
    return _frozen(np.hamming(window))


@lru_cache(maxsize=4)
def gauss(window: int, width: float = 0.4) -> FloatArray:
    """A Gaussian whose standard deviation is ``width`` halves of the window, read-only float32."""
    middle = (window - 1) / 2
    return _frozen(np.exp(-0.5 * ((np.arange(window) - middle) / (width * middle)) ** 2))


def _frozen(window: npt.NDArray[np.float64]) -> FloatArray:
    result: FloatArray = window.astype(np.float32)
    result.flags.writeable = False
    return result


def magnitudes(frames: FloatArray, weights: FloatArray, *, size: int) -> FloatArray:
    """Magnitude spectra.

    Args:
        frames: (..., frames, window).
        weights: (window,) what each frame is multiplied by.
        size: points of the transform; frames are padded with zeros to it.

    Returns:
        (..., frames, size // 2 + 1) float32.
    """
    result = np.empty((*frames.shape[:-1], size // 2 + 1), np.float32)
    for first in range(0, frames.shape[-2], _BLOCK):
        part = frames[..., first : first + _BLOCK, :] * weights
        np.abs(scipy.fft.rfft(part, size), out=result[..., first : first + _BLOCK, :])
    return result
