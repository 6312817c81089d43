from pathlib import Path

import numpy as np
import pytest

from tonfall.features import FBANK_BANDS, fbank

GOLDEN = Path(__file__).with_name("assets") / "kaldi_fbank.csv"


def noise() -> np.ndarray:
    samples = np.random.default_rng(7).normal(0, 0.1, 4000).astype(np.float32)
    return samples * np.hanning(4000).astype(np.float32)


def test_frames_are_those_of_kaldi():
    """Golden answers of kaldi-native-fbank 1.23.0 (make_kaldi_fbank.py); float32 on both sides."""
    golden = np.loadtxt(GOLDEN, delimiter=",")
    np.testing.assert_allclose(fbank(noise())[[0, 7, 22]], golden, atol=5e-4)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_no_frame_reaches_beyond_the_samples(samples: int, frames: int):
    assert fbank(np.zeros(samples, np.float32)).shape == (frames, FBANK_BANDS)


def test_an_offset_of_the_waveform_does_not_count():
    samples = noise()
    np.testing.assert_allclose(fbank(samples + np.float32(0.25)), fbank(samples), atol=0.02)


def test_twice_the_level_adds_its_logarithm_to_every_band():
    samples = noise()[1000:3000]
    np.testing.assert_allclose(fbank(2 * samples) - fbank(samples), np.log(4), atol=1e-3)


def test_a_later_frame_is_the_first_of_a_later_start():
    samples = noise()
    # Products of matrices round by their number of rows.
    np.testing.assert_allclose(fbank(samples)[5:], fbank(samples[800:]), rtol=1e-4, atol=1e-5)
