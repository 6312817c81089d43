"""Log-mel frames: the one front end that every network of Tonfall shares.

The convention is that of Whisper's encoder, so that its first blocks can take the
same frames: periodic Hann window of 400 samples (25 ms), hop of 160 (10 ms), power
spectrum, 80 Slaney bands, floor 1e-10, log10. Frame *k* is centred on sample
``160 * k`` and so needs 200 samples after it. The start of a stream is padded by
reflection, and so is its end when it is closed.

What follows (clamping, scaling, normalisation) belongs to the model bundle.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError

__all__ = [
    "BANDS",
    "HOP",
    "SAMPLING_RATE",
    "WINDOW",
    "LogMelStream",
    "log_mel",
    "mel_filters",
]

SAMPLING_RATE = 16_000
WINDOW = 400
HOP = 160
BANDS = 80
FLOOR = 1e-10
_HALF = WINDOW // 2
_BLOCK = 512
"""Frames transformed at a time: what fits the cache, which is twice as fast as all at once."""


def _slaney_mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above."""
    step = np.log(6.4) / 27
    above = 15 + np.log(np.maximum(frequency_hz, 1000) / 1000) / step
    return np.where(frequency_hz < 1000, frequency_hz * 3 / 200, above)


def _slaney_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The inverse of :func:`_slaney_mel`."""
    step = np.log(6.4) / 27
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15)))


@lru_cache(maxsize=1)
def mel_filters() -> FloatArray:
    """The 80 triangular Slaney bands between 0 and 8 kHz, of equal area.

    Returns:
        (bins, bands) float32, here (201, 80), read-only.
    """
    edges = _slaney_hz(np.linspace(0, float(_slaney_mel(np.array(SAMPLING_RATE / 2))), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLING_RATE)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))
    result: FloatArray = filters.astype(np.float32)
    result.flags.writeable = False
    return result


@lru_cache(maxsize=1)
def _hann() -> FloatArray:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return window.astype(np.float32)


def _frames_of(padded: FloatArray, count: int) -> FloatArray:
    """Log-mel of ``count`` frames, the first of which begins at ``padded[:, 0]``."""
    channels = padded.shape[0]
    result = np.empty((channels, count, BANDS), np.float32)
    strides = (padded.strides[0], HOP * padded.strides[1], padded.strides[1])
    every = np.lib.stride_tricks.as_strided(padded, (channels, count, WINDOW), strides)
    for first in range(0, count, _BLOCK):
        block = every[:, first : first + _BLOCK] * _hann()
        spectrum = scipy.fft.rfft(block, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        mel = power @ mel_filters()
        np.log10(np.maximum(mel, FLOOR, out=mel), out=result[:, first : first + _BLOCK])
    return result


def log_mel(waveform: FloatArray) -> FloatArray:
    """Log-mel frames of a whole waveform.

    Args:
        waveform: (channels, samples) float32 at 16 kHz.

    Returns:
        (channels, frames, 80) float32, log10 of power, where frames = samples // 160.
        Frame *k* is centred on sample 160 *k*; both ends are padded by reflection.

    Raises:
        AudioError: fewer than 201 samples, which reflection needs.

    >>> log_mel(np.zeros((1, 16000), np.float32)).shape
    (1, 100, 80)
    """
    stream = LogMelStream(channels=waveform.shape[0])
    return np.concatenate([stream.push(waveform), stream.close()], axis=1)


class LogMelStream:
    """The same frames as :func:`log_mel`, however the samples are cut.

    Args:
        channels: number of channels of every chunk.

    A frame is given out once the 200 samples after its centre are in.

    >>> stream = LogMelStream(channels=1)
    >>> stream.push(np.zeros((1, 300), np.float32)).shape
    (1, 1, 80)
    """

    def __init__(self, *, channels: int) -> None:
        self._channels = channels
        self._waiting: FloatArray = np.zeros((channels, 0), np.float32)
        self._samples = 0
        self._frames = 0

    def push(self, samples: FloatArray) -> FloatArray:
        """Take (channels, n) samples; return the (channels, frames, 80) now complete."""
        self._samples += samples.shape[1]
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        if self._frames == 0 and self._samples > _HALF and not self._started():
            reflected = self._waiting[:, _HALF:0:-1]
            self._waiting = np.concatenate([reflected, self._waiting], axis=1)
        return self._take() if self._started() else self._none()

    def close(self) -> FloatArray:
        """Pad the end by reflection; return the last frames.

        Raises:
            AudioError: the whole stream had fewer than 201 samples.
        """
        if not self._started():
            raise AudioError(
                f"The audio has {self._samples} samples at 16 kHz, but log-mel frames need at "
                f"least {_HALF + 1} (13 ms). Leave out clips that short."
            )
        reflected = self._waiting[:, -2 : -_HALF - 2 : -1]
        self._waiting = np.concatenate([self._waiting, reflected], axis=1)
        return self._take(at_most=self._samples // HOP - self._frames)

    def _started(self) -> bool:
        return bool(self._frames * HOP + self._waiting.shape[1] == self._samples + _HALF)

    def _none(self) -> FloatArray:
        return np.zeros((self._channels, 0, BANDS), np.float32)

    def _take(self, at_most: int | None = None) -> FloatArray:
        count = max(0, (self._waiting.shape[1] - WINDOW) // HOP + 1)
        count = count if at_most is None else min(count, at_most)
        if count <= 0:
            return self._none()
        frames = _frames_of(self._waiting, count)
        self._waiting = self._waiting[:, count * HOP :].copy()
        self._frames += count
        return frames
