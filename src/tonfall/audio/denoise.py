"""Noise reduction: a spectral gate that follows the noise and turns down what is no more than that.

Frames of 32 ms, half overlapping. The noise of each band is the lowest its smoothed power was over
the last 1.5 s (minimum statistics: Martin 2001); the gain is Wiener's, from a signal-to-noise ratio
that leans on the frame before (decision-directed: Ephraim and Malah 1984), which leaves no musical
tones. Above a ratio of 15 dB nothing is touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.audio.limits import check_channels, check_sampling_rate
from tonfall.errors import AudioError

__all__ = ["BELOW_DB", "Denoiser", "denoise", "denoised"]

BELOW_DB = 15.0
"""Ratio of speech to noise in dB from which on nothing is done."""

_RAMP_DB = 5.0
"""dB below it over which the gate comes in."""

_WINDOW_MS = 32
_SMOOTHING = np.float32(0.85)
_SECTIONS, _FRAMES_PER_SECTION = 8, 12
"""The lowest power is looked for in 8 sections of 12 frames: 1.5 s."""

_BIAS = np.float32(1.5)
"""By which the lowest of smoothed powers lies under their mean (measured on white noise)."""

_LEANING = np.float32(0.98)
_LOWEST_GAIN = np.float32(10 ** (-15 / 20))
_TINY = np.float32(1e-12)
_SPEECH_FALL = np.float32(0.99)
"""A frame's fall of the level that counts as that of speech: half in 1.1 s."""

Spectrum = npt.NDArray[np.complex64]


