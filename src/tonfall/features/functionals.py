"""Numbers that sum up a contour: moments, percentiles, slopes, peaks, lengths of segments.

Definitions are openSMILE's, whose counting has quirks that these keep: a segment of *n* frames is
*n* - 1 long, and the slope after the last peak counts as a rise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.features.framing import RATE, STEP

__all__ = [
    "Extremes",
    "mean_and_variation",
    "percentiles",
    "segment_lengths",
    "slopes",
    "smooth",
    "smooth_nonzero",
    "turning_points",
]

_STEP_S = STEP / RATE
_SHORTEST = 2
"""Frames; a segment needs more."""

_Contour = npt.NDArray[np.float64]


def smooth(contours: _Contour) -> _Contour:
    """The mean of each frame and its neighbours; the ends count themselves twice.

    Args:
        contours: (frames, ...).

    Returns:
        (frames, ...) float64.

    >>> smooth(np.array([0.0, 3.0, 6.0, 6.0]))
    array([1., 3., 5., 6.])
    """
    if not len(contours):
        return contours
    wide = np.concatenate([contours[:1], contours, contours[-1:]])
    return np.asarray((wide[:-2] + wide[1:-1] + wide[2:]) / 3)


def smooth_nonzero(contours: _Contour) -> _Contour:
    """As `smooth`, but zeros stay zeros and do not count in others' means.

    >>> smooth_nonzero(np.array([0.0, 3.0, 6.0, 0.0]))
    array([0. , 4.5, 4.5, 0. ])
    """
    if not len(contours):
        return contours
    there = contours != 0
    total = smooth(np.where(there, contours, 0.0))
    share = smooth(there.astype(np.float64))
    return np.where(there, total / np.where(there, share, 1), 0.0)


def mean_and_variation(values: _Contour) -> tuple[float, float]:
    """The mean, and the standard deviation divided by it; NaN of nothing.

    >>> mean_and_variation(np.array([1.0, 3.0]))
    (2.0, 0.5)
    """
    if not len(values):
        return float("nan"), float("nan")
    mean = float(values.mean())
    return mean, float(values.std()) / mean if mean else float("nan")


def percentiles(values: _Contour) -> tuple[float, float, float, float]:
    """The 20th, 50th and 80th percentile, linearly interpolated, and the range of the outer two."""
    if not len(values):
        return (float("nan"),) * 4
    low, middle, high = np.percentile(values, [20, 50, 80])
    return float(low), float(middle), float(high), float(high - low)


def segment_lengths(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Lengths of the stretches of frames that are inside, in seconds.

    >>> segment_lengths(np.array([True] * 11 + [False] + [True] * 2))
    array([0.1])
    """
    edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    frames = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return np.asarray((frames[frames > _SHORTEST] - 1) * _STEP_S)


@dataclass(frozen=True, slots=True)
class Extremes:
    """Peaks and valleys of a contour, in turn.

    Attributes:
        places: frames.
        peaks: whether each is a peak.
    """

    places: npt.NDArray[np.intp]
    peaks: npt.NDArray[np.bool_]


def turning_points(values: _Contour, *, share: float = 0.1) -> Extremes:
    """Peaks and valleys that stand out by more than a share of the contour's range.

    The first has to stand out from the contour's first value.

    Args:
        values: (frames,).
        share: of the range, in [0, 1].
    """
    threshold = share * float(np.ptp(values)) if len(values) else 0.0
    kept: list[tuple[int, bool]] = []
    for place, peak in _turns(values):
        if not kept:
            if abs(values[place] - values[0]) > threshold:
                kept.append((place, peak))
            continue
        last, last_is_peak = kept[-1]
        rise = values[place] - values[last]
        if peak != last_is_peak:
            if abs(rise) > threshold:
                kept.append((place, peak))
        elif rise > threshold if peak else rise < 0:
            kept[-1] = (place, peak)
    return Extremes(np.array([at for at, _ in kept], int), np.array([up for _, up in kept], bool))


def _turns(values: _Contour) -> list[tuple[int, bool]]:
    """Every local peak and valley."""
    before, at, after = values[:-2], values[1:-1], values[2:]
    peak = (at > before) & (at >= after)
    valley = (at < before) & (at <= after)
    places = np.flatnonzero(peak | valley)
    return list(zip((places + 1).tolist(), peak[places].tolist(), strict=True))


def slopes(values: _Contour, extremes: Extremes) -> tuple[float, float, float, float]:
    """Mean and standard deviation of the rises, and of the falls, per second.

    The first rise, or fall, begins with the contour. The stretch after the last turning point
    counts in the mean of its kind with its own sign, and not in the sum of the deviations.

    Returns:
        All NaN where the contour does not turn.
    """
    places, peaks = extremes.places, extremes.peaks
    if not len(places):
        return (float("nan"),) * 4
    places = np.concatenate([[0], places])
    steps = np.diff(places)
    slope = np.diff(values[places]) / steps / _STEP_S
    remaining = len(values) - 1 - int(places[-1])
    after = (values[-1] - values[places[-1]]) / (max(1, remaining) * _STEP_S)
    rises = _with_rest(slope[peaks], None if peaks[-1] else after)
    falls = _with_rest(-slope[~peaks], after if peaks[-1] else None)
    return (*rises, *falls)


def _with_rest(values: _Contour, rest: float | None) -> tuple[float, float]:
    count = len(values) + (rest is not None)
    if not count:
        return float("nan"), float("nan")
    mean = (values.sum() + (rest or 0.0)) / count
    return float(mean), float(np.sqrt(((values - mean) ** 2).sum() / count))
