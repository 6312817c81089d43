"""Fundamental frequency by subharmonic summation, smoothed over time.

Hermes, "Measurement of pitch by subharmonic summation", J. Acoust. Soc. Am. 83 (1988): the spectrum
on a logarithmic axis is added to itself shifted by each harmonic, each weighted less; where the sum
peaks, many harmonics agree. The constants are those of eGeMAPS. Of six candidates a frame,
`tonfall.features.pitch_path` then takes those on the cheapest path.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import at_16_khz, frame_times, gauss, magnitudes, split_frames
from tonfall.features.pitch_path import PitchPath

__all__ = [
    "HIGHEST_HZ",
    "LONG_BIN_HZ",
    "LONG_WINDOW",
    "LOWEST_HZ",
    "Candidates",
    "Pitch",
    "frame_spectrum",
    "long_spectrum",
    "pitch",
    "pitch_candidates",
    "semitones",
    "smooth_pitch",
    "subharmonic_sum",
]

LONG_WINDOW = 960
"""Samples at 16 kHz that a frame of the long spectrum sees: 60 ms."""

_SIZE = 1024
LONG_BIN_HZ = 16_000 / _SIZE
"""Hz from bin to bin of the long spectrum."""

LOWEST_HZ = 55.0
HIGHEST_HZ = 1000.0

_POINTS = _SIZE // 2 + 1
_BASE_HZ = 25.0
_OCTAVES = float(np.log2(8000 / _BASE_HZ))
_STEP = _OCTAVES / (_POINTS - 1)
_SHIFT = _POINTS / _OCTAVES
"""Points that an octave is shifted by."""
_HARMONICS = 15
_COMPRESSION = 0.85
_CANDIDATES = 6
_OFFSET = 0.2
_BLOCK = 256
_PATH_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each frame's pitch may be, best first.

    Attributes:
        frequency: (frames, 6) float64 in Hz, 0 where there are fewer.
        voicing: (frames, 6) float64, below 1: how far the sum's peak stands above its mean.
    """

    frequency: npt.NDArray[np.float64]
    voicing: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pitch:
    """A contour of pitch.

    Attributes:
        times: (frames,) centres of the frames in seconds.
        frequency: (channels, frames) float64 in Hz; NaN where there is no voice.
        voicing: (channels, frames) float64: 0.7 and more is voiced.
    """

    times: npt.NDArray[np.float64]
    frequency: npt.NDArray[np.float64]
    voicing: npt.NDArray[np.float64]


def long_spectrum(waveform: FloatArray) -> FloatArray:
    """Magnitudes of frames of 60 ms every 10 ms through a Gaussian window.

    Args:
        waveform: (..., samples) at 16 kHz in [-1, 1].

    Returns:
        (..., frames, 513) float32 in bins of 15.625 Hz.
    """
    return frame_spectrum(split_frames(waveform, window=LONG_WINDOW))


def frame_spectrum(frames: FloatArray) -> FloatArray:
    """The same of (..., frames, 960) samples.

    An offset, whose leakage would hide the harmonics, is subtracted first where it is more than a
    fifth of a frame's level. That of a voice alone is less, and stays as it is in openSMILE.
    """
    mean = frames.mean(axis=-1, keepdims=True)
    power = np.einsum("...w,...w->...", frames, frames)[..., None] / LONG_WINDOW
    offset = np.where(mean * mean > _OFFSET**2 * power, mean, np.float32(0))
    if offset.any():
        frames = frames - offset
    return magnitudes(frames, gauss(LONG_WINDOW), size=_SIZE)


def pitch(waveform: FloatArray, sampling_rate: int) -> Pitch:
    """Fundamental frequency of each channel.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: 16000.

    Returns:
        A contour of 1 + (samples - 960) // 160 frames of 60 ms, from 55 to 1000 Hz.

    Raises:
        AudioError: another sampling rate, NaN or infinity, or no samples as expected.

    >>> times = np.arange(16000) / 16000
    >>> buzz = sum(np.sin(2 * np.pi * 150 * k * times) / k for k in range(1, 20))
    >>> contour = pitch(0.1 * buzz[None].astype(np.float32), 16000)
    >>> round(float(np.nanmedian(contour.frequency)))
    150
    """
    waveform = at_16_khz(waveform, sampling_rate)
    found = [_contour(long_spectrum(channel)) for channel in waveform]
    frequency = np.stack([each[0] for each in found])
    return Pitch(
        frame_times(frequency.shape[1], window=LONG_WINDOW),
        np.where(frequency > 0, frequency, np.nan),
        np.stack([each[1] for each in found]),
    )


