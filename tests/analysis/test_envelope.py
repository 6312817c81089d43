import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.analysis.envelope import EnvelopeCollector


def collected(waveform: np.ndarray, *, cuts: tuple[int, ...] = (), bins: int = 64):
    collector = EnvelopeCollector(waveform.shape[0], sampling_rate=16000, bins=bins)
    for piece in np.split(waveform, sorted(cuts), axis=1):
        collector.update(piece)
    return collector.compute()


def noise(samples: int, channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (channels, samples)).astype(np.float32)


def test_bins_hold_the_extremes_of_their_stretch():
    waveform = noise(16 * 10)
    envelope = collected(waveform)
    assert envelope.bin_seconds == 0.001
    blocks = waveform.reshape(2, 10, 16)
    assert np.array_equal(envelope.extremes[..., 0], blocks.min(axis=2))
    assert np.array_equal(envelope.extremes[..., 1], blocks.max(axis=2))


@given(st.integers(0, 5000), st.lists(st.integers(0, 5000), max_size=6))
def test_cuts_do_not_show(samples, cuts):
    waveform = noise(samples)
    whole = collected(waveform)
    cut = collected(waveform, cuts=tuple(min(each, samples) for each in cuts))
    assert cut.bin_seconds == whole.bin_seconds
    assert np.array_equal(cut.extremes, whole.extremes)


@pytest.mark.parametrize("samples", [1, 16 * 64, 16 * 64 + 1, 123_457])
def test_bins_are_bounded_and_cover_the_recording(samples):
    waveform = noise(samples, channels=1)
    envelope = collected(waveform)
    bins = envelope.extremes.shape[1]
    assert bins <= 65
    assert (bins - 1) * envelope.bin_seconds < samples / 16000 <= bins * envelope.bin_seconds
    assert envelope.extremes[..., 0].min() == waveform.min()
    assert envelope.extremes[..., 1].max() == waveform.max()


def test_ten_hours_take_no_more_than_the_bins():
    collector = EnvelopeCollector(1, sampling_rate=100, bins=256)
    hour = np.zeros((1, 100 * 3600), np.float32)
    for _ in range(10):
        collector.update(hour)
    assert 128 <= collector.compute().extremes.shape[1] <= 257


def test_a_reduced_envelope_keeps_the_extremes():
    envelope = collected(noise(16 * 50))
    reduced = envelope.reduced(7)
    assert reduced.extremes.shape == (2, 7, 2)
    assert reduced.bin_seconds == pytest.approx(8 * envelope.bin_seconds)
    assert reduced.extremes[..., 1].max() == envelope.extremes[..., 1].max()
    assert envelope.reduced(1000) is envelope


def test_nothing_heard_has_no_bins():
    assert collected(noise(0)).extremes.shape == (2, 0, 2)
