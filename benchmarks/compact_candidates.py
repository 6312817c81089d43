"""Descriptors of which a compact set may be made: see `benchmarks.compact_set`.

They are eGeMAPS's 88, `prosody`'s 33, and statistics of every contour that Tonfall has, over the
frames with a voice and over those of speech, which are not more than 25 dB below the loudest of
their own recording. Levels are taken relative to the recording's own, beside eGeMAPS's absolute
ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features import cpp, hnr, mel_spectrum
from tonfall.features.contours import CEPSTRAL, PROSODY, SPECTRUM
from tonfall.features.framing import RATE
from tonfall.features.rhythm import loudness_level
from tonfall.features.sets import SETS

__all__ = ["candidates"]

_Numbers = npt.NDArray[np.float64]
_RANGE_DB = 25.0
_BANDS = 20
_STATISTICS = ("mean", "std", "p20", "p50", "p80", "range", "trend", "change")
_FEW = ("mean", "std", "change")


def candidates(samples: FloatArray) -> dict[str, float]:
    """Every candidate of a clip, by name; NaN where it is undefined.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
    """
    found: dict[str, float] = {}
    for name in ("egemaps", "prosody"):
        chosen = SETS[name]
        found |= {
            f"{name}:{column}": float(value)
            for column, value in zip(chosen.columns, chosen.summary(samples), strict=True)
        }
    contours = _contours(samples)
    level, voiced = contours.pop("level"), contours.pop("voiced") > 0
    speech = level >= np.nanpercentile(level, 99) - _RANGE_DB
    for name, contour in contours.items():
        wanted = _FEW if name.startswith(("mfcc", "band", "delta")) else _STATISTICS
        for where, there in (("voiced", voiced), ("speech", speech)):
            found |= _statistics(f"{where}:{name}", contour, there, wanted)
    found |= _relative_level(level, voiced, speech)
    return found


def _contours(samples: FloatArray) -> dict[str, _Numbers]:
    prosody = np.asarray(SETS["prosody"].frames(samples), np.float64)
    count = len(prosody)
    found = {
        "pitch_semitones": prosody[:, PROSODY.index("pitch_semitones")],
        "voicing": prosody[:, PROSODY.index("voicing")],
    }
    loud = prosody[:, PROSODY.index("loudness")]
    spectrum = np.asarray(SETS["spectrum"].frames(samples), np.float64)
    found |= {name: _cut(spectrum[:, k], count) for k, name in enumerate(SPECTRUM)}
    # Frames of cepstra and bands are centred on a multiple of 10 ms, those of pitch 30 ms later.
    cepstra = np.asarray(SETS["mfcc"].frames(samples)[3:], np.float64)
    found |= {
        name: _cut(cepstra[:, k], count)
        for k, name in enumerate(CEPSTRAL)
        if not name.startswith("delta_delta")
    }
    found |= _bands(samples, count)
    waveform = samples[None]
    for name, contour in (("hnr", hnr), ("cpp", cpp)):
        found[name] = _cut(contour(waveform, RATE).values[0], count)
    found["level"] = loudness_level(loud)
    found["voiced"] = np.isfinite(prosody[:, 0]).astype(float)
    return found


def _bands(samples: FloatArray, count: int) -> Mapping[str, _Numbers]:
    """Mel bands in dB below the frame's sum: the spectrum without the level."""
    power = mel_spectrum(samples[None], RATE, bands=_BANDS, lowest_hz=60.0)[0][3:]
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    total = 10 * np.log10(np.maximum(power.sum(axis=1, keepdims=True), 1e-10))
    shape = np.asarray(decibels - total, np.float64)
    return {f"band{k}": _cut(shape[:, k], count) for k in range(_BANDS)}


def _cut(contour: _Numbers, count: int) -> _Numbers:
    result = np.full(count, np.nan)
    result[: min(count, len(contour))] = contour[:count]
    return result


def _statistics(
    name: str, contour: _Numbers, there: npt.NDArray[np.bool_], wanted: tuple[str, ...]
) -> dict[str, float]:
    return {f"{name}_{what}": value for what, value in _all(contour, there) if what in wanted}


def _all(contour: _Numbers, there: npt.NDArray[np.bool_]) -> Iterator[tuple[str, float]]:
    known = there & np.isfinite(contour)
    values = contour[known]
    if len(values) < 3:
        yield from ((what, np.nan) for what in _STATISTICS)
        return
    yield "mean", float(values.mean())
    yield "std", float(values.std())
    low, middle, high = np.percentile(values, [20, 50, 80])
    yield from (("p20", float(low)), ("p50", float(middle)), ("p80", float(high)))
    yield "range", float(high - low)
    place = np.flatnonzero(known).astype(float)
    place -= place.mean()
    yield "trend", float(100 * (place @ values) / max(place @ place, 1e-9))
    steps = np.abs(np.diff(contour))[known[1:] & known[:-1]]
    yield "change", float(steps.mean()) if len(steps) else np.nan


def _relative_level(
    level: _Numbers, voiced: npt.NDArray[np.bool_], speech: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """How the level moves, and how far speech stands above what is between it."""
    said = level[speech]
    low, middle, high, top = np.percentile(said, [10, 50, 90, 99])
    found = {
        "level:top_over_median": top - middle,
        "level:p90_over_p10": high - low,
        "level:median_over_low": middle - low,
        "level:std": said.std(),
        "level:change": np.abs(np.diff(level))[speech[1:] & speech[:-1]].mean(),
        "level:rise": np.maximum(np.diff(level), 0)[speech[1:]].mean(),
        "level:fall": np.maximum(-np.diff(level), 0)[speech[1:]].mean(),
        "level:speech_share": speech.mean(),
        "level:voiced_share_of_speech": (voiced & speech).sum() / max(speech.sum(), 1),
        "level:speech_over_rest": said.mean() - level[~speech].mean() if (~speech).any() else 0.0,
    }
    place = np.flatnonzero(speech).astype(float)
    place -= place.mean()
    found["level:trend"] = 100 * (place @ said) / max(place @ place, 1e-9)
    found |= _modulation(level)
    return {name: float(value) for name, value in found.items()}


def _modulation(level: _Numbers) -> dict[str, float]:
    """Share of the movement of the level up to 2, from 2 to 4, 4 to 8 and 8 to 16 Hz."""
    moved = np.maximum(level, level.max() - 40)
    power = np.abs(np.fft.rfft((moved - moved.mean()) * np.hanning(len(moved)), 1024)) ** 2
    frequency = np.fft.rfftfreq(1024, 0.01)
    total = max(power[(frequency > 0.5) & (frequency <= 16)].sum(), 1e-9)
    edges = (0.5, 2, 4, 8, 16)
    return {
        f"level:modulation_{low:g}_{high:g}_hz": power[
            (frequency > low) & (frequency <= high)
        ].sum()
        / total
        for low, high in pairwise(edges)
    }
