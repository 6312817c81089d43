"""Pitch, jitter, shimmer, harmonics to noise and formants of made-up vowels, and against Praat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter, resample_poly

from tonfall.features import VoiceContour, cpp, formants, hnr, jitter, pitch, shimmer
from tonfall.features.pitch_marks import pitch_marks

RATE = 16_000
FINER = 8
PERIODS = (0, 0, 0.0001, 0.02, 1.3)
"""Praat's times from and to, shortest and longest period, and largest factor between two."""
Descriptor = Callable[[npt.NDArray[np.float32], int], VoiceContour]
VOWELS = {
    "a": (700, 1200, 2600, 3500, 4500),
    "i": (300, 2200, 2900, 3600, 4500),
    "u": (350, 800, 2500, 3400, 4500),
}


def vowel(
    name: str, pitch_hz: float, *, rough: float = 0.0, noise: float = 0.001
) -> npt.NDArray[np.float32]:
    """A second of pulses through five resonances, quantised to 16 bit.

    Args:
        name: of `VOWELS`.
        pitch_hz: of the pulses.
        rough: deviation of the lengths of periods; four times it that of amplitudes.
        noise: deviation of white noise that is added.
    """
    rng = np.random.default_rng(3)
    pulses, time = np.zeros(RATE * FINER), 0.02
    while time < 0.98:
        pulses[int(time * RATE * FINER)] += 1 + 4 * rough * rng.normal()
        time += (1 + rough * rng.normal()) / pitch_hz
    sound = lfilter([1], [1, -0.98], resample_poly(pulses, 1, FINER) * FINER)
    for place, frequency in enumerate(VOWELS[name]):
        radius, angle = np.exp(-np.pi * (70 + 25 * place) / RATE), 2 * np.pi * frequency / RATE
        sound = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    sound = 0.5 * sound / np.abs(sound).max() + noise * rng.normal(size=RATE)
    return (np.round(sound * 32767) / 32768).astype(np.float32)


@pytest.mark.parametrize(("name", "pitch_hz"), [("a", 110.0), ("a", 220.0), ("i", 110.0)])
@pytest.mark.parametrize("rough", [0.005, 0.02])
def test_vowels_have_praats_values(name: str, pitch_hz: float, rough: float) -> None:
    praat = pytest.importorskip("parselmouth")
    samples = vowel(name, pitch_hz, rough=rough)
    samples -= samples.mean()  # Praat counts an offset to the amplitude of each period
    sound = praat.Sound(samples.astype(np.float64), RATE)
    contour = sound.to_pitch_ac(time_step=0.01, pitch_floor=60, pitch_ceiling=600)
    ours = pitch(samples[None], RATE)
    theirs = np.array([contour.get_value_at_time(time) for time in ours.times])
    both = np.isfinite(theirs) & np.isfinite(ours.frequency[0])
    error = np.abs(ours.frequency[0] / theirs - 1)[both]
    assert both.sum() > 70
    assert np.median(error) < 0.01
    assert (error > 0.2).mean() < 0.02
    harmonicity = sound.to_harmonicity_ac(0.01, 75, 0.1, 4.5)
    found = hnr(samples[None], RATE)
    expected = np.array([harmonicity.get_value(time) for time in found.times])
    assert abs(np.nanmedian((found.values[0] - expected)[both])) < 1
    marks = praat.praat.call([sound, contour], "To PointProcess (cc)")
    lengths = praat.praat.call(marks, "Get jitter (local)", *PERIODS)
    levels = praat.praat.call([sound, marks], "Get shimmer (local)", *PERIODS, 1.6)
    np.testing.assert_allclose(jitter(samples, RATE).overall, lengths, rtol=0.05)
    np.testing.assert_allclose(shimmer(samples, RATE).overall, levels, rtol=0.1)


@pytest.mark.parametrize("descriptor", [jitter, shimmer, hnr, cpp])
def test_an_offset_changes_nothing(descriptor: Descriptor) -> None:
    sound = vowel("a", 120, rough=0.01)
    clean, moved = descriptor(sound, RATE), descriptor(0.5 * sound + np.float32(0.2), RATE)
    np.testing.assert_allclose(moved.overall, clean.overall, rtol=0.02)


