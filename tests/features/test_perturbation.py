"""Jitter and shimmer of frames: of trains of pulses that are known, and against openSMILE."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tonfall.features.perturbation import frame_perturbation

RATE = 16_000


def train(lengths: tuple[int, ...], sizes: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """A second of decaying oscillations, whose distances and sizes repeat."""
    pulse = np.exp(-np.arange(60) / 12) * np.sin(2 * np.pi * np.arange(60) / 9)
    sound, place, number = np.zeros(RATE + 200), 0, 0
    while place < RATE:
        sound[place : place + 60] += 0.5 * sizes[number % len(sizes)] * pulse
        place += lengths[number % len(lengths)]
        number += 1
    return sound[:RATE].astype(np.float32)


def steady(sound: npt.NDArray[np.float32], pitch_hz: float) -> npt.NDArray[np.float64]:
    """Medians of both over frames that have settled."""
    values = frame_perturbation(sound, np.full(90, pitch_hz))
    return np.asarray(np.median(values[10:], axis=0))


def test_what_repeats_has_neither() -> None:
    np.testing.assert_allclose(steady(train((100,), (1.0,)), 160), [0, 0], atol=1e-3)


@pytest.mark.parametrize("change", [1, 2, 3])
def test_lengths_that_alternate_are_jitter(change: int) -> None:
    jitter, _ = steady(train((100 - change, 100 + change), (1.0,)), 160)
    # Two stretches of equal length hold pulses that are one period apart, so each length is found.
    np.testing.assert_allclose(jitter, 2 * change / 100, rtol=0.1)


def test_one_period_a_frame_is_compared_with_the_one_before() -> None:
    jitter, _ = steady(train((148, 152), (1.0,)), RATE / 150)
    np.testing.assert_allclose(jitter, 4 / 150, rtol=0.1)


@pytest.mark.parametrize("quiet", [0.9, 0.7])
def test_sizes_that_alternate_are_shimmer(quiet: float) -> None:
    _, shimmer_db = steady(train((100,), (1.0, quiet)), 160)
    expected = 20 * np.log10(1 + (1 - quiet) / ((1 + quiet) / 2))
    np.testing.assert_allclose(shimmer_db, expected, rtol=0.02)


def test_without_voice_both_are_zero() -> None:
    sound = train((100,), (1.0,))
    assert not frame_perturbation(sound, np.zeros(90)).any()
    assert not frame_perturbation(np.zeros_like(sound), np.full(90, 160.0)).any()


def test_made_up_speech_gets_opensmiles_contours(speech: npt.NDArray[np.float32]) -> None:
    opensmile = pytest.importorskip("opensmile")
    from tonfall.features import egemaps_frames

    peer = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    ).process_signal(speech, RATE)
    ours = egemaps_frames(speech[None], RATE)[0][:-2, 11:13]
    theirs = peer.to_numpy()[: len(ours), 11:13]
    voiced = np.isfinite(ours[:, 0]) & (theirs[:, 1] > 0)
    assert voiced.sum() > 100
    close = np.abs(ours - theirs)[voiced] < [2e-4, 5e-3]
    # At the ends of a voice, where correlations are low, a frame of pitch decides; elsewhere a last
    # bit may.
    assert close.mean() > 0.9
