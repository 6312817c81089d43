from io import BytesIO

import numpy as np
import pytest
import soundfile

from tonfall.analysis.page import embedded_audio, linked_audio


def blocks(waveform: np.ndarray, *, size: int = 1000):
    return (waveform[:, i : i + size] for i in range(0, waveform.shape[1], size))


def tone(seconds: float, *, sampling_rate: int, channels: int = 1) -> np.ndarray:
    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    pitches = 220 * np.arange(1, channels + 1)[:, None]
    return (0.3 * np.sin(2 * np.pi * pitches * time)).astype(np.float32)


def encoded(waveform, *, sampling_rate, seconds=None, **options):
    return embedded_audio(
        blocks(waveform),
        sampling_rate=sampling_rate,
        seconds=waveform.shape[1] / sampling_rate if seconds is None else seconds,
        channels=waveform.shape[0],
        **options,
    )


def test_a_short_recording_is_kept_without_loss():
    waveform = tone(1.0, sampling_rate=8000, channels=2)
    audio = encoded(waveform, sampling_rate=8000)
    assert audio.mime == "audio/flac"
    decoded, rate = soundfile.read(BytesIO(audio.data), always_2d=True)
    assert rate == 8000
    assert np.abs(decoded.T - waveform).max() < 1 / 32000  # 16 bits


@pytest.mark.parametrize(("source", "target"), [(8000, 8000), (11025, 12000), (44100, 24000)])
def test_a_long_recording_becomes_opus_at_a_rate_that_opus_takes(source, target):
    waveform = tone(1.0, sampling_rate=source)
    audio = encoded(waveform, sampling_rate=source, seconds=1e5)
    assert audio.mime == 'audio/ogg; codecs="opus"'
    decoded, rate = soundfile.read(BytesIO(audio.data))
    assert rate == target
    assert len(decoded) == pytest.approx(target, abs=2)


def test_samples_beyond_full_scale_are_clipped():
    audio = encoded(np.full((1, 800), 1.5, np.float32), sampling_rate=8000)
    decoded, _ = soundfile.read(BytesIO(audio.data))
    assert decoded.min() > 0.99


def test_many_channels_become_two():
    waveform = np.stack([np.full(800, value, np.float32) for value in (0.2, -0.2, 0.4, -0.4)])
    audio = encoded(waveform, sampling_rate=8000)
    decoded, _ = soundfile.read(BytesIO(audio.data), always_2d=True)
    assert decoded.mean(axis=0) == pytest.approx([0.3, -0.3], abs=1e-4)


@pytest.mark.parametrize("seconds", [1.0, 1e5])
def test_too_large_a_recording_is_not_embedded(seconds):
    noise = np.random.default_rng(1).uniform(-1, 1, (1, 80_000)).astype(np.float32)
    assert encoded(noise, sampling_rate=8000, seconds=seconds, limit=5_000) is None


def test_a_rejected_recording_is_not_read_to_its_end():
    read = []

    def endless():
        rng = np.random.default_rng(1)
        for index in range(10_000):
            read.append(index)
            yield rng.uniform(-1, 1, (1, 8000)).astype(np.float32)

    options = {"sampling_rate": 8000, "seconds": 1, "channels": 1, "limit": 50_000}
    assert embedded_audio(endless(), **options) is None
    assert len(read) < 100


@pytest.mark.parametrize(
    ("recording", "page", "href"),
    [
        ("calls/a.wav", "calls/a.html", "a.wav"),
        ("calls/a.wav", "out/a.html", "../calls/a.wav"),
        ("50 % of #1?.wav", "a.html", "50%20%25%20of%20%231%3F.wav"),
        ("Zoë.wav", "a.html", "Zo%C3%AB.wav"),
        ("a:b.wav", "a.html", "a%3Ab.wav"),
    ],
)
def test_a_link_is_relative_and_quoted(tmp_path, monkeypatch, recording, page, href):
    monkeypatch.chdir(tmp_path)
    audio = linked_audio(recording, page)
    assert (audio.href, audio.data) == (href, None)
