"""How steady a voice is: differences from one period of the glottis to the next.

Jitter and shimmer are the mean absolute differences of the lengths and of the peak-to-peak
amplitudes of successive periods, which are matched by the cross-correlation of the waveform.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.framing import RATE, STEP

__all__ = ["frame_perturbation", "periods"]

_SEARCH = 0.1
"""Of the period: how far from it the next one is looked for."""
_LEAST_CORRELATION = 0.5
_PERIODS = 3


def periods(
    samples: FloatArray, *, start: int, period: float, count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lengths and amplitudes of up to ``count`` periods from a sample on.

    Args:
        samples: (samples,) at 16 kHz.
        start: where the first begins.
        period: about how long one is, in samples.
        count: how many are looked for; it ends early where two in a row are less alike than a
            correlation of 0.5, or the samples end.

    Returns:
        Lengths in samples and peak-to-peak amplitudes, both (found,) float64.
    """
    shortest = max(1, int(period * (1 - _SEARCH)) - 1)
    longest = int(np.ceil(period * (1 + _SEARCH))) + 1
    width = round(period)
    lengths: list[float] = []
    amplitudes: list[float] = []
    while len(lengths) < count and start + longest + width < len(samples):
        length, alike = _next_period(samples[start : start + longest + width], shortest, width)
        if alike < _LEAST_CORRELATION:
            break
        piece = samples[start : start + width]
        lengths.append(length)
        amplitudes.append(float(piece.max() - piece.min()))
        start += round(length)
    return np.array(lengths, np.float64), np.array(amplitudes, np.float64)


def _next_period(piece: FloatArray, shortest: int, width: int) -> tuple[float, float]:
    """Length of the period that begins a piece, and how alike it and the next are."""
    here = piece[:width] - piece[:width].mean()
    there = piece[shortest:]
    product = np.correlate(there, here, "valid")
    total = np.concatenate([[0.0], np.cumsum(there, dtype=np.float64)])
    square = np.concatenate([[0.0], np.cumsum(there * there, dtype=np.float64)])
    mean = total[width:] - total[:-width]
    energy = np.maximum(square[width:] - square[:-width] - mean * mean / width, 1e-12)
    alike = product / np.sqrt(energy * max(float(here @ here), 1e-12))
    best = 1 + int(alike[1:-1].argmax())
    before, at, after = alike[best - 1 : best + 2]
    bend = before - 2 * at + after
    offset = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return shortest + best + float(np.clip(offset, -1, 1)), float(at)


def frame_perturbation(
    samples: FloatArray, frequency: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Jitter and shimmer at each frame, as eGeMAPS takes them.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        frequency: (frames,) pitch in Hz every 10 ms; 0 where there is no voice.

    Returns:
        (frames, 2) float64: mean difference of the lengths of successive periods as a share of
        their mean, and mean difference of their amplitudes in dB; 0 where there are too few.
    """
    result = np.zeros((len(frequency), 2))
    for frame in np.flatnonzero(frequency):
        period = RATE / float(frequency[frame])
        length, size = periods(samples, start=int(frame) * STEP, period=period, count=_PERIODS)
        if len(length) > 1:
            result[frame, 0] = np.abs(np.diff(length)).mean() / length.mean()
            size = np.maximum(size, 1e-6)
            result[frame, 1] = np.abs(20 * np.log10(size[1:] / size[:-1])).mean()
    return result
