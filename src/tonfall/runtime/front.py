"""The front end of a bundle: samples at 16 kHz in, frames every 10 ms out, whole or as they come.

Every kind gives as many frames of the same samples, so what follows (pieces, weights by speech,
context) is the same for all.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.features.log_mel import HOP, WINDOW, LogMelStream, log_mel

__all__ = ["FrameStream", "frame_stream", "frames_of", "look_ahead"]


class FrameStream(Protocol):
    """Frames of audio that comes in chunks; the cuts do not show in them."""

    def push(self, samples: FloatArray) -> FloatArray:
        """Take (channels, n) samples; return the (channels, frames, width) now complete."""

    def close(self) -> FloatArray:
        """Nothing follows: return the last frames."""


def frame_stream(front_end: FrontEnd, *, channels: int) -> FrameStream:
    """An empty stream of a bundle's frames."""
    if front_end.kind == "log_mel_80":
        return LogMelStream(channels=channels)
    return _SampleStream(channels)


def frames_of(samples: FloatArray, front_end: FrontEnd) -> FloatArray:
    """Frames of a whole waveform.

    Args:
        samples: (channels, n) float32 at 16 kHz.
        front_end: of the bundle.

    Returns:
        (channels, n // 160, width) float32.

    Raises:
        AudioError: fewer samples than log-mel needs, whatever the kind: 201.
    """
    if front_end.kind == "log_mel_80":
        return log_mel(samples)
    if samples.shape[1] <= WINDOW // 2:
        log_mel(samples)  # refuses it
    return _framed(samples)


def look_ahead(front_end: FrontEnd) -> int:
    """Samples after a frame's first that must be there until it is complete, less those of a hop.

    >>> look_ahead(FrontEnd(kind="waveform", piece_frames=100))
    0
    """
    return WINDOW // 2 if front_end.kind == "log_mel_80" else 0


class _SampleStream:
    """Frame *k* holds the samples from 160 *k* on; what is left at the end is no frame."""

    def __init__(self, channels: int) -> None:
        self._waiting: FloatArray = np.zeros((channels, 0), np.float32)

    def push(self, samples: FloatArray) -> FloatArray:
        waiting = np.concatenate([self._waiting, samples], axis=1)
        frames = _framed(waiting)
        self._waiting = waiting[:, frames.shape[1] * HOP :].copy()
        return frames

    def close(self) -> FloatArray:
        return _framed(self._waiting)


def _framed(samples: FloatArray) -> FloatArray:
    count = samples.shape[1] // HOP
    return samples[:, : count * HOP].reshape(len(samples), count, HOP)
