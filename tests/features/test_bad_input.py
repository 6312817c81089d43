"""Odd sound gives defined values or NaN; what is no sound is refused in a sentence of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tonfall.errors import AudioError, ConfigError
from tonfall.features import (
    cpp,
    deltas,
    egemaps,
    egemaps_frames,
    extract,
    formants,
    hnr,
    jitter,
    mel_spectrum,
    mfcc,
    opensmile,
    pitch,
    shimmer,
)
from tonfall.features.sets import SETS

RATE = 16_000
TIMES = np.arange(RATE // 2) / RATE


def buzz(pitch_hz: float) -> npt.NDArray[np.float64]:
    return 0.3 * np.sign(np.sin(2 * np.pi * pitch_hz * TIMES))


ODD = {
    "silence": np.zeros(8000),
    "white noise": np.random.default_rng(0).normal(size=8000) * 0.1,
    "clipped": np.clip(9 * np.sin(2 * np.pi * 140 * TIMES), -1, 1),
    "offset": 0.5 + buzz(140),
    "nothing but offset": np.full(8000, 0.7),
    "hardly any": 1e-30 * buzz(140),
    "two voices": buzz(140) + buzz(215),
    "all negative": -np.abs(buzz(140)),
    "a click": np.eye(1, 8000, 4000)[0],
    "5 ms": buzz(140)[:80],
    "25 ms": buzz(140)[:400],
    "60 ms": buzz(140)[:960],
    "one sample": np.ones(1),
    "nothing": np.zeros(0),
}
FUNCTIONS: dict[str, Callable[[npt.ArrayLike, int], npt.NDArray[np.floating]]] = {
    "pitch": lambda waveform, rate: pitch(waveform, rate).frequency,
    "voicing": lambda waveform, rate: pitch(waveform, rate).voicing,
    "formants": lambda waveform, rate: formants(waveform, rate).frequency,
    "bandwidths": lambda waveform, rate: formants(waveform, rate).bandwidth,
    "mel_spectrum": mel_spectrum,
    "mfcc": mfcc,
    "deltas": lambda waveform, rate: deltas(mfcc(waveform, rate)),
    "egemaps": egemaps,
    "egemaps_frames": egemaps_frames,
    "jitter": lambda waveform, rate: jitter(waveform, rate).values,
    "shimmer": lambda waveform, rate: shimmer(waveform, rate).values,
    "hnr": lambda waveform, rate: hnr(waveform, rate).values,
    "cpp": lambda waveform, rate: cpp(waveform, rate).values,
}
function = pytest.mark.parametrize("compute", FUNCTIONS.values(), ids=FUNCTIONS)


@function
@pytest.mark.parametrize("samples", ODD.values(), ids=ODD)
def test_odd_sound_gives_numbers_or_nan(compute, samples):
    """Warnings fail the run."""
    found = compute(samples[None].astype(np.float32), RATE)
    assert len(found) == 1
    assert not np.isinf(found).any()


@function
def test_any_type_and_rank_of_samples_is_the_same_sound(compute):
    whole = np.round(32767 * buzz(140)).astype(np.int16)
    floats = (whole / 32768).astype(np.float32)
    expected = compute(floats[None], RATE)
    for same in (whole, whole[None], floats, floats.astype(np.float64), floats.tolist()):
        np.testing.assert_array_equal(compute(same, RATE), expected)


@function
def test_more_recordings_than_a_recording_has_channels(compute):
    batch = np.stack([0.9**n * buzz(120 + n) for n in range(9)]).astype(np.float32)
    found = compute(batch, RATE)
    assert len(found) == 9
    np.testing.assert_array_equal(found[8:], compute(batch[8:], RATE))


@function
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.where(np.arange(8000) == 5, np.nan, buzz(140)), "NaN or infinite"),
        (np.where(np.arange(8000) == 5, -np.inf, buzz(140)), "NaN or infinite"),
        (32767 * buzz(140), "divide them by their full scale"),
        (np.zeros((1, 2, 8000)), "it has 3 axes"),
        (np.zeros((8000, 2)), "looks transposed"),
        (np.zeros(8000, complex), "its type is complex128"),
        ("a.wav", "but float, uint8, int16 or int32 is expected"),
    ],
    ids=["nan", "inf", "integers as floats", "axes", "transposed", "complex", "a name"],
)
def test_what_is_no_sound_is_refused_in_a_sentence(compute, samples, message):
    with pytest.raises(AudioError, match=message):
        compute(samples, RATE)


def test_a_contour_without_an_axis_of_features_is_refused():
    with pytest.raises(ConfigError, match="have 1 axes, but"):
        deltas(np.zeros(20, np.float32))
    assert deltas(np.zeros((0, 3), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("name", [*SETS, *opensmile.OPENSMILE])
@pytest.mark.parametrize("samples", ODD.values(), ids=ODD)
def test_every_set_takes_odd_sound(name, samples):
    if name in opensmile.OPENSMILE:
        pytest.importorskip("opensmile")
    from tonfall.features.sets import find_set

    chosen = find_set(name)
    heard = samples.astype(np.float32)
    whole, frames = chosen.summary(heard), chosen.frames(heard)
    assert whole.shape == (len(chosen.columns),)
    assert frames.shape[1] == len(chosen.frame_columns)
    if name in SETS:
        assert not np.isinf(whole).any()
        assert not np.isinf(frames).any()


@pytest.mark.parametrize("rate", [8000, 48_000])
@pytest.mark.parametrize("name", SETS)
def test_files_of_other_rates_are_the_same_voice(name, rate, tmp_path: Path):
    times = np.arange(rate) / rate
    tone = 0.1 * sum(np.sin(2 * np.pi * 150 * k * times) / k for k in range(1, 20))
    soundfile.write(tmp_path / "a.wav", tone, rate)
    table = extract(tmp_path / "a.wav", name)
    assert len(table) == 1
    if name == "prosody":
        assert abs(table["pitch_hz_p50"].iloc[0] - 150) < 1
