"""The contours of the sets that are Tonfall's own: (samples,) at 16 kHz to a row each 10 ms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.formants import formants
from tonfall.features.framing import RATE, split_frames
from tonfall.features.harmonics import harmonics_to_noise
from tonfall.features.loudness import auditory_bands, loudness, short_spectrum
from tonfall.features.mfcc import deltas, mfcc
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
    spectral_centroid,
    spectral_flux,
    spectral_roll_off,
    spectral_slope,
)

__all__ = [
    "CEPSTRAL",
    "CEPSTRAL_REACH",
    "PROSODY",
    "SPECTRUM",
    "SPECTRUM_REACH",
    "cepstral_contours",
    "pitch_parts",
    "prosody_columns",
    "prosody_contours",
    "prosody_parts",
    "spectrum_contours",
    "voice_columns",
    "voice_parts",
]

_Table = npt.NDArray[np.float64]
_CEPSTRA = 13

PROSODY = ("pitch_hz", "pitch_semitones", "voicing", "loudness", "level_db")
SPECTRUM = (
    "centroid_hz",
    "roll_off_hz",
    "flux",
    "slope_0_500_db_per_hz",
    "slope_500_1500_db_per_hz",
    "alpha_ratio_db",
    "hammarberg_index_db",
    *(f"formant_{number}_{what}_hz" for number in (1, 2, 3) for what in ("frequency", "bandwidth")),
)
CEPSTRAL = tuple(
    f"{kind}{number}" for kind in ("mfcc", "delta", "delta_delta") for number in range(_CEPSTRA)
)

SPECTRUM_REACH = 960
"""Samples from a frame's start that its contours depend on: 50 ms of formants, and the filter that
brings them to 11 kHz."""
CEPSTRAL_REACH = 8 * 160 + 256
"""Two derivatives look four frames ahead each, and a frame half a window."""


def pitch_parts(samples: FloatArray) -> _Table:
    """(frames of 60 ms, 12): six candidates of pitch, and their voicing."""
    candidates = pitch_candidates(long_spectrum(samples))
    return np.concatenate([candidates.frequency, candidates.voicing], axis=1)


def prosody_parts(samples: FloatArray) -> _Table:
    """(frames of 60 ms, 14): those of `pitch_parts`, loudness and level."""
    candidates, spectrum = pitch_parts(samples), short_spectrum(samples)
    power = (spectrum * spectrum).sum(axis=1, dtype=np.float64)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    loud = loudness(auditory_bands(spectrum))
    columns = np.stack([loud, level], axis=1)[: len(candidates)]
    return np.concatenate([candidates, columns], axis=1)


def prosody_columns(frequency: _Table, parts: _Table) -> _Table:
    """The contours of `PROSODY`, where the pitch is decided.

    Args:
        frequency: (frames,) in Hz, 0 where there is no voice.
        parts: (frames, 14) of `prosody_parts`.
    """
    there = frequency > 0
    columns = [
        np.where(there, frequency, np.nan),
        np.where(there, semitones(frequency), np.nan),
        parts[:, 6:12].max(axis=1, initial=0),
        parts[:, 12],
        parts[:, 13],
    ]
    return np.stack(columns, axis=1)


def prosody_contours(samples: FloatArray) -> _Table:
    """The contours of `PROSODY`."""
    parts, path = prosody_parts(samples), PitchPath()
    decided = path.push(parts[:, :6], parts[:, 6:12])
    return prosody_columns(np.concatenate([decided, path.close()]), parts)


def spectrum_contours(samples: FloatArray) -> _Table:
    """The contours of `SPECTRUM`."""
    if not len(samples):
        return np.zeros((0, len(SPECTRUM)))
    spectrum = short_spectrum(samples)
    decibels = log_power(spectrum)
    found = formants(samples[None], RATE)
    count = min(len(spectrum), len(found.times))
    if not count:
        return np.zeros((0, len(SPECTRUM)))
    columns = [
        spectral_centroid(spectrum),
        spectral_roll_off(spectrum),
        spectral_flux(spectrum),
        spectral_slope(decibels, low_hz=0, high_hz=500),
        spectral_slope(decibels, low_hz=500, high_hz=1500),
        alpha_ratio(spectrum),
        hammarberg_index(spectrum),
    ]
    resonant = [
        part[0, :count, number]
        for number in range(3)
        for part in (found.frequency, found.bandwidth)
    ]
    return np.stack([column[:count].astype(np.float64) for column in columns] + resonant, axis=1)


def cepstral_contours(samples: FloatArray) -> _Table:
    """The contours of `CEPSTRAL`.

    Without librosa's floor 80 dB below the loudest band of the recording: a stream does not know
    how loud it will be.
    """
    if not len(samples):
        return np.zeros((0, len(CEPSTRAL)))
    cepstra = mfcc(samples[None], RATE, coefficients=_CEPSTRA, range_db=None)[0]
    slope = deltas(cepstra)
    return np.concatenate([cepstra, slope, deltas(slope)], axis=1, dtype=np.float64)


def voice_parts(samples: FloatArray) -> _Table:
    """(frames of 60 ms, 13): those of `pitch_parts`, and loudness."""
    candidates = pitch_parts(samples)
    loud = loudness(auditory_bands(short_spectrum(samples)))[: len(candidates)]
    return np.concatenate([candidates, loud[:, None]], axis=1)


def voice_columns(samples: FloatArray, frequency: _Table, parts: _Table) -> _Table:
    """(frames, 4): pitch in Hz, loudness, harmonics to noise in dB, voicing, once pitch is decided.

    Args:
        samples: from the start of the first frame on, to the end of the last one at least.
        frequency: (frames,) in Hz, 0 where there is no voice.
        parts: (frames, 13) of `voice_parts`.
    """
    voiced = np.flatnonzero(frequency)
    noise = np.full(len(frequency), np.nan)
    if len(voiced):
        spectrum = frame_spectrum(split_frames(samples, window=LONG_WINDOW)[voiced])
        noise[voiced] = harmonics_to_noise(spectrum, frequency[voiced])
    there = np.where(frequency > 0, frequency, np.nan)
    return np.stack([there, parts[:, 12], noise, parts[:, 6:12].max(axis=1, initial=0)], axis=1)
