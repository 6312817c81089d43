"""Log-mel frames: librosa's values, streamed as in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.errors import AudioError
from tonfall.features import BANDS, HOP, LogMelStream, log_mel
from tonfall.features.log_mel import mel_filters


def noise(samples: int, channels: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(samples).normal(0, 0.1, (channels, samples)).astype(np.float32)


@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    waveform = noise(16_000 * 3 + 77)
    mel = librosa.feature.melspectrogram(
        y=waveform[0], sr=16_000, n_fft=400, hop_length=HOP, n_mels=BANDS, pad_mode="reflect"
    )
    expected = np.log10(np.maximum(mel, 1e-10)).T
    found = log_mel(waveform)[0]
    # Whisper leaves out the last frame of librosa's; float32 sums differ by their order.
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-4)
    assert len(found) == waveform.shape[1] // HOP


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(201, 20_000),
    lengths=st.lists(st.integers(1, 3_000), max_size=30),
    channels=st.integers(1, 3),
)
def test_any_chunking_gives_the_same_frames(
    samples: int, lengths: list[int], channels: int
) -> None:
    waveform = noise(samples, channels)
    stream = LogMelStream(channels=channels)
    cuts = np.cumsum(lengths, dtype=int)
    parts = [stream.push(chunk) for chunk in np.split(waveform, cuts[cuts < samples], axis=1)]
    streamed = np.concatenate([*parts, stream.close()], axis=1)
    # A product of another shape may sum in another order.
    np.testing.assert_allclose(streamed, log_mel(waveform), atol=2e-5)


def test_a_sine_is_loudest_in_the_band_that_holds_it() -> None:
    time = np.arange(16_000) / 16_000
    for frequency in (300, 1000, 3400):
        sine = np.sin(2 * np.pi * frequency * time).astype(np.float32)[None]
        loudest = int(log_mel(sine)[0, 50].argmax())
        edges = np.flatnonzero(mel_filters()[:, loudest]) * 40
        assert edges.min() - 40 <= frequency <= edges.max() + 40


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros((1, 1600), np.float32)), -10, rtol=1e-6)


def test_too_short_audio_is_refused() -> None:
    with pytest.raises(AudioError, match="at least 201"):
        log_mel(np.zeros((1, 200), np.float32))
