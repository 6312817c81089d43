"""The 25 low-level descriptors of eGeMAPSv02, every 10 ms, under openSMILE's names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.formants import egemaps_formants
from tonfall.features.framing import RATE, STEP, at_16_khz, gauss, split_frames
from tonfall.features.functionals import smooth, smooth_nonzero
from tonfall.features.harmonics import formant_level, harmonics_of, harmonics_to_noise
from tonfall.features.loudness import (
    SPECTRUM_WINDOW,
    auditory_bands,
    loudness,
    root_mean_square,
    short_spectrum,
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
    "SPECTRAL",
    "VOICED",
    "Contours",
    "VoicedContours",
    "contours_of",
    "egemaps_frames",
    "egemaps_parts",
    "smooth_voiced",
]

SPECTRAL = (
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
VOICED = (
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
CONTOURS = (*(f"{name}_sma3" for name in SPECTRAL), *(f"{name}_sma3nz" for name in VOICED))
"""Names of the 25 low-level descriptors, in order."""

_FLOOR_DB = -201.0
"""The amplitude of a formant where there is no voice, as openSMILE has it."""
_QUIETEST = 0.001
"""Root mean square of a frame of 60 ms, below which nothing is voiced."""
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
    result = np.empty((count, len(SPECTRAL)))
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
        return np.zeros((0, len(SPECTRAL)))
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
    """(frames of 60 ms, 15); the blocks hand on where the periods of a voice are."""
    frequency, periods = _pitch(samples), Periods()
    result = np.empty((len(frequency), len(VOICED)))
    for first in range(0, len(frequency), _BLOCK):
        last, start = min(first + _BLOCK, len(frequency)), min(first * STEP, HISTORY)
        part = _as_sixteen_bit(samples[first * STEP - start : last * STEP + _AFTER])
        known = frequency[first:last]
        result[first:last] = _with_pitch(part, known, periods=periods, start=start)
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


def _level(samples: FloatArray) -> FloatArray:
    return root_mean_square(samples, window=LONG_WINDOW, weights=gauss(LONG_WINDOW))


def _with_pitch(
    samples: FloatArray,
    frequency: npt.NDArray[np.float64],
    *,
    periods: Periods,
    start: int,
) -> npt.NDArray[np.float64]:
    """(frames, 15) of frames whose pitch is decided, the first of which begins at a sample."""
    result = np.zeros((len(frequency), len(VOICED)))
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
    voiced = rows[:, len(SPECTRAL) :]
    silent = voiced[:, :1] == 0
    smoothed = np.where(silent, np.nan, smooth_nonzero(np.where(silent, 0, voiced)))
    return np.concatenate([rows[:, : len(SPECTRAL)], smoothed], axis=1)


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
