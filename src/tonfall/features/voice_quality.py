"""How a voice sounds: jitter, shimmer, harmonics against noise, prominence of the cepstral peak.

Each is NaN where there is no voice. Frames are those of `tonfall.features.pitch`: 60 ms every
10 ms, with longer windows about the same centres where a definition needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP, at_16_khz, split_frames
from tonfall.features.pitch import LONG_WINDOW, pitch
from tonfall.features.pitch_marks import Marks, pitch_marks

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
_NEAR = 15 * RATE // 1000
"""Samples from the middle of a frame within which periods count to it."""

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
        overall: (channels,) float64, of the whole recording: of jitter and shimmer the mean
            difference over the mean of all periods, as Praat takes them, in which loud and long
            stretches weigh more; otherwise the mean over frames. NaN where none is defined.
    """

    times: _Array
    values: _Array
    overall: _Array


def jitter(waveform: FloatArray, sampling_rate: int) -> VoiceContour:
    """How much successive periods differ in length, as a share of their mean ("local" in Praat).

    Periods are those between `tonfall.features.pitch_marks`; two of which one is more than 1.3
    times as long as the other are none of the same voice and not compared.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        A share, 0.01 being 1 %, over the periods within 15 ms of each frame's middle, and over all
        of them. Above 0.02 it is a rough voice, or one whose pitch moves.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    return _perturbation(waveform, sampling_rate, _lengths)


def shimmer(waveform: FloatArray, sampling_rate: int) -> VoiceContour:
    """How much successive periods differ in amplitude, as a share of their mean ("local" in Praat).

    The amplitude of a period is the root mean square about its mark, under a Hann window that is a
    fifth of the period wide to either side. Two of which one is more than 1.6 times the other are
    not compared.

    Args:
        waveform: as for `jitter`.
        sampling_rate: 16000.

    Returns:
        A share, as for `jitter`.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    return _perturbation(waveform, sampling_rate, _levels)


def _perturbation(
    waveform: FloatArray, sampling_rate: int, pairs: Callable[[Marks], _Array]
) -> VoiceContour:
    waveform = at_16_khz(waveform, sampling_rate)
    contour = pitch(waveform, RATE)
    frequency = np.nan_to_num(contour.frequency)
    marks = [
        pitch_marks(*pair, first=_WINDOW // 2) for pair in zip(waveform, frequency, strict=True)
    ]
    found = [np.concatenate([np.zeros((0, 3)), *map(pairs, each)]) for each in marks]
    values = [_shares(*pair) for pair in zip(found, frequency, strict=True)]
    return VoiceContour(
        contour.times, np.stack(values), np.array([_share(*each.T) for each in found])
    )


def _share(_place: _Array, one: _Array, other: _Array) -> float:
    """Mean difference over mean of pairs."""
    total = float((one + other).sum())
    return 2 * float(np.abs(one - other).sum()) / total if total > 0 else float("nan")


def _shares(pairs: _Array, frequency: _Array) -> _Array:
    """(frames,): the same of the pairs near the middle of each voiced frame."""
    middles = _WINDOW // 2 + STEP * np.arange(len(frequency))
    edges = [np.searchsorted(pairs[:, 0], middles + side) for side in (-_NEAR, _NEAR)]
    there = (frequency > 0) & (edges[1] > edges[0])
    spans = zip(*edges, there, strict=True)
    return np.array([_share(*pairs[a:b].T) if known else np.nan for a, b, known in spans])


def _lengths(marks: Marks) -> _Array:
    """(pairs, 3): the mark between two periods, and their lengths, where these are alike."""
    lengths = np.diff(marks.places)
    return _alike(marks.places[1:-1], lengths[:-1], lengths[1:], _LONGER)


def _levels(marks: Marks) -> _Array:
    """(pairs, 3): the place between two marks, and their levels, where these are alike."""
    places, levels = marks.places, marks.levels
    return _alike((places[1:] + places[:-1]) / 2, levels[:-1], levels[1:], _LOUDER)


def _alike(place: _Array, one: _Array, other: _Array, most: float) -> _Array:
    low, high = np.minimum(one, other), np.maximum(one, other)
    return np.stack([place, one, other], axis=1)[(low > 0) & (high <= most * low)]


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
    return _with_mean(contour.times, values)


def _with_mean(times: _Array, values: _Array) -> VoiceContour:
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=1)
    mean = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    return VoiceContour(times, values, mean)


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
    return _with_mean(contour.times, np.where(voiced, np.stack(values), np.nan))


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
