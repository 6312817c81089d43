"""How a voice sounds: jitter, shimmer, harmonics against noise, prominence of the cepstral peak.

Each is NaN where there is no voice. Frames are those of `tonfall.features.pitch`: 60 ms every
10 ms, with longer windows about the same centres where a definition needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP, at_16_khz, split_frames
from tonfall.features.perturbation import period_pairs
from tonfall.features.pitch import LONG_WINDOW, pitch

__all__ = ["VoiceContour", "cpp", "hnr", "jitter", "shimmer"]

_WINDOW = LONG_WINDOW
"""Samples: 60 ms, four and a half periods of 75 Hz, as in Praat."""
_SIZE = 4096
_FINER = 4
"""Points of the correlation from sample to sample."""
_RANGE = 0.05
"""Of the period: how far from it the correlation may peak."""
_BLOCK = 256
_LONGER, _LOUDER = 1.3, 1.6

_CEPSTRUM = 1024
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 330.0
_SHORTEST_S = 0.001

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VoiceContour:
    """A descriptor over time.

    Attributes:
        times: (frames,) centres of the frames in seconds.
        values: (channels, frames) float64; NaN where it is undefined.
    """

    times: _Array
    values: _Array


def jitter(waveform: FloatArray, sampling_rate: int) -> VoiceContour:
    """How much successive periods differ in length, as a share of their mean ("local" in Praat).

    Periods are matched by the correlation of the waveform; two that differ by more than 1.3 are
    none of the same voice.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        A share, 0.01 being 1 %, over the few periods of each 10 ms; the mean over frames is a
        voice's. Above 0.02 it is a rough voice, or one whose pitch moves.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    return _perturbation(waveform, sampling_rate, 0)


def shimmer(waveform: FloatArray, sampling_rate: int) -> VoiceContour:
    """How much successive periods differ in peak-to-peak amplitude, as a share of their mean.

    Two whose amplitudes differ by more than 1.6 are not compared, as in Praat.

    Args:
        waveform: as for `jitter`.
        sampling_rate: 16000.

    Returns:
        A share, as for `jitter`.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    return _perturbation(waveform, sampling_rate, 1)


def _perturbation(waveform: FloatArray, sampling_rate: int, which: int) -> VoiceContour:
    waveform = at_16_khz(waveform, sampling_rate)
    contour = pitch(waveform, RATE)
    frequency = np.nan_to_num(contour.frequency)
    values = [_shares(*pair)[:, which] for pair in zip(waveform, frequency, strict=True)]
    return VoiceContour(contour.times, np.stack(values))


def _shares(samples: FloatArray, frequency: _Array) -> _Array:
    """(frames, 2): jitter and shimmer of the periods about the middle of each frame."""
    result = np.full((len(frequency), 2), np.nan)
    before: list[float] = []
    for each in period_pairs(samples, frequency, offset=(LONG_WINDOW - 2 * STEP) // 2):
        lengths = [pair.length for pair in each.pairs]
        before = [] if each.begins else before
        result[each.frame, 0] = _share([*pairwise(before + lengths)], _LONGER)
        result[each.frame, 1] = _share([(p.first, p.second) for p in each.pairs], _LOUDER)
        before = lengths[-1:] or before
    return result


def _share(pairs: list[tuple[float, float]], most: float) -> float:
    """Mean difference over mean of the pairs that differ by no more than a factor."""
    near = [pair for pair in pairs if max(pair) <= most * min(pair)]
    total = sum(map(sum, near))
    return 2 * sum(abs(a - b) for a, b in near) / total if total > 0 else float("nan")


def hnr(waveform: FloatArray, sampling_rate: int) -> VoiceContour:
    """Harmonics-to-noise ratio, corrected for the window.

    Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
    ratio of a sampled sound", Proc. Inst. Phonetic Sciences 17 (1993): the peak of the
    autocorrelation near the period, divided by that of the window, is the share of the power that
    repeats.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        In dB, over windows of 60 ms; 20 and more is a clear voice.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    waveform = at_16_khz(waveform, sampling_rate)
    contour = pitch(waveform, RATE)
    values = np.full(contour.frequency.shape, np.nan)
    for channel, samples in enumerate(waveform):
        voiced = np.flatnonzero(np.isfinite(contour.frequency[channel]))
        frames = _centred(samples, _WINDOW)
        for first in range(0, len(voiced), _BLOCK):
            some = voiced[first : first + _BLOCK]
            values[channel, some] = _harmonicity(frames[some], contour.frequency[channel, some])
    return VoiceContour(contour.times, values)


