"""Speech that is made up, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

RATE = 16_000


def vowel(
    pitch_hz: npt.NDArray[np.float64], formants_hz: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """A buzz of moving pitch through resonances."""
    from scipy.signal import lfilter

    phase = np.cumsum(pitch_hz) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0)
    for frequency in formants_hz:
        radius, angle = np.exp(-np.pi * 80 / RATE), 2 * np.pi * frequency / RATE
        sound = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return np.asarray(sound / np.abs(sound).max())


@pytest.fixture(scope="module")
def speech() -> npt.NDArray[np.float32]:
    """Four vowels, rising and falling, with noise before each; 16 bit, as openSMILE hears it."""
    rng = np.random.default_rng(5)
    parts = []
    for start, end, formants in (
        (110, 150, (700, 1200, 2600)),
        (180, 120, (300, 2200, 2900)),
        (140, 210, (350, 800, 2500)),
        (200, 100, (500, 1500, 2500)),
    ):
        sound = 0.4 * vowel(np.linspace(start, end, 6400), formants)
        parts += [0.02 * rng.normal(size=2400), sound * np.hanning(6400) ** 0.3]
    whole = np.concatenate(parts) + 0.002 * rng.normal(size=4 * 8800)
    return (np.round(whole * 32767) / 32768).astype(np.float32)
