"""Recordings of any length: the same numbers in blocks, and no more memory than the numbers."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest

from tonfall.features import egemaps, egemaps_contours, egemaps_frames, sets, stream
from tonfall.features.sets import SETS

RATE = 16_000


@pytest.fixture(scope="module")
def speech() -> npt.NDArray[np.float32]:
    """Twelve seconds of buzzes that rise and fall, with noise between them."""
    rng = np.random.default_rng(4)
    tone = 160 * 2 ** (np.sin(np.arange(12 * RATE) / 20_000) / 2)
    gain = np.clip(np.sin(2 * np.pi * 1.3 * np.arange(12 * RATE) / RATE) + 0.4, 0, None)
    buzz = gain * np.diff(np.floor(np.cumsum(tone) / RATE), prepend=0.0)
    formant = np.exp(-np.arange(200) / 30) * np.cos(np.arange(200) * 0.25)
    voice = np.convolve(buzz, formant)[: len(buzz)]
    return (0.3 * voice + 0.005 * rng.normal(size=len(voice))).astype(np.float32)


@pytest.mark.parametrize("name", [name for name in SETS if name != "egemaps"])
def test_blocks_do_not_show_in_contours(name, speech, monkeypatch):
    whole = SETS[name].frames(speech), SETS[name].summary(speech)
    for module in (sets, stream):
        monkeypatch.setattr(module, "BLOCK", 30_011)
    in_blocks = SETS[name].frames(speech), SETS[name].summary(speech)
    for one, other in zip(whole, in_blocks, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)


def test_blocks_do_not_show_in_egemaps(speech, monkeypatch):
    whole = egemaps(speech, RATE), egemaps_frames(speech, RATE)
    assert np.isfinite(whole[1][0, :, 10]).mean() > 0.3
    monkeypatch.setattr(egemaps_contours, "_BLOCK", 170)
    in_blocks = egemaps(speech, RATE), egemaps_frames(speech, RATE)
    for one, other in zip(whole, in_blocks, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("block", [10, 21, 50])
def test_a_voice_goes_on_over_the_edge_of_a_block(block, speech, monkeypatch):
    """Its periods, which are as long as two frames, and the values that a frame repeats."""
    sound = np.roll(speech, -RATE)[: 4 * RATE]
    frequency = np.where(np.arange(394) % 10 == 9, 0, 60.0)
    monkeypatch.setattr(egemaps_contours, "_pitch", lambda _: frequency)
    whole = egemaps_frames(sound, RATE)
    assert np.nanmax(whole[0, :, 11]) > 0
    monkeypatch.setattr(egemaps_contours, "_BLOCK", block)
    np.testing.assert_allclose(egemaps_frames(sound, RATE), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["egemaps", "spectrum"])
def test_memory_does_not_grow_with_the_spectra(name, speech, monkeypatch):
    """Held are contours, 200 bytes a frame; spectra and their copies take a hundred times that."""
    for module in (sets, stream):
        monkeypatch.setattr(module, "BLOCK", RATE)
    monkeypatch.setattr(egemaps_contours, "_BLOCK", 100)
    SETS[name].summary(speech)
    tracemalloc.start()
    SETS[name].summary(speech)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000 * 1200
