"""Sets of descriptors by name, and what each descriptor is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.features.egemaps import CONTOURS, FUNCTIONALS, egemaps, egemaps_frames
from tonfall.features.feature_set import FeatureSet
from tonfall.features.formants import formants
from tonfall.features.framing import RATE, STEP
from tonfall.features.functionals import segment_lengths, turning_points
from tonfall.features.loudness import auditory_bands, loudness, short_spectrum
from tonfall.features.mfcc import deltas, mfcc
from tonfall.features.opensmile import OPENSMILE, opensmile_set
from tonfall.features.pitch import pitch, semitones
from tonfall.features.spectrum import (
    alpha_ratio,
    hammarberg_index,
    log_power,
    spectral_centroid,
    spectral_flux,
    spectral_roll_off,
    spectral_slope,
)

__all__ = ["SETS", "find_set"]

_Table = npt.NDArray[np.float64]
_STATISTICS = ("mean", "std", "p20", "p50", "p80")
_CEPSTRA = 13


def find_set(name: str) -> FeatureSet:
    """The set of that name.

    Args:
        name: of `SETS`, or of openSMILE's `OPENSMILE`.

    Raises:
        ConfigError: there is none, or openSMILE is not installed.
    """
    if name in SETS:
        return SETS[name]
    if name in OPENSMILE:
        return opensmile_set(name)
    raise ConfigError(
        f"There is no feature set {name!r}, expected one of {', '.join([*SETS, *OPENSMILE])}. "
        "`tonfall features --list` says what they hold."
    )


def _statistics(contours: _Table) -> _Table:
    """(contours x 5,): mean, deviation and percentiles of what is defined; NaN of nothing."""
    values = [_five(column[np.isfinite(column)]) for column in contours.T]
    return np.concatenate(values) if values else np.zeros(0)


def _five(values: _Table) -> _Table:
    if not len(values):
        return np.full(len(_STATISTICS), np.nan)
    return np.array([values.mean(), values.std(), *np.percentile(values, [20, 50, 80])])


def _with_statistics(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}_{what}" for name in names for what in _STATISTICS)


_PROSODY = ("pitch_hz", "pitch_semitones", "voicing", "loudness", "level_db")
_RHYTHM = (
    "loudness_peaks_per_s",
    "voiced_segments_per_s",
    "voiced_length_s",
    "unvoiced_length_s",
    "voiced_share",
)


def _prosody_frames(samples: FloatArray) -> _Table:
    contour = pitch(samples[None], RATE)
    spectrum = short_spectrum(samples)
    count = len(contour.times)
    frequency = contour.frequency[0]
    tone = semitones(np.nan_to_num(frequency))
    power = (spectrum * spectrum).sum(axis=1, dtype=np.float64)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    columns = [
        frequency,
        np.where(tone > 0, tone, np.nan),
        contour.voicing[0],
        loudness(auditory_bands(spectrum))[:count].astype(np.float64),
        level[:count],
    ]
    return np.stack(columns, axis=1)


def _prosody(samples: FloatArray) -> _Table:
    contours = _prosody_frames(samples)
    return np.concatenate([_statistics(contours), _rhythm(contours)])


def _rhythm(contours: _Table) -> _Table:
    seconds = len(contours) * STEP / RATE
    if not seconds:
        return np.full(len(_RHYTHM), np.nan)
    voiced = np.isfinite(contours[:, 0])
    within, between = segment_lengths(voiced), segment_lengths(~voiced)
    return np.array(
        [
            turning_points(contours[:, 3]).peaks.sum() / seconds,
            len(within) / seconds,
            within.mean() if len(within) else np.nan,
            between.mean() if len(between) else np.nan,
            voiced.mean(),
        ]
    )


_SPECTRUM = (
    "centroid_hz",
    "roll_off_hz",
    "flux",
    "slope_0_500_db_per_hz",
    "slope_500_1500_db_per_hz",
    "alpha_ratio_db",
    "hammarberg_index_db",
    *(f"formant_{number}_{what}_hz" for number in (1, 2, 3) for what in ("frequency", "bandwidth")),
)


def _spectrum_frames(samples: FloatArray) -> _Table:
    spectrum = short_spectrum(samples)
    decibels = log_power(spectrum)
    found = formants(samples[None], RATE)
    count = min(len(spectrum), len(found.times))
    if not count:
        return np.zeros((0, len(_SPECTRUM)))
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


def _cepstral_frames(samples: FloatArray) -> _Table:
    cepstra = mfcc(samples[None], RATE, coefficients=_CEPSTRA)[0]
    slope = deltas(cepstra)
    return np.concatenate([cepstra, slope, deltas(slope)], axis=1, dtype=np.float64)


_CEPSTRAL = tuple(
    f"{kind}{number}" for kind in ("mfcc", "delta", "delta_delta") for number in range(_CEPSTRA)
)


def _set(
    name: str, what: str, columns: tuple[str, ...], frames: Callable[[FloatArray], _Table]
) -> FeatureSet:
    """A set whose numbers are the same five statistics of every contour."""
    return FeatureSet(
        name,
        what,
        columns,
        _with_statistics(columns),
        frames,
        lambda samples: _statistics(frames(samples)),
    )


SETS = {
    "egemaps": FeatureSet(
        "egemaps",
        "eGeMAPSv02: 25 contours, 88 numbers, under openSMILE's names",
        CONTOURS,
        FUNCTIONALS,
        lambda samples: egemaps_frames(samples[None], RATE)[0],
        lambda samples: egemaps(samples[None], RATE)[0],
    ),
    "prosody": FeatureSet(
        "prosody",
        "pitch, loudness and rhythm",
        _PROSODY,
        (*_with_statistics(_PROSODY), *_RHYTHM),
        _prosody_frames,
        _prosody,
    ),
    "spectrum": _set("spectrum", "balance of the spectrum, formants", _SPECTRUM, _spectrum_frames),
    "mfcc": _set("mfcc", "13 cepstra and two derivatives", _CEPSTRAL, _cepstral_frames),
}
"""Sets by name."""
