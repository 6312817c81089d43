"""Sets of descriptors by name, and what each descriptor is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.features.contours import (
    CEPSTRAL,
    PROSODY,
    SPECTRUM,
    cepstral_contours,
    prosody_contours,
    spectrum_contours,
)
from tonfall.features.egemaps import FUNCTIONALS, egemaps
from tonfall.features.egemaps_contours import CONTOURS, egemaps_frames
from tonfall.features.feature_set import FeatureSet
from tonfall.features.framing import RATE, STEP
from tonfall.features.functionals import segment_lengths, turning_points
from tonfall.features.opensmile import OPENSMILE, opensmile_set
from tonfall.features.rhythm import pauses, syllable_nuclei
from tonfall.features.stream import BLOCK, contours_in_blocks

__all__ = ["SETS", "find_set"]

_Table = npt.NDArray[np.float64]
_STATISTICS = ("mean", "std", "p20", "p50", "p80")
_FIVE = (
    "of each contour over the frames where it is defined: mean (_mean), standard deviation (_std), "
    "percentiles (_p20, _p50, _p80)"
)


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


_RHYTHM = (
    "loudness_peaks_per_s",
    "voiced_segments_per_s",
    "voiced_length_s",
    "unvoiced_length_s",
    "voiced_share",
    "syllables_per_s",
    "pauses_per_s",
    "pause_length_s",
)


def _bounded(name: str, compute: Callable[[FloatArray], _Table]) -> Callable[[FloatArray], _Table]:
    """Contours whose spectra are not all held at once, where there are many samples."""

    def frames(samples: FloatArray) -> _Table:
        return compute(samples) if len(samples) <= BLOCK else contours_in_blocks(name, samples)

    return frames


_prosody_frames = _bounded("prosody", prosody_contours)


def _prosody(samples: FloatArray) -> _Table:
    contours = _prosody_frames(samples)
    return np.concatenate([_statistics(contours), _rhythm(contours)])


def _rhythm(contours: _Table) -> _Table:
    seconds = len(contours) * STEP / RATE
    if not seconds:
        return np.full(len(_RHYTHM), np.nan)
    voiced = np.isfinite(contours[:, 0])
    within, between = segment_lengths(voiced), segment_lengths(~voiced)
    silent = pauses(contours[:, 3])
    return np.array(
        [
            turning_points(contours[:, 3]).peaks.sum() / seconds,
            len(within) / seconds,
            within.mean() if len(within) else np.nan,
            between.mean() if len(between) else np.nan,
            voiced.mean(),
            len(syllable_nuclei(contours[:, 3], contours[:, 2])) / seconds,
            len(silent) / seconds,
            silent.mean() if len(silent) else np.nan,
        ]
    )


def _set(
    name: str, what: str, columns: tuple[str, ...], compute: Callable[[FloatArray], _Table]
) -> FeatureSet:
    """A set whose numbers are the same five statistics of every contour."""
    frames = _bounded(name, compute)
    return FeatureSet(
        name,
        what,
        _FIVE,
        columns,
        _with_statistics(columns),
        frames,
        lambda samples: _statistics(frames(samples)),
    )


SETS = {
    "egemaps": FeatureSet(
        "egemaps",
        "eGeMAPSv02, under openSMILE's names",
        "of each contour: mean (_amean), standard deviation over it (_stddevNorm); of pitch and "
        "loudness also percentiles, and rises and falls a second; V and UV: over the frames with a "
        "voice, and without",
        CONTOURS,
        FUNCTIONALS,
        lambda samples: egemaps_frames(samples[None], RATE)[0],
        lambda samples: egemaps(samples[None], RATE)[0],
    ),
    "prosody": FeatureSet(
        "prosody",
        "pitch, loudness and rhythm",
        _FIVE,
        PROSODY,
        (*_with_statistics(PROSODY), *_RHYTHM),
        _prosody_frames,
        _prosody,
    ),
    "spectrum": _set("spectrum", "balance of the spectrum, formants", SPECTRUM, spectrum_contours),
    "mfcc": _set("mfcc", "13 cepstra and two derivatives", CEPSTRAL, cepstral_contours),
}
"""Sets by name."""