def _contour(
    spectrum: FloatArray,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    candidates = pitch_candidates(spectrum)
    return smooth_pitch(candidates), candidates.voicing.max(axis=1, initial=0)


def semitones(frequency: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Semitones above 27.5 Hz; 0 stays for no voice, and no voice is below 1.

    >>> semitones(np.array([0.0, 55.0, 110.0]))
    array([ 0., 12., 24.])
    """
    above = 12 * np.log2(np.maximum(frequency, 1e-3) / 27.5)
    return np.where(frequency > 0, np.maximum(above, 1), 0)


def subharmonic_sum(spectrum: FloatArray) -> FloatArray:
    """The subharmonic sum over a logarithmic axis.

    Args:
        spectrum: (frames, 513) of `long_spectrum`.

    Returns:
        (frames, 513) float32; point *i* stands for 25 Hz x 2 ** (i x 8.32 / 512).
    """
    octaves = _smoothed(_enhanced(spectrum)) @ _octave_matrix()
    total = octaves.copy()
    for harmonic in range(2, _HARMONICS + 1):
        shift = int(np.log2(harmonic) * _SHIFT)
        weight = np.float32(_COMPRESSION ** (harmonic - 1))
        total[:, : _POINTS - shift] += weight * octaves[:, shift:]
    total /= _HARMONICS
    return total


def _enhanced(spectrum: FloatArray) -> FloatArray:
    """What is farther than two bins from a peak is noise, and set to 0; the ends are left."""
    peak = _peaks(spectrum)
    peak[:, 0] = spectrum[:, 0] > spectrum[:, 1]
    peak[:, -1] = spectrum[:, -1] > spectrum[:, -2]
    keep = peak.copy()
    for distance in (1, 2):
        keep[:, distance:] |= peak[:, :-distance]
        keep[:, :-distance] |= peak[:, distance:]
    ends = np.arange(_POINTS)
    keep |= ends < peak.argmax(axis=1)[:, None]
    keep |= ends > (_POINTS - 1 - peak[:, ::-1].argmax(axis=1))[:, None]
    return np.where(keep, spectrum, np.float32(0))


def _peaks(values: FloatArray) -> npt.NDArray[np.bool_]:
    result = np.zeros(values.shape, bool)
    middle = values[:, 1:-1]
    result[:, 1:-1] = (middle > values[:, :-2]) & (middle > values[:, 2:])
    return result


def _smoothed(spectrum: FloatArray) -> FloatArray:
    result = spectrum.copy()
    result[:, 1:-1] = (spectrum[:, :-2] + 2 * spectrum[:, 1:-1] + spectrum[:, 2:]) / 4
    return result


@lru_cache(maxsize=1)
def _octave_matrix() -> FloatArray:
    """(513, 513): a cubic spline from bins to the logarithmic axis, and the ear's weight there."""
    from scipy.interpolate import CubicSpline  # takes longer to import than all of this package

    axis = np.arange(_POINTS) * _STEP
    spline = CubicSpline(np.arange(_POINTS) * LONG_BIN_HZ, np.eye(_POINTS), bc_type="natural")
    weight = 0.5 + np.arctan(2.992 * axis - 1.018) / np.pi
    return np.asarray(spline(_BASE_HZ * 2**axis).T * weight, np.float32)


def pitch_candidates(spectrum: FloatArray) -> Candidates:
    """The six highest peaks of the subharmonic sum, less those outside of 55 to 1000 Hz.

    Args:
        spectrum: (frames, 513) of `long_spectrum`.
    """
    parts = [
        _candidates(subharmonic_sum(spectrum[first : first + _BLOCK]))
        for first in range(0, len(spectrum), _BLOCK)
    ] or [_candidates(np.zeros((0, _POINTS), np.float32))]
    return Candidates(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _candidates(
    total: FloatArray,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    height = np.where(_peaks(total), total, np.float32(-1))
    best = np.argpartition(-height, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(height, best, 1), axis=1), 1)
    real = np.take_along_axis(height, best, 1) > 0
    centre = np.clip(best, 1, _POINTS - 2)
    before, at, after = (
        np.take_along_axis(total, centre + step, 1).astype(np.float64) for step in (-1, 0, 1)
    )
    bend = np.where(real, before - 2 * at + after, -1.0)
    offset = np.where(real, 0.5 * (before - after) / bend, 0.0)
    score = np.where(real, at - 0.25 * (before - after) * offset, 1.0)
    frequency = _BASE_HZ * 2 ** ((centre + offset) * _STEP)
    real &= (frequency >= LOWEST_HZ) & (frequency <= HIGHEST_HZ)
    voicing = 1 - total.mean(axis=1, keepdims=True) / score
    order = np.argsort(~real, axis=1, kind="stable")
    kept = np.where(real, frequency, 0.0), np.where(real, voicing, 0.0)
    return np.take_along_axis(kept[0], order, 1), np.take_along_axis(kept[1], order, 1)


def smooth_pitch(candidates: Candidates) -> npt.NDArray[np.float64]:
    """The cheapest path through the candidates, as `PitchPath` finds it.

    Returns:
        (frames,) float64 in Hz; 0 where there is no voice.
    """
    path, parts = PitchPath(), []
    for first in range(0, len(candidates.frequency), _PATH_BLOCK):
        block = slice(first, first + _PATH_BLOCK)
        parts.append(path.push(candidates.frequency[block], candidates.voicing[block]))
    return np.concatenate([*parts, path.close()])
