"""How loud each frame is, in decibels below full scale."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError

__all__ = ["FLOOR_DB", "peak_db", "rms_db"]

FLOOR_DB = -120.0
"""What digital silence is given, so that no result is infinite; 24 bits end at -144 dB."""


def rms_db(waveform: FloatArray, *, window: int, hop: int) -> FloatArray:
    """Root-mean-square level of each frame.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        window: frame length in samples.
        hop: distance between frame starts in samples.

    Returns:
        (channels, frames) float32 in dB, from -120 to 0, where frames =
        1 + (samples - window) // hop and the tail is not padded. A square wave at full
        scale has 0 dB, a sine -3.01 dB.

    Raises:
        AudioError: fewer than ``window`` samples.

    >>> rms_db(np.full((1, 400), 0.1, np.float32), window=200, hop=100).round(2)
    array([[-20., -20., -20.]], dtype=float32)
    """
    frames = _frames(waveform, window=window, hop=hop)
    power = np.einsum("cfw,cfw->cf", frames, frames) / window
    return _decibels(power, factor=10)


def peak_db(waveform: FloatArray, *, window: int, hop: int) -> FloatArray:
    """Largest magnitude of each frame.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        window: frame length in samples.
        hop: distance between frame starts in samples.

    Returns:
        (channels, frames) float32 in dB, from -120 to 0, frames as in :func:`rms_db`.

    Raises:
        AudioError: fewer than ``window`` samples.

    >>> peak_db(np.eye(1, 400, dtype=np.float32), window=200, hop=200)
    array([[   0., -120.]], dtype=float32)
    """
    frames = _frames(waveform, window=window, hop=hop)
    return _decibels(np.maximum(frames.max(axis=2), -frames.min(axis=2)), factor=20)


def _frames(waveform: FloatArray, *, window: int, hop: int) -> FloatArray:
    """Every frame of every channel, (channels, frames, window), as a view."""
    samples = waveform.shape[1]
    if samples < window:
        raise AudioError(
            f"The audio has {samples} samples, but one frame takes {window}; "
            "leave it out, or choose a shorter window."
        )
    return np.lib.stride_tricks.sliding_window_view(waveform, window, axis=1)[:, ::hop]


def _decibels(ratio: FloatArray, *, factor: int) -> FloatArray:
    tiny = np.finfo(np.float32).tiny
    decibels = np.float32(factor) * np.log10(np.maximum(ratio, tiny))
    return np.maximum(decibels, np.float32(FLOOR_DB))
