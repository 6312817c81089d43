"""Telephone calls as they are found in the world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonfall.audio import Resampler, open_audio, read, resample

CALLS = [
    ("auto_repairs_40.flac", 2),
    ("genesys_connector_test.flac", 2),
    ("pca_auto0_mono.flac", 1),
    ("spokenwoz_mul1011.flac", 2),
]


@pytest.mark.parametrize(("name", "channels"), CALLS)
def test_a_call_in_blocks_is_the_call_at_once(shared: Path, name: str, channels: int) -> None:
    path = shared / "data" / "calls" / name
    whole, sampling_rate = read(path)
    assert whole.shape[0] == channels
    with open_audio(path, block_seconds=0.7) as reader:
        assert reader.info.samples == whole.shape[1]
        resampler = Resampler(source_rate=sampling_rate, channels=channels)
        blocks = [resampler.push(block) for block in reader]
    streamed = np.concatenate([*blocks, resampler.close()], axis=1)
    np.testing.assert_array_equal(streamed, resample(whole, source_rate=sampling_rate))


def test_an_opus_clip_is_read(shared: Path) -> None:
    path = sorted((shared / "data" / "ased" / "01Neutral").glob("*.opus"))[0]
    waveform, sampling_rate = read(path)
    assert waveform.shape[0] == 1
    assert 1 < waveform.shape[1] / sampling_rate < 20
    assert 0.01 < np.abs(waveform).max() <= 1
