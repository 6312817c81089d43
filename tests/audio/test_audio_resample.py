"""Resampling: the same to the bit however cut, in time, clean, of exact length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, resample
from tonfall.errors import AudioError

RATES = [4000, 7999, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 384000]


def noise(*, channels: int, samples: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return (0.2 * rng.standard_normal((channels, samples))).astype(np.float32)


def sine(frequency_hz: float, *, sampling_rate: int, samples: int) -> FloatArray:
    phase = 2 * np.pi * frequency_hz * np.arange(samples) / sampling_rate
    return (0.5 * np.sin(phase))[None].astype(np.float32)


def stream(waveform: FloatArray, cuts: list[int], *, source_rate: int) -> FloatArray:
    resampler = Resampler(source_rate=source_rate, channels=waveform.shape[0])
    given_out = [resampler.push(piece) for piece in np.split(waveform, sorted(cuts), axis=1)]
    return np.concatenate([*given_out, resampler.close()], axis=1)


@settings(deadline=None, max_examples=60)
@given(
    source_rate=st.sampled_from(RATES),
    channels=st.sampled_from([1, 2, 3, 8]),
    samples=st.integers(0, 3000),
    data=st.data(),
)
def test_cutting_changes_no_bit(
    source_rate: int, channels: int, samples: int, data: st.DataObject
) -> None:
    waveform = noise(channels=channels, samples=samples, seed=samples)
    cuts = data.draw(st.lists(st.integers(0, samples), max_size=12))
    at_once = resample(waveform, source_rate=source_rate)
    np.testing.assert_array_equal(stream(waveform, cuts, source_rate=source_rate), at_once)


@settings(deadline=None)
@given(
    source_rate=st.integers(4000, 50000),
    target_rate=st.sampled_from([8000, 16000, 24000]),
    samples=st.integers(0, 2000),
)
def test_length_is_the_rounded_ratio(source_rate: int, target_rate: int, samples: int) -> None:
    waveform = np.zeros((1, samples), np.float32)
    resampled = resample(waveform, source_rate=source_rate, target_rate=target_rate)
    assert resampled.shape == (1, round(samples * target_rate / source_rate))
    assert resampled.dtype == np.float32


@pytest.mark.parametrize("source_rate", RATES)
def test_a_tone_keeps_its_time_level_and_pitch(source_rate: int) -> None:
    waveform = sine(1000, sampling_rate=source_rate, samples=source_rate)
    expected = sine(1000, sampling_rate=16000, samples=16000)
    resampled = resample(waveform, source_rate=source_rate)
    # At its edges the tone begins and ends abruptly, which no filter can follow.
    inner = slice(2000, -2000)
    np.testing.assert_allclose(resampled[:, inner], expected[:, inner], atol=5e-5)


@pytest.mark.parametrize("source_rate", [22050, 44100, 48000])
def test_what_the_target_cannot_hold_is_removed(source_rate: int) -> None:
    waveform = sine(9000, sampling_rate=source_rate, samples=source_rate)
    assert np.abs(resample(waveform, source_rate=source_rate)[:, 2000:-2000]).max() < 1e-4


@pytest.mark.parametrize("frequency_hz", [50, 1000, 3400, 3840])
def test_doubling_the_telephone_rate_adds_no_image(frequency_hz: float) -> None:
    waveform = sine(frequency_hz, sampling_rate=8000, samples=8000)
    expected = sine(frequency_hz, sampling_rate=16000, samples=16000)
    error = resample(waveform, source_rate=8000) - expected
    # 5e-5 of an amplitude of 0.5 is 80 dB.
    assert np.abs(error[:, 400:-400]).max() < 1e-4


@pytest.mark.parametrize("ratio", [2.0, 3.0])
def test_gain_passes_through(ratio: float) -> None:
    waveform = noise(channels=2, samples=4000)
    louder = resample(waveform * np.float32(ratio), source_rate=8000)
    np.testing.assert_allclose(louder, resample(waveform, source_rate=8000) * ratio, atol=1e-5)


@pytest.mark.parametrize("source_rate", [8000, 48000])
def test_channels_do_not_mix(source_rate: int) -> None:
    waveform = noise(channels=3, samples=4000)
    together = resample(waveform, source_rate=source_rate)
    apart = [resample(waveform[[channel]], source_rate=source_rate) for channel in range(3)]
    np.testing.assert_allclose(together, np.concatenate(apart), atol=1e-6)


@pytest.mark.parametrize(
    ("source_rate", "delay_ms"),
    [(16000, 0), (8000, 8), (22050, 60), (44100, 60), (48000, 60), (11025, 107), (96000, 107)],
)
def test_delay_is_as_promised(source_rate: int, delay_ms: float) -> None:
    resampler = Resampler(source_rate=source_rate, channels=1)
    chunk = np.zeros((1, source_rate // 100 + 1), np.float32)
    pushed = given_out = 0
    worst = 0.0
    for _ in range(100):
        given_out += resampler.push(chunk).shape[1]
        pushed += chunk.shape[1]
        worst = max(worst, pushed / source_rate - given_out / 16000)
    assert round(1000 * worst, 6) <= delay_ms


def test_equal_rates_pass_the_array_on() -> None:
    waveform = noise(channels=2, samples=100)
    assert resample(waveform, source_rate=16000) is waveform
    assert Resampler(source_rate=16000, channels=2).push(waveform) is waveform


@pytest.mark.parametrize(("source_rate", "target_rate"), [(0, 16000), (16000, 5_000_000)])
def test_rates_out_of_bounds_are_refused(source_rate: int, target_rate: int) -> None:
    with pytest.raises(AudioError, match=r"sampling rate is \d+ Hz, but 4000 to 384000 Hz"):
        Resampler(source_rate=source_rate, target_rate=target_rate, channels=1)


@pytest.mark.parametrize("shape", [(100,), (1, 100), (3, 100)])
def test_another_number_of_channels_is_refused(shape: tuple[int, ...]) -> None:
    resampler = Resampler(source_rate=8000, channels=2)
    with pytest.raises(AudioError, match=r"\(2, samples\) is expected"):
        resampler.push(np.zeros(shape, np.float32))
