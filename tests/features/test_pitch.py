"""Pitch of sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tonfall.features import formants, pitch
from tonfall.features.pitch import semitones

RATE = 16_000


def buzz(pitch_hz: float, seconds: float = 0.5) -> npt.NDArray[np.float32]:
    times = np.arange(int(seconds * RATE)) / RATE
    harmonics = [np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 11)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


@pytest.mark.parametrize("pitch_hz", [80, 123, 200, 317, 450])
def test_a_buzz_has_its_pitch(pitch_hz: float) -> None:
    contour = pitch(buzz(pitch_hz)[None], RATE)
    # The logarithmic axis has 61 points an octave, interpolated: about 0.5 %.
    np.testing.assert_allclose(np.nanmedian(contour.frequency), pitch_hz, rtol=0.01)
    assert np.isfinite(contour.frequency).mean() > 0.95


@pytest.mark.parametrize("offset", [0.01, 0.1, 0.5])
def test_an_offset_hides_no_voice(offset: float) -> None:
    voice = 0.5 * buzz(140) * np.hanning(RATE // 2).astype(np.float32)
    clean, moved = pitch(voice, RATE), pitch(voice + np.float32(offset), RATE)
    both = np.isfinite(clean.frequency) & np.isfinite(moved.frequency)
    # In the faint ends a frame may go either way.
    assert both.sum() >= np.isfinite(clean.frequency).sum() - 2
    np.testing.assert_allclose(moved.frequency[both], clean.frequency[both], rtol=1e-3)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(size=RATE).astype(np.float32) * 0.1
    contour = pitch(np.stack([noise, np.zeros_like(noise)]), RATE)
    assert np.isfinite(contour.frequency[0]).mean() < 0.05
    assert np.isnan(contour.frequency[1]).all()


def test_times_are_the_centres_of_frames() -> None:
    contour = pitch(buzz(100)[None], RATE)
    assert contour.times[0] == 0.03
    np.testing.assert_allclose(np.diff(contour.times), 0.01)


def test_an_octave_is_twelve_semitones() -> None:
    np.testing.assert_allclose(semitones(np.array([27.5, 55, 110, 0])), [1, 12, 24, 0])


def test_formants_of_a_synthetic_vowel() -> None:
    from scipy.signal import lfilter

    pulses = np.zeros(RATE)
    pulses[:: RATE // 110] = 1
    sound = lfilter([1], [1, -0.98], pulses)  # falls by 6 dB an octave, as a voice does at the lips
    for frequency in (650, 1100, 2550, 3500, 4500):
        radius, angle = np.exp(-np.pi * 70 / RATE), 2 * np.pi * frequency / RATE
        sound = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    found = formants((sound / np.abs(sound).max())[None].astype(np.float32), RATE)
    np.testing.assert_allclose(
        np.nanmedian(found.frequency[0, :, :3], axis=0), [650, 1100, 2550], rtol=0.05
    )
