"""The same sound at another sampling rate stays close."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from streams import RATE, example, push_all, turns_of, windows_of

from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor, load
from tonfall.streaming import Event, Stream

CHUNK = 512
"""Samples of one voice probability: the grain of a turn's start and end."""

LARGEST, MEAN = 0.08, 0.035
"""Between probabilities. Telephone audio is doubled by a filter of our own, whose images above
4 kHz lie 79 dB down; soxr, which made the recordings here, leaves nothing there at all, and the
log-mel of next to nothing is as large as that of nothing is small."""


@pytest.fixture(scope="module")
def small() -> Predictor:
    return load("small-research")


@pytest.fixture(scope="module")
def at_8_khz(small: Predictor) -> list[Event]:
    return push_all(Stream(small, sampling_rate=RATE, channels=2), [example(44, 63)])


def at(rate: int) -> FloatArray:
    resampled = soxr.resample(example(44, 63).T, RATE, rate).T
    return np.ascontiguousarray(resampled.clip(-1, 1), np.float32)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_turns_and_windows_stay_close(small: Predictor, at_8_khz: list[Event], rate: int) -> None:
    events = push_all(Stream(small, sampling_rate=rate, channels=2), [at(rate)])
    for found, expected in zip(turns_of(events), turns_of(at_8_khz), strict=True):
        assert found.channel == expected.channel
        assert abs(found.segment.start - expected.segment.start) <= CHUNK
        assert abs(found.segment.end - expected.segment.end) <= CHUNK
    windows, expected_windows = windows_of(events), windows_of(at_8_khz)
    assert [w.segment for w in windows] == [w.segment for w in expected_windows]
    probabilities = np.array([w.probabilities for w in windows])
    differences = np.abs(probabilities - [w.probabilities for w in expected_windows]).max(axis=1)
    assert differences.max() < LARGEST
    assert differences.mean() < MEAN