def _centred(samples: FloatArray, window: int) -> FloatArray:
    """Frames of a window about the centres of the frames of pitch, as a view; zeros outside."""
    margin = (window - LONG_WINDOW) // 2
    return split_frames(np.pad(samples, (margin, margin)), window=window)


def _harmonicity(frames: FloatArray, frequency: _Array) -> _Array:
    weights = np.hanning(_WINDOW + 2)[1:-1]
    level = frames - frames.mean(axis=1, keepdims=True)
    own, window = (_correlation(each * weights) for each in (level, np.ones((1, _WINDOW))))
    share = own / np.maximum(own[:, :1], 1e-30) / (window / window[:, :1])
    period = RATE * _FINER / frequency
    reach = int(np.ceil(period.max() * _RANGE)) if len(period) else 0
    steps = np.arange(-reach, reach + 1)
    lags = np.rint(period).astype(np.intp)[:, None] + steps
    near = np.abs(steps) <= period[:, None] * _RANGE
    lags = np.clip(lags, 1, share.shape[1] - 1)
    peak = np.where(near, np.take_along_axis(share, lags, 1), -1).max(axis=1)
    peak = np.clip(peak, 1e-6, 1 - 1e-6)
    return np.asarray(10 * np.log10(peak / (1 - peak)))


def _correlation(frames: _Array) -> _Array:
    """(frames, lags): autocorrelation at `_FINER` points a sample, up to half of a window."""
    power = np.abs(scipy.fft.rfft(frames, _SIZE)) ** 2
    return np.asarray(scipy.fft.irfft(power, _SIZE * _FINER)[:, : _WINDOW // 2 * _FINER])


def cpp(waveform: FloatArray, sampling_rate: int, *, smoothing: int = 1) -> VoiceContour:
    """Prominence of the cepstral peak: how far it stands above a line through the cepstrum.

    Hillenbrand, Cleveland & Erickson, "Acoustic correlates of breathy vocal quality", J. Speech
    Hear. Res. 37 (1994); smoothed as in Hillenbrand & Houde, J. Speech Hear. Res. 39 (1996).

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.
        smoothing: frames, and points of the cepstrum, whose mean is taken first; 1 for none.

    Returns:
        In dB, over windows of 64 ms; a peak is looked for from 60 to 330 Hz. A breathy voice has
        less. NaN where there is no voice.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    waveform = at_16_khz(waveform, sampling_rate)
    contour = pitch(waveform, RATE)
    values = [_prominence(_cepstra(samples, smoothing)) for samples in waveform]
    voiced = np.isfinite(contour.frequency)
    return VoiceContour(contour.times, np.where(voiced, np.stack(values), np.nan))


def _cepstra(samples: FloatArray, smoothing: int) -> _Array:
    """(frames, 512) in dB, smoothed over time and then over the cepstrum."""
    frames = _centred(samples, _CEPSTRUM)
    power = np.zeros((len(frames), _CEPSTRUM // 2))
    for first in range(0, len(frames), _BLOCK):
        spectrum = np.abs(scipy.fft.rfft(frames[first : first + _BLOCK] * np.hanning(_CEPSTRUM)))
        decibels = 20 * np.log10(np.maximum(spectrum, 1e-10))
        cepstrum = np.abs(scipy.fft.irfft(decibels))[:, : _CEPSTRUM // 2]
        power[first : first + _BLOCK] = cepstrum**2
    if smoothing > 1 and len(power):
        from scipy.ndimage import uniform_filter  # takes longer to import than this package

        power = np.asarray(uniform_filter(power, smoothing, mode="nearest"))
    return 10 * np.log10(np.maximum(power, 1e-20))


def _prominence(cepstra: _Array) -> _Array:
    """Of the highest peak of each frame above the line of least squares."""
    quefrency = np.arange(cepstra.shape[1]) / RATE
    counts = quefrency >= _SHORTEST_S
    place = quefrency[counts] - quefrency[counts].mean()
    slope = cepstra[:, counts] @ place / (place @ place)
    first, last = int(RATE / _HIGHEST_HZ), int(np.ceil(RATE / _LOWEST_HZ))
    peak = first + cepstra[:, first : last + 1].argmax(axis=1)
    line = cepstra[:, counts].mean(axis=1)
    line = line + slope * (quefrency[peak] - quefrency[counts].mean())
    return np.asarray(cepstra[np.arange(len(peak)), peak] - line)
