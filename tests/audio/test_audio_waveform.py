"""Arrays of users become waveforms, or are refused."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.audio import as_waveform, check_waveform
from tonfall.errors import AudioError


@pytest.mark.parametrize(
    ("dtype", "lowest", "half"),
    [
        (np.uint8, 0, 192),
        (np.int16, -(1 << 15), 1 << 14),
        (np.int32, -(1 << 31), 1 << 30),
        (np.float16, -1, 0.5),
        (np.float32, -1, 0.5),
        (np.float64, -1, 0.5),
    ],
)
def test_every_type_comes_to_full_scale(dtype: type, lowest: float, half: float) -> None:
    waveform = as_waveform(np.array([lowest, half], dtype), sampling_rate=8000)
    np.testing.assert_array_equal(waveform, np.array([[-1, 0.5]], np.float32))
    assert waveform.dtype == np.float32


def test_a_list_of_samples_is_one_channel() -> None:
    assert as_waveform([0.0, 0.5], sampling_rate=8000).shape == (1, 2)


def test_a_waveform_is_passed_on_without_a_copy() -> None:
    waveform = np.zeros((2, 100), np.float32)
    assert as_waveform(waveform, sampling_rate=16000) is waveform
    check_waveform(waveform, 16000)


def test_an_overshoot_is_clipped() -> None:
    waveform = as_waveform(np.array([1.5, -1.2, 0.3], np.float32), sampling_rate=8000)
    np.testing.assert_array_equal(waveform, np.array([[1, -1, 0.3]], np.float32))


@pytest.mark.parametrize(
    ("samples", "sampling_rate", "message"),
    [
        (np.zeros(0), 16000, "there are no samples"),
        (np.zeros((2, 0)), 16000, "there are no samples"),
        (np.zeros((0, 5)), 16000, "there are no samples"),
        (np.float32(0.5), 16000, "has 0 axes"),
        (np.zeros((1, 2, 3)), 16000, "has 3 axes"),
        (np.zeros((9, 100)), 16000, "there are 9 channels, but 1 to 8"),
        (np.zeros((64, 100)), 16000, "there are 64 channels, but 1 to 8"),
        (np.zeros((100, 2)), 16000, "looks transposed"),
        (np.array([0, np.nan, np.nan]), 16000, "2 of its samples are NaN or infinite.*index 1"),
        (np.array([0, -np.inf]), 16000, "1 of its samples are NaN or infinite"),
        (np.array([1e300]), 16000, "NaN or infinite"),
        (np.array([0.0, 12000.0]), 16000, "reach 1.2e.04, .*divide them by their full scale"),
        (np.zeros(5, np.int64), 16000, "type is int64"),
        (np.zeros(5, bool), 16000, "type is bool"),
        (np.zeros(5, complex), 16000, "type is complex128"),
        (np.zeros(5), 0, "sampling rate is 0 Hz, but 4000 to 384000 Hz"),
        (np.zeros(5), 3999, "sampling rate is 3999 Hz"),
        (np.zeros(5), 5_000_000, "sampling rate is 5000000 Hz"),
        (np.zeros(5), -8000, "sampling rate is -8000 Hz"),
    ],
)
def test_what_is_no_waveform_is_refused(
    samples: np.ndarray, sampling_rate: int, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        as_waveform(samples, sampling_rate=sampling_rate)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(5, np.float32), "has 1 axes"),
        (np.zeros((1, 5)), "type is float64, but float32"),
        (np.full((1, 5), 1.5, np.float32), "peak is 1.5"),
        (np.full((1, 5), np.nan, np.float32), "NaN or infinite"),
    ],
)
def test_checking_converts_nothing(waveform: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        check_waveform(waveform, 16000)
