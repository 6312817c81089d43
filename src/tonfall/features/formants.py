"""Resonances of the vocal tract by linear prediction.

`formants` follows Praat: Burg's method on 11 kHz, so up to five resonances below 5.5 kHz.
`egemaps_formants` follows openSMILE, which differs from the textbook in three ways that decide its
numbers: of each frame of 20 ms it hears the first 14 ms and nothing above 3.4 kHz, and it solves
the predictor's polynomial with the sign of the coefficients turned. Its formants are therefore
lower and wider than those of Praat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.features.framing import (
    RATE,
    STEP,
    at_16_khz,
    hamming,
    split_frames,
)

__all__ = ["Formants", "burg", "egemaps_formants", "formants", "levinson", "resonances"]

_FORMANT_RATE = 11_000
_LOWEST_HZ = 50.0
_ORDER = 10
_PREEMPHASIS_HZ = 50.0
_WINDOW = 550
"""Samples at 11 kHz: 50 ms, of which a Gaussian window weighs 25."""
_COUNT = 5

_EGEMAPS_ORDER = 11
_EGEMAPS_WINDOW = 320
_EGEMAPS_HEARD = 220
_EGEMAPS_HIGHEST_HZ = 5450.0
_TRANSFORM = 512
_MARGIN = (_TRANSFORM - _EGEMAPS_WINDOW) // 2


@dataclass(frozen=True, slots=True)
class Formants:
    """Resonances of each frame, lowest first.

    Attributes:
        times: (frames,) centres of the frames in seconds.
        frequency: (channels, frames, 5) float64 in Hz; NaN where there are fewer.
        bandwidth: (channels, frames, 5) float64 in Hz, at -3 dB.
    """

    times: npt.NDArray[np.float64]
    frequency: npt.NDArray[np.float64]
    bandwidth: npt.NDArray[np.float64]


def formants(waveform: FloatArray, sampling_rate: int) -> Formants:
    """Formants by Burg's method, as Praat finds them for a ceiling of 5.5 kHz.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        A frame of 50 ms every 10 ms. Where there is no voice, resonances are of the noise.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    from scipy.signal import resample_poly  # takes longer to import than all of this package

    waveform = at_16_khz(waveform, sampling_rate)
    slower = resample_poly(waveform.astype(np.float64), 11, 16, axis=-1)
    memory = np.exp(-2 * np.pi * _PREEMPHASIS_HZ / _FORMANT_RATE)
    slower[..., 1:] -= memory * slower[..., :-1]
    frames = split_frames(slower, window=_WINDOW, hop=STEP * 11 // 16)
    found = [resonances(burg(channel * _praat_window(), _ORDER)) for channel in frames]
    times = (np.arange(frames.shape[-2]) * (STEP * 11 // 16) + _WINDOW / 2) / _FORMANT_RATE
    return Formants(times, np.stack([f for f, _ in found]), np.stack([b for _, b in found]))


@lru_cache(maxsize=1)
def _praat_window() -> npt.NDArray[np.float64]:
    """A Gaussian that falls to 0 at both ends."""
    phase = (np.arange(1, _WINDOW + 1) - (_WINDOW + 1) / 2) / (_WINDOW + 1)
    edge = np.exp(-12)
    return np.asarray((np.exp(-48 * phase**2) - edge) / (1 - edge))


def burg(frames: npt.NDArray[np.float64], order: int) -> npt.NDArray[np.float64]:
    """Predictor coefficients by Burg's method.

    Args:
        frames: (frames, window).
        order: number of coefficients.

    Returns:
        (frames, order) float64, such that ``x[n]`` is about the sum of ``a[k] x[n - 1 - k]``.
    """
    forward, backward = frames[:, 1:].copy(), frames[:, :-1].copy()
    result = np.zeros((len(frames), 0))
    for _ in range(order):
        power = (forward**2).sum(1) + (backward**2).sum(1)
        reflection = 2 * (forward * backward).sum(1) / np.maximum(power, 1e-300)
        result = np.concatenate(
            [result - reflection[:, None] * result[:, ::-1], reflection[:, None]], axis=1
        )
        ahead = forward - reflection[:, None] * backward
        behind = backward - reflection[:, None] * forward
        forward, backward = ahead[:, 1:], behind[:, :-1]
    return result


def levinson(correlation: npt.NDArray[np.float64], order: int) -> npt.NDArray[np.float64]:
    """Predictor coefficients from autocorrelation.

    Args:
        correlation: (frames, order + 1 or more), lag 0 first.
        order: number of coefficients.

    Returns:
        (frames, order) float64, as of `burg`; 0 of silence.
    """
    result = np.zeros((len(correlation), order))
    error = np.maximum(correlation[:, 0], 1e-300)
    for step in range(order):
        known = result[:, :step]
        ahead = correlation[:, step + 1] - (known * correlation[:, step:0:-1]).sum(1)
        reflection = np.clip(ahead / error, -1, 1)
        result[:, :step] = known - reflection[:, None] * known[:, ::-1]
        result[:, step] = reflection
        error = np.maximum(error * (1 - reflection**2), 1e-300)
    return result


def resonances(
    predictor: npt.NDArray[np.float64], *, highest_hz: float = _FORMANT_RATE / 2 - _LOWEST_HZ
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The poles of a predictor, as frequencies and bandwidths.

    Args:
        predictor: (frames, order) coefficients for 11 kHz.
        highest_hz: poles above it, or below 50 Hz, are no formants.

    Returns:
        Both (frames, 5) float64 in Hz, lowest first; NaN where there are fewer.
    """
    poles = np.linalg.eigvals(_companions(predictor))
    frequency = np.angle(poles) * _FORMANT_RATE / (2 * np.pi)
    valid = (frequency > _LOWEST_HZ) & (frequency < highest_hz)
    frequency = np.where(valid, frequency, np.inf)
    order = np.argsort(frequency, axis=1)[:, :_COUNT]
    frequency = np.take_along_axis(frequency, order, 1)
    radius = np.maximum(np.abs(np.take_along_axis(poles, order, 1)), 1e-12)
    missing = np.isinf(frequency)
    bandwidth = np.where(missing, np.nan, -np.log(radius) * _FORMANT_RATE / np.pi)
    return np.where(missing, np.nan, frequency), bandwidth


def _companions(predictor: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    count, order = predictor.shape
    matrices = np.zeros((count, order, order))
    matrices[:, 0] = predictor
    matrices[:, np.arange(1, order), np.arange(order - 1)] = 1
    return matrices


def egemaps_formants(
    frames: FloatArray,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Formants as openSMILE's eGeMAPS has them.

    Args:
        frames: (frames, 320) samples at 16 kHz.

    Returns:
        Frequencies and bandwidths, both (frames, 5) float64 in Hz, lowest first; NaN where there
        are fewer.
    """
    heard = (frames @ _egemaps_resampling()).astype(np.float64)
    power = np.abs(scipy.fft.rfft(heard, 2 * _EGEMAPS_HEARD)) ** 2
    correlation = scipy.fft.irfft(power)[:, : _EGEMAPS_ORDER + 1]
    predictor = levinson(correlation, _EGEMAPS_ORDER)
    return resonances(-predictor, highest_hz=_EGEMAPS_HIGHEST_HZ)


@lru_cache(maxsize=1)
def _egemaps_resampling() -> FloatArray:
    """(320, 220): Hamming window, and resampling to 11 kHz in the frequency domain.

    The frame lies in the middle of the transform, of which the first 220 samples at 11 kHz are
    taken, and 110 bins are read rather than the 176 below 5.5 kHz.
    """
    weighted = np.pad(np.diag(hamming(_EGEMAPS_WINDOW)), ((0, 0), (_MARGIN, _MARGIN)))
    bins = np.fft.rfft(weighted, axis=1)[:, : _EGEMAPS_HEARD // 2]
    times = np.arange(_EGEMAPS_HEARD) * RATE / _FORMANT_RATE
    waves = np.exp(2j * np.pi * np.outer(np.arange(_EGEMAPS_HEARD // 2), times) / _TRANSFORM)
    return np.asarray((2 * bins @ waves).real / _TRANSFORM, np.float32)
