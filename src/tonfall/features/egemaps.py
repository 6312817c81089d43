"""The extended Geneva Minimalistic Acoustic Parameter Set: 25 contours, 88 numbers.

Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and
Affective Computing", IEEE Trans. Affective Computing 7 (2016), version 02, under openSMILE's names
and in its order. Where openSMILE departs from the paper this follows openSMILE, since its numbers
are what the field has compared for ten years; `docs/features.md` says how near it comes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.egemaps_contours import SPECTRAL, VOICED, contours_of
from tonfall.features.framing import RATE, STEP, at_16_khz
from tonfall.features.functionals import (
    mean_and_variation,
    percentiles,
    segment_lengths,
    slopes,
    smooth,
    smooth_nonzero,
    turning_points,
)
from tonfall.features.loudness import sound_level
from tonfall.features.pitch import LONG_WINDOW

__all__ = ["FUNCTIONALS", "egemaps"]

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
    *(f"{name}_sma3_{what}" for name in SPECTRAL[5:] for what in _MOMENTS),
    *(f"{name}_sma3nz_{what}" for name in VOICED[1:] for what in _MOMENTS),
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

_STEP_S = STEP / RATE


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
