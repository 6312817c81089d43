"""Miniature releases: real audio files, tiny, each with sound of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile

Clip = Callable[[Path], Path]

SAMPLING_RATE = 16_000
SAMPLES = 800


@pytest.fixture
def clip() -> Clip:
    """Writes 50 ms of noise, different each time, to a path whose folders are made."""
    seeds = count()

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(next(seeds)).uniform(-0.5, 0.5, SAMPLES)
        soundfile.write(path, noise, SAMPLING_RATE)
        return path

    return write
