"""Syllable nuclei and pauses of loudness whose syllables are known."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.features.rhythm import loudness_level, pauses, syllable_nuclei

FRAMES = np.arange(400)


def swelling(dip_db: float) -> np.ndarray:
    """Ten syllables in 4 s, between which the level dips."""
    level = -dip_db * (0.5 - 0.5 * np.cos(2 * np.pi * FRAMES / 40 + np.pi))
    return 10 ** (level * 0.033)


def test_each_dip_of_more_than_2_db_parts_two_nuclei() -> None:
    voiced = np.ones(400)
    assert len(syllable_nuclei(swelling(6), voiced)) == 10
    assert len(syllable_nuclei(swelling(1), voiced)) == 0


def test_a_peak_without_a_voice_is_none() -> None:
    found = syllable_nuclei(swelling(6), np.where(FRAMES < 200, 1.0, 0.0))
    assert len(found) == 5
    assert found.max() < 200


def test_a_vowel_in_noise_counts_though_it_has_no_pitch() -> None:
    # A pitch needs a voicing of 0.7; a hiss has about half.
    assert len(syllable_nuclei(swelling(6), np.full(400, 0.67))) == 10
    assert len(syllable_nuclei(swelling(6), np.full(400, 0.5))) == 0


def test_a_peak_far_below_the_loudest_is_none_whatever_the_gain() -> None:
    faint = np.where(FRAMES < 200, 1.0, 0.1) * swelling(6)
    for gain in (0.3, 1, 3):
        assert len(syllable_nuclei(gain * faint, np.ones(400))) == 5


def test_level_is_that_of_the_power() -> None:
    # Loudness grows with the power to the 0.33.
    found = loudness_level(np.full(20, 100.0**0.33))
    np.testing.assert_allclose(found, 20, atol=1e-9)


@pytest.mark.parametrize("length", [0, 1, 5])
def test_next_to_nothing_has_no_syllables_and_no_pauses(length: int) -> None:
    assert len(syllable_nuclei(np.ones(length), np.ones(length))) == 0
    assert len(pauses(np.ones(length))) == 0


def test_one_click_makes_no_pause_of_speech() -> None:
    speech = np.concatenate([np.ones(200), np.zeros(25), np.ones(200)])
    speech[300] = 1e3
    np.testing.assert_allclose(pauses(speech), [0.25])


def test_silence_before_and_after_is_no_pause() -> None:
    speech = np.concatenate([np.zeros(50), np.ones(30), np.zeros(25), np.ones(30), np.zeros(80)])
    np.testing.assert_allclose(pauses(speech), [0.25])