def test_the_overall_value_of_nothing_is_nan() -> None:
    for descriptor in (jitter, shimmer, hnr, cpp):
        assert np.isnan(descriptor(np.zeros((2, RATE), np.float32), RATE).overall).all()


def test_a_mark_stands_in_each_period() -> None:
    lengths = 100 + np.random.default_rng(6).integers(-3, 4, 60)
    sound, places = np.zeros(8000, np.float32), 200 + np.cumsum(lengths)
    pulse = np.exp(-np.arange(60) / 12) * np.sin(2 * np.pi * np.arange(60) / 9)
    for place in places:
        sound[place : place + 60] += pulse
    [marks] = pitch_marks(sound, np.full(38, 160.0), first=320)
    offset = marks.places - places[np.searchsorted(places, marks.places) - 1]
    assert len(marks.places) in (59, 60, 61)
    # Rounded to samples, the pulses are where they were put.
    assert np.ptp(offset[1:-1]) < 0.5


@pytest.mark.parametrize("name", VOWELS)
def test_formants_are_those_of_the_resonances(name: str) -> None:
    found = formants(vowel(name, 110), RATE)
    np.testing.assert_allclose(
        np.nanmedian(found.frequency[0, :, :3], axis=0), VOWELS[name][:3], rtol=0.05
    )


def train(lengths: tuple[int, ...], sizes: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """A second of decaying oscillations, whose distances and sizes repeat."""
    pulse = np.exp(-np.arange(60) / 12) * np.sin(2 * np.pi * np.arange(60) / 9)
    sound, place, number = np.zeros(RATE + 200), 0, 0
    while place < RATE:
        sound[place : place + 60] += 0.5 * sizes[number % len(sizes)] * pulse
        place += lengths[number % len(lengths)]
        number += 1
    return sound[:RATE].astype(np.float32)


def test_jitter_and_shimmer_of_trains_are_what_they_were_made_with() -> None:
    uneven = jitter(train((98, 102), (1.0,)), RATE)
    np.testing.assert_allclose(np.nanmean(uneven.values), 4 / 100, rtol=0.1)
    uneven = shimmer(train((100,), (1.0, 0.8)), RATE)
    np.testing.assert_allclose(np.nanmean(uneven.values), 0.2 / 0.9, rtol=0.1)
    even = train((100,), (1.0,))
    assert np.nanmean(jitter(even, RATE).values) < 1e-3
    assert np.nanmean(shimmer(even, RATE).values) < 1e-3


@pytest.mark.parametrize("ratio_db", [5.0, 10.0, 20.0])
def test_harmonics_to_noise_is_the_ratio_of_the_powers(ratio_db: float) -> None:
    times = np.arange(RATE) / RATE
    clean = sum(np.sin(2 * np.pi * 200 * k * times) for k in range(1, 6))
    noise = np.random.default_rng(2).normal(size=RATE)
    noise *= np.std(clean) / np.std(noise) * 10 ** (-ratio_db / 20)
    found = hnr((0.1 * (clean + noise)).astype(np.float32), RATE)
    np.testing.assert_allclose(np.nanmedian(found.values), ratio_db, atol=1)


def test_a_noisy_voice_has_less_cepstral_prominence() -> None:
    clear, breathy = (cpp(vowel("a", 120, noise=noise), RATE) for noise in (0.001, 0.05))
    assert np.nanmean(clear.values) > np.nanmean(breathy.values) + 3
    smooth = cpp(vowel("a", 120), RATE, smoothing=7)
    assert np.nanmean(smooth.values) > 10
    assert np.nanstd(smooth.values) < np.nanstd(clear.values)


@pytest.mark.parametrize("descriptor", [jitter, shimmer, hnr, cpp])
@pytest.mark.parametrize("count", [RATE, 960, 80, 0])
def test_without_voice_each_is_nan(descriptor: object, count: int) -> None:
    assert callable(descriptor)
    noise = 0.1 * np.random.default_rng(1).normal(size=count)
    for samples in (np.zeros(count), noise):
        found = descriptor(samples[None].astype(np.float32), RATE)
        assert found.values.shape == (1, len(found.times))
        assert np.isfinite(found.values).sum() < 10