class Denoiser:
    """Turns noise down in a stream, each channel by itself.

    Args:
        sampling_rate: Hz, 4,000 to 384,000.
        channels: of every chunk.
        below_db: ratio of speech to noise from which on nothing is done.

    However the input is cut, the output is the same to the bit and as long as the input. What is
    given out stays 16 to 32 ms behind what was pushed. The first 1.5 s, from which the noise is
    learnt, are passed on as they are.

    Raises:
        AudioError: a rate or number of channels that cannot be used.

    >>> denoiser = Denoiser(sampling_rate=16000, channels=1)
    >>> denoiser.push(np.zeros((1, 1024), np.float32)).shape
    (1, 768)
    >>> denoiser.close().shape
    (1, 256)
    """

    def __init__(self, *, sampling_rate: int, channels: int, below_db: float = BELOW_DB) -> None:
        check_sampling_rate(sampling_rate)
        check_channels(channels)
        self.channels = channels
        self._hop = max(1, sampling_rate * _WINDOW_MS // 2000)
        window = 2 * self._hop
        # The square root of a periodic Hann window: two halves of its square add up to 1.
        self._shape = np.sin(np.pi * (np.arange(window) + 0.5) / window).astype(np.float32)
        self._gate = _Gate(channels, self._hop + 1, below_db=below_db)
        # A hop of silence before the start, so that its samples too lie under two frames.
        self._waiting: FloatArray = np.zeros((channels, self._hop), np.float32)
        self._tail: FloatArray = np.zeros((channels, self._hop), np.float32)
        self._taken = self._given = 0
        self._first = True

    def push(self, samples: FloatArray) -> FloatArray:
        """Take (channels, n) float32 samples; return the (channels, m) now ready.

        Raises:
            AudioError: another number of channels, or another rank.
        """
        if samples.ndim != 2 or len(samples) != self.channels:
            raise AudioError(
                f"Noise reduction: an array of shape {samples.shape} came, but ({self.channels}, "
                "samples) is expected; pass as many channels as were announced."
            )
        self._taken += samples.shape[1]
        ready = self._frames(samples)
        self._given += ready.shape[1]
        return ready

    def close(self) -> FloatArray:
        """Return the rest; the denoiser is then used up."""
        missing = self._taken - self._given
        rest = self._frames(np.zeros((self.channels, missing + 2 * self._hop), np.float32))
        return rest[:, :missing]

    def _frames(self, samples: FloatArray) -> FloatArray:
        waiting = np.concatenate([self._waiting, samples], axis=1)
        count = max(0, waiting.shape[1] // self._hop - 1)
        parts = [self._frame(waiting[:, k * self._hop : (k + 2) * self._hop]) for k in range(count)]
        self._waiting = waiting[:, count * self._hop :].copy()
        if parts and self._first:
            # What lies before the start is nobody's.
            self._first, parts = False, parts[1:]
        return np.concatenate([self._tail[:, :0], *parts], axis=1)

    def _frame(self, samples: FloatArray) -> FloatArray:
        """One frame through the gate; the hop that is complete with it."""
        spectrum = scipy.fft.rfft(samples * self._shape, axis=-1)
        cleaned = scipy.fft.irfft(self._gate.apply(spectrum), samples.shape[1], axis=-1)
        cleaned = (cleaned * self._shape).astype(np.float32)
        ready: FloatArray = self._tail + cleaned[:, : self._hop]
        self._tail = cleaned[:, self._hop :]
        return ready


class _Gate:
    """The gains of one frame after the other."""

    def __init__(self, channels: int, bins: int, *, below_db: float) -> None:
        self._below_db = below_db
        self._smoothed: FloatArray | None = None
        self._current: FloatArray = np.full((channels, bins), np.inf, np.float32)
        self._sections: deque[FloatArray] = deque(maxlen=_SECTIONS)
        self._in_section = 0
        self._before: FloatArray = np.zeros((channels, bins), np.float32)
        self._speech: FloatArray = np.zeros(channels, np.float32)

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """(channels, bins), with what is noise turned down."""
        power = spectrum.real**2 + spectrum.imag**2
        noise = self._follow(power)
        self._speech = np.maximum(power.sum(axis=1), _SPEECH_FALL * self._speech)
        if noise is None:
            return spectrum
        after = power / noise
        prior = _LEANING * self._before + (1 - _LEANING) * np.maximum(after - 1, 0)
        wiener = np.maximum(prior / (1 + prior), _LOWEST_GAIN)
        self._before = wiener**2 * after
        share = self._share(noise)[:, None]
        cleaned: Spectrum = spectrum * (1 - share * (1 - wiener))
        return cleaned

    def _follow(self, power: FloatArray) -> FloatArray | None:
        """The noise of each band; None until enough was heard."""
        if self._smoothed is None:
            self._smoothed = power
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * power
        self._current = np.minimum(self._current, self._smoothed)
        self._in_section += 1
        if self._in_section == _FRAMES_PER_SECTION:
            self._sections.append(self._current)
            self._current = np.full_like(self._current, np.inf)
            self._in_section = 0
        if len(self._sections) < _SECTIONS:
            return None
        lowest = np.minimum(np.minimum.reduce(list(self._sections)), self._current)
        return np.maximum(_BIAS * lowest, _TINY)

    def _share(self, noise: FloatArray) -> FloatArray:
        """(channels,) in [0, 1]: how much of the gate is wanted at this ratio."""
        ratio = np.maximum(self._speech / noise.sum(axis=1) - 1, np.float32(1e-3))
        wanted = (self._below_db - 10 * np.log10(ratio)) / _RAMP_DB
        clipped: FloatArray = np.clip(wanted, 0, 1).astype(np.float32)
        return clipped


def denoised(
    blocks: Iterable[FloatArray], *, sampling_rate: int, channels: int
) -> Iterator[FloatArray]:
    """Blocks of a recording with noise turned down, in [-1, 1].

    Args:
        blocks: (channels, samples) float32, from front to back.
        sampling_rate: Hz.
        channels: of every block.
    """
    denoiser = Denoiser(sampling_rate=sampling_rate, channels=channels)
    for block in blocks:
        yield denoiser.push(block).clip(-1, 1)
    yield denoiser.close().clip(-1, 1)


def denoise(waveform: FloatArray, *, sampling_rate: int, below_db: float = BELOW_DB) -> FloatArray:
    """Turn noise down in a whole waveform; equal to the stream to the bit.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: Hz, 4,000 to 384,000.
        below_db: ratio of speech to noise from which on nothing is done.

    Returns:
        (channels, samples) float32.

    >>> denoise(np.zeros((1, 800), np.float32), sampling_rate=8000).shape
    (1, 800)
    """
    denoiser = Denoiser(sampling_rate=sampling_rate, channels=waveform.shape[0], below_db=below_db)
    first = denoiser.push(waveform)
    return np.concatenate([first, denoiser.close()], axis=1)
