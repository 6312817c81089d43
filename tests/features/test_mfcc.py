"""Mel bands and cepstra against librosa, in both conventions."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from tonfall.errors import ConfigError
from tonfall.features import deltas, mel_spectrum, mfcc
from tonfall.features.mfcc import MelScale

RATE = 16_000
SOUND = np.random.default_rng(2).normal(size=(1, RATE)).astype(np.float32) * 0.1


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_bands_are_librosas(scale: MelScale) -> None:
    ours = mel_spectrum(SOUND, RATE, bands=64, scale=scale)[0].T
    norm = "slaney" if scale == "slaney" else None
    theirs = librosa.feature.melspectrogram(
        y=SOUND[0], sr=RATE, n_fft=512, hop_length=160, n_mels=64, htk=scale == "htk", norm=norm
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("coefficients", "lifter"), [(13, 0), (40, 22)])
def test_cepstra_are_librosas(coefficients: int, lifter: int) -> None:
    ours = mfcc(SOUND, RATE, coefficients=coefficients, lifter=lifter)[0].T
    theirs = librosa.feature.mfcc(
        y=SOUND[0], sr=RATE, n_mfcc=coefficients, n_fft=512, hop_length=160, lifter=lifter
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3 * 1e-1 * np.abs(theirs).max())


def test_deltas_are_librosas() -> None:
    contours = np.random.default_rng(3).normal(size=(50, 4)).astype(np.float32)
    theirs = librosa.feature.delta(contours.T, mode="nearest").T
    np.testing.assert_allclose(deltas(contours), theirs, atol=1e-5)


def test_bad_settings_are_said() -> None:
    with pytest.raises(ConfigError, match="mel scale is 'bark'"):
        mel_spectrum(SOUND, RATE, scale="bark")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"20 cepstral coefficients .* between 1 and 10"):
        mfcc(SOUND, RATE, bands=10)
    with pytest.raises(ConfigError, match="width of deltas is 4"):
        deltas(SOUND[..., None], width=4)
    with pytest.raises(ConfigError, match="between 0 and 8000 Hz"):
        mel_spectrum(SOUND, RATE, highest_hz=9000)


@pytest.mark.parametrize("lengths", [{"window": 0}, {"hop": 0}, {"window": 1}])
def test_no_window_or_hop_is_refused(lengths: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="a window has at least 2 and a hop 1"):
        mel_spectrum(np.zeros((1, 16000), np.float32), 16000, **lengths)
