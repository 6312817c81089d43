"""The extended Geneva Minimalistic Acoustic Parameter Set: 25 contours, 88 numbers.

Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and
Affective Computing", IEEE Trans. Affective Computing 7 (2016), version 02, under openSMILE's names
and in its order. Where openSMILE departs from the paper this follows openSMILE, since its numbers
are what the field has compared for ten years; `docs/features.md` says how near it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.formants import egemaps_formants
from tonfall.features.framing import RATE, STEP, at_16_khz, gauss, split_frames
from tonfall.features.functionals import (
    mean_and_variation,
    percentiles,
    segment_lengths,
    slopes,
    smooth,
    smooth_nonzero,
    turning_points,
)
from tonfall.features.harmonics import formant_level, harmonics_of, harmonics_to_noise
from tonfall.features.loudness import (
    SPECTRUM_WINDOW,
    auditory_bands,
    loudness,
    root_mean_square,
    short_spectrum,
    sound_level,
)
from tonfall.features.mfcc import egemaps_mfcc
from tonfall.features.perturbation import HISTORY, Periods, frame_perturbation
from tonfall.features.pitch import (
    LONG_WINDOW,
    frame_spectrum,
    long_spectrum,
    pitch_candidates,
    semitones,
)
from tonfall.features.pitch_path import PitchPath
from tonfall.features.spectrum import (
    alpha_ratio,
    hammarberg_index,
    log_power,
    spectral_flux,
    spectral_slope,
)

__all__ = [
    "CONTOURS",
    "FUNCTIONALS",
    "Contours",
    "VoicedContours",
    "contours_of",
    "egemaps",
    "egemaps_frames",
    "egemaps_parts",
    "smooth_voiced",
]

_SPECTRAL = (
    "Loudness",
    "alphaRatio",
    "hammarbergIndex",
    "slope0-500",
    "slope500-1500",
    "spectralFlux",
    "mfcc1",
    "mfcc2",
    "mfcc3",
    "mfcc4",
)
_VOICED = (
    "F0semitoneFrom27.5Hz",
    "jitterLocal",
    "shimmerLocaldB",
    "HNRdBACF",
    "logRelF0-H1-H2",
    "logRelF0-H1-A3",
    *(
        f"F{number}{what}"
        for number in (1, 2, 3)
        for what in ("frequency", "bandwidth", "amplitudeLogRelF0")
    ),
)
CONTOURS = (*(f"{name}_sma3" for name in _SPECTRAL), *(f"{name}_sma3nz" for name in _VOICED))
"""Names of the 25 low-level descriptors, in order."""

_CURVE = (
    "amean",
    "stddevNorm",
    "percentile20.0",
    "percentile50.0",
    "percentile80.0",
    "pctlrange0-2",
    "meanRisingSlope",
    "stddevRisingSlope",
    "meanFallingSlope",
    "stddevFallingSlope",
)
_MOMENTS = ("amean", "stddevNorm")
_BALANCE = ("alphaRatio", "hammarbergIndex", "slope", "slope", "spectralFlux")
_BANDS = ("", "", "0-500", "500-1500", "")
FUNCTIONALS = (
    *(f"F0semitoneFrom27.5Hz_sma3nz_{what}" for what in _CURVE),
    *(f"loudness_sma3_{what}" for what in _CURVE),
    *(f"{name}_sma3_{what}" for name in _SPECTRAL[5:] for what in _MOMENTS),
    *(f"{name}_sma3nz_{what}" for name in _VOICED[1:] for what in _MOMENTS),
    *(
        f"{name}V{band}_sma3nz_{what}"
        for name, band in zip(_BALANCE, _BANDS, strict=True)
        for what in _MOMENTS
    ),
    *(f"mfcc{number}V_sma3nz_{what}" for number in (1, 2, 3, 4) for what in _MOMENTS),
    *(f"{name}UV{band}_sma3nz_amean" for name, band in zip(_BALANCE, _BANDS, strict=True)),
    "loudnessPeaksPerSec",
    "VoicedSegmentsPerSec",
    "MeanVoicedSegmentLengthSec",
    "StddevVoicedSegmentLengthSec",
    "MeanUnvoicedSegmentLength",
    "StddevUnvoicedSegmentLength",
    "equivalentSoundLevel_dBp",
)
"""Names of the 88 functionals, in order."""

_FLOOR_DB = -201.0
"""The amplitude of a formant where there is no voice, as openSMILE has it."""
_QUIETEST = 0.001
"""Root mean square of a frame of 60 ms, below which nothing is voiced."""
_STEP_S = STEP / RATE
_BLOCK = 3000
"""Frames: half a minute."""
_AFTER = RATE // 10
"""Samples after a stretch's last frame that its descriptors may look at."""


