"""Whether all channels hold the same sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_recordings import speech_like
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.audio import ChannelLikeness, read

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000


@pytest.fixture(scope="module")
def call() -> FloatArray:
    """Two people, a channel each, (2, samples) at 8 kHz."""
    return read(EXAMPLE)[0]


@pytest.fixture(scope="module")
def mix(call: FloatArray) -> FloatArray:
    """(samples,)"""
    return call.mean(axis=0)


def compared(*channels: FloatArray, rate: int = RATE) -> ChannelLikeness:
    likeness = ChannelLikeness(channels=len(channels), sampling_rate=rate)
    likeness.update(np.stack(channels).astype(np.float32))
    likeness.finish()
    return likeness


def noise(like: FloatArray, *, below_db: float) -> FloatArray:
    """White noise so far below the voice where there is one."""
    level = np.sqrt(np.mean(like[np.abs(like) > 0.02] ** 2))
    rng = np.random.default_rng(0)
    return (level * 10 ** (-below_db / 20) * rng.standard_normal(len(like))).astype(np.float32)


def late(samples: FloatArray, *, by: float) -> FloatArray:
    """By samples, or parts of one."""
    place = np.arange(len(samples))
    return np.interp(place - by, place, samples).astype(np.float32)


def test_copies_of_one_mix_are_the_same(mix: FloatArray) -> None:
    copies = {
        "equal": mix,
        "half": 0.5 * mix,
        "inverted": -mix,
        "1 ms late": np.roll(mix, 8),
        "9 ms early": np.roll(mix, -72),
        "half a sample late": late(mix, by=0.5),
        "noisy": mix + noise(mix, below_db=20),
        "offset": mix + 0.1,
        "all": -0.5 * late(mix, by=7.5) + 0.5 * noise(mix, below_db=25),
    }
    differ = [name for name, copy in copies.items() if not compared(mix, copy).same]
    assert differ == []


@pytest.mark.parametrize("gain", [1, 0.5, -1])
def test_a_copy_through_mp3_is_the_same(mix: FloatArray, gain: float, tmp_path: Path) -> None:
    path = tmp_path / "call.mp3"
    late_copy = gain * np.roll(mix, 8)
    soundfile.write(path, np.stack([mix, late_copy]).T, RATE, bitrate_mode="CONSTANT")
    decoded, rate = read(path)
    assert compared(*decoded, rate=rate).same


def test_two_sides_of_a_call_are_not_the_same(call: FloatArray) -> None:
    assert compared(*call).different


@pytest.mark.parametrize("echo_db", [-20, -12, -6, -4])
@pytest.mark.parametrize("lag", [0, 40])
def test_two_sides_with_strong_echo_are_not_the_same(
    call: FloatArray, echo_db: float, lag: int
) -> None:
    echo = 10 ** (echo_db / 20) * np.roll(call[::-1], lag, axis=1)
    assert not compared(*(call + echo)).same


def test_an_announcement_on_both_sides_is_not_the_whole(call: FloatArray, mix: FloatArray) -> None:
    begins = np.stack([mix, mix])[:, : 15 * RATE]
    assert not compared(*np.concatenate([begins, call], axis=1)).same


def test_stereo_music_is_not_the_same() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(20 * RATE) / RATE
    music = np.zeros((2, len(time)))
    for start, pan in zip(rng.uniform(0, 18, 60), rng.uniform(0, 1, 60), strict=True):
        decay = np.exp(-3 * np.maximum(0, time - start)) * (time > start)
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        music += 0.1 * decay * np.sin(2 * np.pi * pitch * time) * [[pan], [1 - pan]]
    assert not compared(*music).same


def test_every_channel_must_be_the_same(call: FloatArray, mix: FloatArray) -> None:
    assert compared(mix, mix, -mix).same
    assert not compared(mix, mix, call[0]).same


def test_levels_are_those_of_the_others_over_the_first(mix: FloatArray) -> None:
    levels = compared(mix, 0.5 * mix, -mix).levels_db
    np.testing.assert_allclose(levels, [20 * np.log10(0.5), 0], atol=1e-3)


def test_a_second_is_compared_with_its_last_sample(mix: FloatArray) -> None:
    likeness = ChannelLikeness(channels=2, sampling_rate=RATE)
    sound = np.stack([mix, mix])[:, RATE : 4 * RATE]
    likeness.update(sound[:, :1000])
    assert likeness.missing == RATE - 1000
    likeness.update(sound[:, 1000 : RATE - 1])
    assert (likeness.missing, likeness.seconds) == (1, 0)
    likeness.update(sound[:, RATE - 1 : RATE])
    assert (likeness.missing, likeness.seconds) == (RATE, 1)


def test_silence_is_compared_with_nothing() -> None:
    likeness = compared(*np.zeros((2, 20 * RATE)))
    assert (likeness.seconds, likeness.same, likeness.different) == (0, False, False)


def test_what_is_shorter_than_a_second_is_compared(mix: FloatArray) -> None:
    start = int(np.abs(mix).argmax())
    word = mix[start - 1000 : start + 1000]
    assert compared(word, 0.5 * word).same


@pytest.mark.parametrize("rate", [4000, 11025, 44100])
def test_every_rate_is_compared(rate: int) -> None:
    sound = speech_like(channels=2, samples=5 * rate)
    assert compared(sound[0], -0.3 * np.roll(sound[0], rate // 500), rate=rate).same
    assert not compared(*sound, rate=rate).same


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 20 * RATE), max_size=8))
def test_cuts_do_not_show(cuts: list[int]) -> None:
    sound = speech_like(channels=2, samples=20 * RATE)
    sound[1] += 0.6 * sound[0]
    whole, cut = compared(*sound), ChannelLikeness(channels=2, sampling_rate=RATE)
    for part in np.split(sound, sorted(cuts), axis=1):
        cut.update(part)
    cut.finish()
    assert cut.seconds == whole.seconds
    np.testing.assert_array_equal(cut.likeness(), whole.likeness())


def test_real_calls_are_not_taken_for_a_mix(shared: Path) -> None:
    for path in sorted((shared / "data" / "calls").glob("*.flac")):
        waveform, rate = read(path)
        if len(waveform) == 2:
            echo = waveform + 0.5 * waveform[::-1]
            assert compared(*waveform, rate=rate).different, path.name
            assert not compared(*echo, rate=rate).same, path.name
