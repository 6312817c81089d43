"""Waveforms and recordings that the tests of audio make for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from tonfall.arrays import FloatArray

__all__ = ["Writer", "speech_like", "write_recording"]


class Writer(Protocol):
    def __call__(
        self,
        name: str,
        waveform: FloatArray | None = None,
        *,
        sampling_rate: int = 16000,
        container: str | None = None,
        subtype: str | None = None,
    ) -> Path: ...


def speech_like(*, channels: int, samples: int, seed: int = 0) -> FloatArray:
    """(channels, samples) of noise at the level of speech, which swells and fades."""
    rng = np.random.default_rng(seed)
    swell = 0.6 + 0.4 * np.sin(np.arange(samples) / 3000)
    return (0.15 * swell * rng.standard_normal((channels, samples))).clip(-1, 1).astype(np.float32)


def write_recording(
    path: Path,
    waveform: FloatArray | None = None,
    *,
    sampling_rate: int = 16000,
    container: str | None = None,
    subtype: str | None = None,
) -> Path:
    """Write a waveform, by default 2 s of one channel."""
    if waveform is None:
        waveform = speech_like(channels=1, samples=2 * sampling_rate)
    soundfile.write(path, waveform.T, sampling_rate, format=container, subtype=subtype)
    return path
