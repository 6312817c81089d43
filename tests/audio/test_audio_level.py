"""Levels in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import FLOOR_DB, peak_db, rms_db
from tonfall.errors import AudioError


def test_a_full_scale_sine_has_minus_three_decibels() -> None:
    sine = np.sin(2 * np.pi * np.arange(1600) / 16)[None].astype(np.float32)
    np.testing.assert_allclose(rms_db(sine, window=160, hop=160), -3.0103, atol=1e-3)
    np.testing.assert_allclose(peak_db(sine, window=160, hop=160), 0, atol=1e-3)


def test_silence_is_at_the_floor() -> None:
    silence = np.zeros((2, 400), np.float32)
    for level in (rms_db, peak_db):
        np.testing.assert_array_equal(level(silence, window=400, hop=160), FLOOR_DB)


def test_channels_are_measured_apart() -> None:
    waveform = np.array([[1.0] * 300, [0.1] * 300], np.float32)
    np.testing.assert_allclose(rms_db(waveform, window=300, hop=1), [[0], [-20]], atol=1e-5)
    np.testing.assert_allclose(peak_db(waveform, window=300, hop=1), [[0], [-20]], atol=1e-5)


@settings(deadline=None)
@given(samples=st.integers(10, 60), window=st.integers(1, 10), hop=st.integers(1, 12))
def test_frames_start_every_hop_and_leave_the_tail(samples: int, window: int, hop: int) -> None:
    waveform = np.linspace(0.1, 1, samples, dtype=np.float32)[None]
    starts = range(0, samples - window + 1, hop)
    frames = [waveform[0, start : start + window] for start in starts]
    rms = [10 * np.log10(np.mean(frame**2)) for frame in frames]
    peak = [20 * np.log10(np.max(frame)) for frame in frames]
    np.testing.assert_allclose(rms_db(waveform, window=window, hop=hop), [rms], atol=1e-4)
    np.testing.assert_allclose(peak_db(waveform, window=window, hop=hop), [peak], atol=1e-4)


def test_less_than_a_frame_is_refused() -> None:
    for level in (rms_db, peak_db):
        with pytest.raises(AudioError, match="has 399 samples, but one frame takes 400"):
            level(np.zeros((1, 399), np.float32), window=400, hop=160)
