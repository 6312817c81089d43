"""Changes of log-mel frames that another voice, room or moment might have made.

Every function takes (frames, 80) float32 log10 power and gives the same; lengths may change where
it says so. What is random is drawn from the generator that is given.
"""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.features.log_mel import BANDS, FLOOR
from tonfall.learn.training import FrameAugmentation

__all__ = ["augment", "crop", "mask", "resample_bands", "resample_time"]

_DB = 10.0
"""Decibels in one of log10 power."""

_QUIETEST = float(np.log10(FLOOR))
"""Log10 power of a frame of silence."""

_FRAMES_S = 100
"""Frames a second."""


def augment(
    frames: FloatArray, weights: FloatArray, how: FrameAugmentation, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """A clip's (frames, 80) and (frames,) weights, changed as the recipe allows.

    Masks are not part of it: `mask` hides stretches of each piece.
    """
    if how.speed:
        rate = float(rng.uniform(1 - how.speed, 1 + how.speed))
        frames, weights = resample_time(frames, rate), resample_time(weights, rate)
    frames, weights = crop(frames, weights, how.crop_s, rng)
    if how.vocal_tract:
        factor = float(rng.uniform(1 - how.vocal_tract, 1 + how.vocal_tract))
        frames = resample_bands(frames, factor)
    if how.equaliser_db or how.gain_db:
        knots = rng.uniform(-how.equaliser_db, how.equaliser_db, 6)
        curve = np.interp(np.linspace(0, 5, BANDS), np.arange(6), knots)
        gain = curve + rng.uniform(-how.gain_db, how.gain_db)
        frames = np.maximum(frames + (gain / _DB).astype(np.float32), np.float32(_QUIETEST))
    if how.shift:
        late = int(rng.integers(_FRAMES_S))
        frames = np.pad(frames, ((late, 0), (0, 0)), constant_values=_QUIETEST)
        weights = np.pad(weights, (late, 0))
    return frames, weights


def crop(
    frames: FloatArray,
    weights: FloatArray,
    seconds: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """A stretch of a drawn length with as much speech as any of three drawn ones."""
    length = round(float(rng.uniform(*seconds)) * _FRAMES_S)
    room = len(frames) - length
    if room <= 0:
        return frames, weights
    starts = rng.integers(room + 1, size=3)
    best = max(starts.tolist(), key=lambda start: float(weights[start : start + length].sum()))
    return frames[best : best + length], weights[best : best + length]


def resample_time(values: FloatArray, rate: float) -> FloatArray:
    """(frames, ...) played ``rate`` times as fast, by linear interpolation.

    >>> resample_time(np.arange(4, dtype=np.float32), 0.5)
    array([0. , 0.5, 1. , 1.5, 2. , 2.5, 3. , 3. ], dtype=float32)
    """
    place = np.minimum(np.arange(round(len(values) / rate)) * rate, len(values) - 1)
    return _interpolated(values, place)


def resample_bands(frames: FloatArray, factor: float) -> FloatArray:
    """(frames, 80) with band *k* taken from band *k* times ``factor``, as far as there is one."""
    place = np.minimum(np.arange(frames.shape[1]) * factor, frames.shape[1] - 1)
    return _interpolated(frames.T, place).T


def mask(pieces: FloatArray, how: FrameAugmentation, rng: np.random.Generator) -> FloatArray:
    """(n, frames, 80) with stretches of bands and frames hidden by each piece's mean, in place."""
    _, frames, bands = pieces.shape
    for piece in pieces:
        mean = piece.mean()
        for count, widest, size, axis in (
            (*how.band_masks, bands, 1),
            (*how.frame_masks, frames, 0),
        ):
            for _ in range(count):
                width = int(rng.integers(widest + 1))
                first = int(rng.integers(max(size - width, 0) + 1))
                hidden = slice(first, first + width)
                piece[(slice(None), hidden) if axis else hidden] = mean
    return pieces


def _interpolated(values: FloatArray, place: FloatArray) -> FloatArray:
    """Values along the first axis at broken places."""
    before = place.astype(np.intp)
    after = np.minimum(before + 1, len(values) - 1)
    share = (place - before).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return (values[before] * (1 - share) + values[after] * share).astype(np.float32)
