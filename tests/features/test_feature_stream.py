"""A stream of features: what a file gives, however the sound is cut."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import read, resample
from tonfall.errors import AudioError, ConfigError
from tonfall.features import FeatureStream
from tonfall.features.sets import SETS
from tonfall.features.stream import LONGEST_DELAY_S

Numbers = npt.NDArray[np.float64]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000
DELAY_S = {"spectrum": 0.06, "mfcc": 0.096, "prosody": 0.45, "egemaps": 0.46}


@cache
def sound() -> npt.NDArray[np.float32]:
    """(2, n): three seconds of the example call at 8 kHz, in which both speak."""
    waveform, rate = read(EXAMPLE)
    assert rate == RATE
    return waveform[:, 6 * RATE : 9 * RATE]


@cache
def whole(name: str) -> Numbers:
    at_rate = resample(sound(), source_rate=RATE)
    return np.stack([SETS[name].frames(channel) for channel in at_rate])


def streamed(name: str, cuts: list[int]) -> Numbers:
    stream = FeatureStream(name, sampling_rate=RATE, channels=2)
    parts = [stream.push(part) for part in np.split(sound(), sorted(cuts), axis=1)]
    table = np.concatenate([*parts, stream.close()], axis=1)
    assert stream.frames == table.shape[1]
    return table


@pytest.mark.parametrize("name", DELAY_S)
@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * RATE), max_size=8))
def test_any_chunking_gives_the_frames_of_the_whole(name: str, cuts: list[int]) -> None:
    # float32 sums of another shape add in another order.
    np.testing.assert_allclose(streamed(name, cuts), whole(name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", DELAY_S)
def test_packets_of_20_ms_give_the_frames_of_the_whole(name: str) -> None:
    cuts = [*range(160, RATE, 160)]
    np.testing.assert_allclose(streamed(name, cuts), whole(name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "delay"), DELAY_S.items())
def test_a_frame_comes_as_late_as_is_stated_and_no_later(name: str, delay: float) -> None:
    samples = np.zeros(16_000, np.float32)
    stream = FeatureStream(name, sampling_rate=16_000)
    needed = round((0.2 + delay) * 16_000)
    assert stream.push(samples[: needed - 1]).shape[1] == 20
    assert stream.push(samples[:1]).shape[1] == 1
    assert delay <= LONGEST_DELAY_S


def test_an_endless_stream_holds_half_a_second() -> None:
    stream = FeatureStream("egemaps", sampling_rate=16_000)
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    sizes = [(stream.push(noise), held(stream))[1] for _ in range(4)]
    assert sizes[1] == sizes[2] == sizes[3] < 16_000


def held(value: object) -> int:
    """Numbers in the arrays that an object holds, and those that it holds."""
    if isinstance(value, np.ndarray):
        return value.size
    inside = value if isinstance(value, list) else vars(value).values()
    return sum(held(each) for each in inside if isinstance(each, np.ndarray | list) or _ours(each))


def _ours(value: object) -> bool:
    return type(value).__module__.startswith("tonfall.features") and hasattr(value, "__dict__")


def test_a_gap_is_silence() -> None:
    stream, other = (FeatureStream("prosody", sampling_rate=RATE) for _ in range(2))
    begun = sound()[0, :RATE]
    first = [stream.push(begun), stream.skip(0.5), stream.close()]
    second = [other.push(begun), other.push(np.zeros(RATE // 2)), other.close()]
    np.testing.assert_array_equal(np.concatenate(first, 1), np.concatenate(second, 1))


def test_a_long_gap_has_all_its_frames() -> None:
    """It is made half a minute at a time."""
    stream = FeatureStream("spectrum", sampling_rate=RATE)
    frames = stream.skip(61).shape[1] + stream.close().shape[1]
    assert 6090 <= frames <= 6100


@pytest.mark.parametrize("name", DELAY_S)
def test_nothing_and_less_than_a_frame_are_no_frames(name: str) -> None:
    for count in (0, 80):
        stream = FeatureStream(name, sampling_rate=16_000)
        found = [stream.push(np.zeros(count, np.float32)), stream.close(), stream.close()]
        # A frame of cepstra is centred on its time, and the ends are padded.
        expected = int(name == "mfcc" and count > 0)
        assert [each.shape[:2] for each in found] == [(1, 0), (1, expected), (1, 0)]


def test_bad_requests_are_said() -> None:
    with pytest.raises(ConfigError, match="no stream of the feature set 'ComParE'"):
        FeatureStream("ComParE", sampling_rate=RATE)
    stream = FeatureStream("prosody", sampling_rate=RATE)
    with pytest.raises(AudioError, match=r"this stream takes \(1, n\)"):
        stream.push(np.zeros((2, 100), np.float32))
    with pytest.raises(AudioError, match="NaN or infinite"):
        stream.push(np.full(100, np.nan))
    with pytest.raises(AudioError, match="a gap is a finite time"):
        stream.skip(-1)
    stream.close()
    with pytest.raises(AudioError, match="closed; open a new one"):
        stream.push(np.zeros(100, np.float32))
