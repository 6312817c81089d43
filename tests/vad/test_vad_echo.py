from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.vad import CHUNK, EchoSuppressor, VoiceSettings
from tonfall.vad.echo import ECHO_CHUNKS, _of_the_others, chunk_levels, without_echo


def power(level_db: float) -> float:
    return 10 ** (level_db / 10)


def both(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.array([first, second], np.float32)


def test_the_level_of_a_chunk_is_its_mean_square() -> None:
    waveform = np.full((2, CHUNK + CHUNK // 2), 0.5, np.float32)
    waveform[1] *= -0.2
    np.testing.assert_allclose(chunk_levels(waveform), [[0.25, 0.125], [0.01, 0.005]], rtol=1e-6)


def test_a_voice_echoes_from_the_probability_on_that_is_set() -> None:
    spoken, levels = both([0.4], [0.8]), both([power(-10)], [power(-40)])
    np.testing.assert_array_equal(without_echo(spoken, levels), spoken)
    found = without_echo(spoken, levels, VoiceSettings(loud=0.4))
    np.testing.assert_array_equal(found, both([0.4], [0]))


def test_what_is_20_db_below_the_other_voice_is_its_echo() -> None:
    found = without_echo(both([0.9], [0.8]), both([power(-20)], [power(-40)]))
    np.testing.assert_array_equal(found, both([0.9], [0]))


def test_double_talk_of_unequal_voices_survives() -> None:
    spoken = both([0.9], [0.8])
    found = without_echo(spoken, both([power(-20)], [power(-35)]))
    np.testing.assert_array_equal(found, spoken)


def test_loud_noise_without_voice_silences_nobody() -> None:
    spoken = both([0.4], [0.8])
    found = without_echo(spoken, both([power(-10)], [power(-40)]))
    np.testing.assert_array_equal(found, spoken)


def test_echo_outlasts_its_voice_by_a_quarter_second() -> None:
    length = ECHO_CHUNKS + 2
    spoken = both([0.9] + [0.0] * (length - 1), [0.8] * length)
    levels = both([power(-20)] + [power(-90)] * (length - 1), [power(-45)] * length)
    found = without_echo(spoken, levels)
    np.testing.assert_array_equal(found[1] == 0, np.arange(length) < ECHO_CHUNKS)


def test_the_loudest_of_three_is_measured_against_the_second() -> None:
    levels = np.array([[power(-20)], [power(-30)], [power(-40)]], np.float32)
    found = without_echo(np.full((3, 1), 0.9, np.float32), levels)
    np.testing.assert_array_equal(found[:, 0] > 0, [True, True, False])


def test_equally_loud_voices_all_survive() -> None:
    spoken = np.full((3, 4), 0.9, np.float32)
    np.testing.assert_array_equal(without_echo(spoken, np.full((3, 4), 0.01, np.float32)), spoken)


def test_one_channel_is_left_alone() -> None:
    spoken = np.full((1, 3), 0.9, np.float32)
    found = EchoSuppressor(channels=1).suppress(spoken, np.full((1, 3), 0.01, np.float32))
    np.testing.assert_array_equal(found, spoken)


@given(
    seed=st.integers(0, 1000),
    channels=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 60), max_size=10),
)
def test_any_chunking_gives_the_same(seed: int, channels: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    spoken = rng.random((channels, 60), np.float32)
    levels = (10 ** rng.uniform(-8, 0, (channels, 60))).astype(np.float32)
    suppressor = EchoSuppressor(channels=channels)
    parts = zip(
        np.split(spoken, sorted(cuts), axis=1),
        np.split(levels, sorted(cuts), axis=1),
        strict=True,
    )
    found = np.concatenate([suppressor.suppress(*part) for part in parts], axis=1)
    np.testing.assert_array_equal(found, without_echo(spoken, levels))


@pytest.mark.parametrize("levels", list(permutations([1.0, 3.0, 5.0, 7.0])))
def test_the_loudest_of_the_others_is_that_of_all_but_oneself(levels: tuple[float, ...]) -> None:
    loudness = np.array(levels, np.float32)[:, None]
    expected = [[5.0] if own == 7.0 else [7.0] for own in levels]
    assert _of_the_others(loudness).tolist() == expected