@dataclass(frozen=True, slots=True)
class Contours:
    """The low-level descriptors of one channel, not yet smoothed.

    Attributes:
        spectral: (frames of 20 ms, 10) float64.
        voiced: (frames of 60 ms, 15) float64; 0 where there is no voice, or -201 dB.
    """

    spectral: npt.NDArray[np.float64]
    voiced: npt.NDArray[np.float64]


def contours_of(samples: FloatArray) -> Contours:
    """The low-level descriptors of (samples,) at 16 kHz in [-1, 1].

    What must see a spectrum is done half a minute at a time, so that memory hardly grows.
    """
    return Contours(_in_blocks(samples), _voiced(samples))


def _in_blocks(samples: FloatArray) -> npt.NDArray[np.float64]:
    """`_spectral` of all samples; each block begins a frame earlier, since flux looks back."""
    count = _frame_count(samples, SPECTRUM_WINDOW)
    result = np.empty((count, len(_SPECTRAL)))
    for first in range(0, count, _BLOCK):
        last, before = min(first + _BLOCK, count), min(first, 1)
        part = _stretch(samples, first - before, last, SPECTRUM_WINDOW)
        result[first:last] = _spectral(_as_sixteen_bit(part))[before:]
    return result


def _frame_count(samples: FloatArray, window: int) -> int:
    return max(0, 1 + (len(samples) - window) // STEP)


def _stretch(samples: FloatArray, first: int, last: int, window: int) -> FloatArray:
    """The samples that the frames from ``first`` to before ``last`` see."""
    return samples[first * STEP : (last - 1) * STEP + window]


def _as_sixteen_bit(samples: FloatArray) -> FloatArray:
    """What is left of the samples in openSMILE, which hears integers of 16 bit."""
    whole = np.trunc(np.clip(samples * np.float32(32768), -32768, 32767))
    result: FloatArray = whole / np.float32(32767)
    return result


def _spectral(samples: FloatArray) -> npt.NDArray[np.float64]:
    spectrum = short_spectrum(samples)
    bands, decibels = auditory_bands(spectrum), log_power(spectrum)
    if not len(spectrum):
        return np.zeros((0, len(_SPECTRAL)))
    columns = (
        loudness(bands),
        alpha_ratio(spectrum),
        hammarberg_index(spectrum),
        spectral_slope(decibels, low_hz=0, high_hz=500),
        spectral_slope(decibels, low_hz=500, high_hz=1500),
        spectral_flux(spectrum),
    )
    return np.concatenate([np.stack(columns, axis=1), egemaps_mfcc(bands)], axis=1, dtype=float)


def _voiced(samples: FloatArray) -> npt.NDArray[np.float64]:
    """(frames of 60 ms, 15), in stretches that end where there is no voice: none is cut."""
    frequency = _pitch(samples)
    result = np.empty((len(frequency), len(_VOICED)))
    edges = _pauses(frequency)
    for first, last in pairwise(edges):
        part = samples[first * STEP : last * STEP + _AFTER]
        result[first:last] = _with_pitch(_as_sixteen_bit(part), frequency[first:last])
    return result


def _pitch(samples: FloatArray) -> npt.NDArray[np.float64]:
    """(frames of 60 ms,) in Hz, 0 where there is no voice."""
    count, path = _frame_count(samples, LONG_WINDOW), PitchPath()
    parts, levels = [np.zeros(0)], [np.zeros(0, np.float32)]
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        heard = _as_sixteen_bit(_stretch(samples, first, last, LONG_WINDOW))
        found = pitch_candidates(long_spectrum(heard))
        parts.append(path.push(found.frequency, found.voicing))
        levels.append(_level(heard))
    frequency = np.concatenate([*parts, path.close()])
    return np.where(np.concatenate(levels) < _QUIETEST, 0, frequency)


def _pauses(frequency: npt.NDArray[np.float64]) -> list[int]:
    """0, the first frame without voice after each half minute, and the number of frames."""
    edges, silent = [0], np.flatnonzero(frequency == 0)
    while (place := np.searchsorted(silent, edges[-1] + _BLOCK)) < len(silent):
        edges.append(int(silent[place]))
    return [*edges, len(frequency)]


def _level(samples: FloatArray) -> FloatArray:
    return root_mean_square(samples, window=LONG_WINDOW, weights=gauss(LONG_WINDOW))


def _with_pitch(
    samples: FloatArray,
    frequency: npt.NDArray[np.float64],
    *,
    periods: Periods | None = None,
    start: int = 0,
) -> npt.NDArray[np.float64]:
    """(frames, 15) of frames whose pitch is decided, the first of which begins at a sample."""
    result = np.zeros((len(frequency), len(_VOICED)))
    result[:, 8::3] = _FLOOR_DB
    result[:, 1:3] = frame_perturbation(samples, frequency, periods=periods, start=start)
    voiced, here = np.flatnonzero(frequency), samples[start:]
    if len(voiced):
        spectrum = frame_spectrum(split_frames(here, window=LONG_WINDOW)[voiced])
        result[:, 0] = semitones(frequency)
        result[voiced, 3:] = _resonant(here, spectrum, frequency[voiced], voiced)
    return result


def _resonant(
    samples: FloatArray,
    spectrum: FloatArray,
    frequency: npt.NDArray[np.float64],
    voiced: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """(voiced frames, 12): noise, harmonics and formants."""
    frames = split_frames(samples, window=SPECTRUM_WINDOW)[voiced]
    formant, bandwidth = (np.nan_to_num(each) for each in egemaps_formants(frames))
    harmonics = harmonics_of(spectrum, frequency)
    levels = [formant_level(harmonics, formant[:, number]) for number in range(3)]
    columns = [
        harmonics_to_noise(spectrum, frequency),
        harmonics.level[:, 1] - harmonics.level[:, 2],
        harmonics.level[:, 1] - levels[2],
    ]
    for number in range(3):
        columns += [formant[:, number], bandwidth[:, number], levels[number]]
    return np.nan_to_num(np.stack(columns, axis=1))


def egemaps_frames(waveform: FloatArray, sampling_rate: int) -> npt.NDArray[np.float64]:
    """The 25 low-level descriptors, smoothed over three frames.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        (channels, frames, 25) float64 in the order of `CONTOURS`, a frame every 10 ms, where
        frames = 1 + (samples - 960) // 160; what needs a voice is NaN where there is none.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    waveform = at_16_khz(waveform, sampling_rate)
    return np.stack([_smoothed(contours_of(channel)) for channel in waveform])


def _smoothed(contours: Contours) -> npt.NDArray[np.float64]:
    spectral = smooth(contours.spectral)[: len(contours.voiced)]
    return smooth_voiced(np.concatenate([spectral, contours.voiced], axis=1))


def smooth_voiced(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(frames, 25) of `CONTOURS`, those of a voice smoothed over it and NaN without.

    Args:
        rows: (frames, 25), those of a voice not smoothed yet; without it their first is 0.
    """
    voiced = rows[:, len(_SPECTRAL) :]
    silent = voiced[:, :1] == 0
    smoothed = np.where(silent, np.nan, smooth_nonzero(np.where(silent, 0, voiced)))
    return np.concatenate([rows[:, : len(_SPECTRAL)], smoothed], axis=1)


def egemaps_parts(samples: FloatArray) -> npt.NDArray[np.float64]:
    """(frames of 60 ms, 23): candidates of pitch, level, and the smoothed spectral contours."""
    heard = _as_sixteen_bit(samples)
    candidates = pitch_candidates(long_spectrum(heard))
    spectral = smooth(_spectral(heard))[: len(candidates.frequency)]
    return np.concatenate(
        [candidates.frequency, candidates.voicing, _level(heard)[:, None], spectral], axis=1
    )


class VoicedContours:
    """The rows that `smooth_voiced` takes, of frames whose pitch is decided, piece by piece."""

    def __init__(self) -> None:
        self._periods = Periods()
        self._before = np.zeros(0, np.float32)

    def __call__(
        self,
        samples: FloatArray,
        frequency: npt.NDArray[np.float64],
        parts: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """The next rows.

        Args:
            samples: from the start of the first frame on, and 0.1 s after that of the last.
            frequency: (frames,) in Hz, 0 where there is no voice.
            parts: (frames, 23) of `egemaps_parts`.
        """
        start = len(self._before)
        heard = np.concatenate([self._before, _as_sixteen_bit(samples)])
        kept = np.where(parts[:, 12] < _QUIETEST, 0, frequency)
        voiced = _with_pitch(heard, kept, periods=self._periods, start=start)
        self._before = heard[: start + len(kept) * STEP][-HISTORY:].copy()
        return np.concatenate([parts[:, 13:], voiced], axis=1)


def egemaps(waveform: FloatArray, sampling_rate: int) -> npt.NDArray[np.float64]:
    """The 88 functionals of eGeMAPSv02.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        (channels, 88) float64 in the order of `FUNCTIONALS`. What is undefined is NaN: everything
        of less than 70 ms, what needs a voice where there is none, and what needs its absence
        where all is voiced, and the level of digital silence.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.
    """
    waveform = at_16_khz(waveform, sampling_rate)
    return np.stack([_functionals(channel) for channel in waveform])


def _functionals(samples: FloatArray) -> npt.NDArray[np.float64]:
    if len(samples) < LONG_WINDOW + STEP:
        return np.full(len(FUNCTIONALS), np.nan)
    contours = contours_of(samples)
    count = len(contours.voiced)
    spectral, tone = smooth(contours.spectral), smooth_nonzero(contours.voiced[:, 0])[: count - 1]
    voiced = smooth_nonzero(contours.voiced[:, 1:])[: count - 1]
    balance = contours.spectral[:count, 1:]
    silent = contours.voiced[:, :1] == 0
    with_voice = smooth_nonzero(np.where(silent, 0, balance))[: count - 1]
    without = smooth_nonzero(np.where(silent, balance, 0))[: count - 1, :5]
    values = [
        *_curve(tone[tone != 0]),
        *_curve(spectral[:, 0]),
        *(number for column in spectral[:, 5:].T for number in mean_and_variation(column)),
        *_nonzero_moments(voiced),
        *_nonzero_moments(with_voice),
        *(mean_and_variation(column[column != 0])[0] for column in without.T),
        *_timing(spectral[:, 0], tone),
        float(sound_level(samples)),
    ]
    return np.where(np.isinf(values), np.nan, values)


def _nonzero_moments(columns: npt.NDArray[np.float64]) -> list[float]:
    return [number for each in columns.T for number in mean_and_variation(each[each != 0])]


def _curve(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    found = turning_points(values)
    return (*mean_and_variation(values), *percentiles(values), *slopes(values, found))


def _timing(loud: npt.NDArray[np.float64], tone: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Peaks of loudness and stretches of voice a second, lengths of stretches in seconds."""
    voiced, unvoiced = segment_lengths(tone > 0), segment_lengths(tone == 0)
    return (
        int(turning_points(loud).peaks.sum()) / (len(loud) * _STEP_S),
        len(voiced) / (len(tone) * _STEP_S),
        *(_mean_and_deviation(voiced)),
        *(_mean_and_deviation(unvoiced)),
    )


def _mean_and_deviation(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std())
