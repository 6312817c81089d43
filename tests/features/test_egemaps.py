"""eGeMAPS against openSMILE on made-up speech, and on what has no voice."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest

from tonfall.errors import AudioError
from tonfall.features import CONTOURS, FUNCTIONALS, egemaps, egemaps_frames

RATE = 16_000
LOOSE = (
    "jitterLocal",
    "shimmerLocaldB",
    "Slope",
    "bandwidth",
    "stddevNorm",
    "H1-H2",
    "pctlrange",
    "SegmentLength",
    "PeaksPerSec",
)
"""What hangs on single periods or frames, or on a mean near 0: judged on corpora, not on a clip."""


def test_made_up_speech_gets_opensmiles_numbers(speech: npt.NDArray[np.float32]) -> None:
    opensmile = pytest.importorskip("opensmile")
    peer = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals
    ).process_signal(speech, RATE)
    assert list(peer.columns) == list(FUNCTIONALS)
    ours, theirs = egemaps(speech[None], RATE)[0], peer.to_numpy()[0]
    close = [
        name
        for name, mine, other in zip(FUNCTIONALS, ours, theirs, strict=True)
        if abs(mine - other) <= 0.02 * abs(other) + 1e-3
    ]
    expected = [name for name in FUNCTIONALS if not any(part in name for part in LOOSE)]
    assert set(expected) - set(close) == set()


def test_contours_are_opensmiles(speech: npt.NDArray[np.float32]) -> None:
    opensmile = pytest.importorskip("opensmile")
    peer = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    ).process_signal(speech, RATE)
    assert list(peer.columns) == list(CONTOURS)
    ours = egemaps_frames(speech[None], RATE)[0]
    theirs = peer.to_numpy()[: len(ours)]
    # openSMILE computes in single precision; the last frame it smooths otherwise.
    np.testing.assert_allclose(ours[:-2, :10], theirs[:-2, :10], rtol=2e-3, atol=2e-2)
    voiced = np.isfinite(ours[:-2, 10]) & (theirs[:-2, 10] > 0)
    assert voiced.sum() > 100
    assert np.median(np.abs(ours[:-2, 10] - theirs[:-2, 10])[voiced]) < 0.01  # semitones


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(16_000),
        np.random.default_rng(0).normal(size=16_000) * 0.1,
        np.ones(16_000) * 0.5,
        np.sign(np.sin(np.arange(16_000) * 0.07)),
        np.zeros(80),
        np.zeros(0),
        np.zeros(960),
    ],
    ids=["silence", "noise", "offset", "clipped", "5 ms", "nothing", "60 ms"],
)
def test_odd_input_gives_numbers_or_nan_and_no_warning(samples: npt.NDArray[np.float64]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = egemaps(samples[None].astype(np.float32), RATE)
        frames = egemaps_frames(samples[None].astype(np.float32), RATE)
    assert values.shape == (1, 88)
    assert frames.shape == (1, max(0, (len(samples) - 960) // 160 + 1), 25)
    assert not np.isinf(values[:, :-1]).any()


def test_without_voice_what_needs_it_is_nan() -> None:
    values = dict(
        zip(FUNCTIONALS, egemaps(np.zeros((1, 16_000), np.float32), RATE)[0], strict=True)
    )
    assert np.isnan(values["F0semitoneFrom27.5Hz_sma3nz_amean"])
    assert np.isnan(values["jitterLocal_sma3nz_amean"])
    assert np.isnan(values["MeanVoicedSegmentLengthSec"])
    assert values["VoicedSegmentsPerSec"] == 0


def test_channels_are_apart(speech: npt.NDArray[np.float32]) -> None:
    pair = np.stack([speech[:16_000], speech[16_000:32_000]])
    both = egemaps(pair, RATE)
    np.testing.assert_array_equal(both[1], egemaps(pair[1:], RATE)[0])


def test_another_sampling_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="8000 Hz, but acoustic features are defined at 16000"):
        egemaps(np.zeros((1, 8000), np.float32), 8000)
