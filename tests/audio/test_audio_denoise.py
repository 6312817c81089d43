import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.audio import Denoiser, denoise
from tonfall.errors import AudioError

RATE = 8000


def noise(seconds: float, *, level: float = 0.02, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (level * rng.standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def bursts(seconds: float, *, level: float) -> np.ndarray:
    """(1, n) a tone of 500 Hz, half a second on and half a second off."""
    times = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 500 * times) * (times % 1 < 0.5))[None].astype(np.float32)


def power_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_steady_noise_is_turned_down():
    heard = noise(6)
    cleaned = denoise(heard, sampling_rate=RATE)
    assert power_db(cleaned[:, 3 * RATE :]) < power_db(heard[:, 3 * RATE :]) - 9


def test_speech_in_noise_stands_out_more_than_before():
    speech, background = bursts(8, level=0.05), noise(8)
    cleaned = denoise(speech + background, sampling_rate=RATE)[0, 3 * RATE :].reshape(5, 2, -1)
    heard = (speech + background)[0, 3 * RATE :].reshape(5, 2, -1)

    def contrast(samples: np.ndarray) -> float:
        return power_db(samples[:, 0, 400:-400]) - power_db(samples[:, 1, 400:-400])

    assert contrast(cleaned) > contrast(heard) + 6


def test_what_is_clean_comes_back_as_it_was():
    """Up to rounding: the windows' squares add up to 1."""
    heard = bursts(6, level=0.5) + noise(6, level=1e-4)
    np.testing.assert_allclose(denoise(heard, sampling_rate=RATE), heard, atol=1e-6)


def test_silence_stays_silence():
    assert not denoise(np.zeros((2, 4 * RATE), np.float32), sampling_rate=RATE).any()


@given(cuts=st.lists(st.integers(0, 3 * RATE), max_size=12))
def test_any_chunking_gives_the_same_bits(cuts: list[int]):
    heard = bursts(3, level=0.03) + noise(3)
    denoiser = Denoiser(sampling_rate=RATE, channels=1)
    edges = sorted(cuts)
    parts = [denoiser.push(part) for part in np.split(heard, edges, axis=1)]
    parts.append(denoiser.close())
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), denoise(heard, sampling_rate=RATE))


@given(samples=st.integers(0, 2000))
def test_as_much_comes_out_as_went_in(samples: int):
    denoiser = Denoiser(sampling_rate=RATE, channels=2)
    first = denoiser.push(noise(1, channels=2)[:, :samples])
    assert samples - first.shape[1] <= 32 * RATE // 1000 + 1 or not samples
    assert first.shape[1] + denoiser.close().shape[1] == samples


def test_channels_do_not_hear_each_other():
    one, other = noise(4), bursts(4, level=0.05) + noise(4, level=0.03)
    both = denoise(np.concatenate([one, other]), sampling_rate=RATE)
    np.testing.assert_array_equal(both[:1], denoise(one, sampling_rate=RATE))


def test_another_number_of_channels_is_refused():
    with pytest.raises(AudioError, match=r"shape \(1, 10\) came, but \(2, samples\) is expected"):
        Denoiser(sampling_rate=RATE, channels=2).push(np.zeros((1, 10), np.float32))


@pytest.mark.parametrize(("rate", "channels"), [(100, 1), (8000, 0)])
def test_a_stream_that_cannot_be_is_refused(rate: int, channels: int):
    with pytest.raises(AudioError):
        Denoiser(sampling_rate=rate, channels=channels)
