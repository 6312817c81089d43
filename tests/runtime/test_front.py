"""Front ends: as many frames of one kind as of the other, whole or as the sound comes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import tiny_graph, tiny_spec, tiny_waveform_spec

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd, write_bundle
from tonfall.errors import AudioError, BundleError
from tonfall.features import HOP
from tonfall.runtime import Predictor, clip_pieces, cut_pieces, frame_stream, frames_of

WAVEFORM = FrontEnd(kind="waveform", piece_frames=100, context_frames=40)
LOG_MEL = FrontEnd(piece_frames=100, context_frames=40)
COUNTED = np.arange(1, 40_051, dtype=np.float32)[None] / 65_536
"""Samples, each of which says which it is."""


def test_a_frame_holds_its_ten_milliseconds_of_samples() -> None:
    frames = frames_of(COUNTED, WAVEFORM)
    assert frames.shape == (1, 250, WAVEFORM.width)
    np.testing.assert_array_equal(frames.reshape(1, -1), COUNTED[:, : 250 * HOP])


@pytest.mark.parametrize("samples", [201, 319, 320, 1599, 16_000, 40_050])
def test_every_kind_gives_as_many_frames(samples: int) -> None:
    counts = {kind: frames_of(COUNTED[:, :samples], kind).shape[1] for kind in (WAVEFORM, LOG_MEL)}
    assert set(counts.values()) == {samples // HOP}


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from([WAVEFORM, LOG_MEL]), cuts=st.lists(st.integers(0, 40_050), max_size=12)
)
def test_the_cuts_of_a_stream_do_not_show(kind: FrontEnd, cuts: list[int]) -> None:
    sound = np.repeat(COUNTED, 2, axis=0)
    stream = frame_stream(kind, channels=2)
    parts = [stream.push(part) for part in np.split(sound, sorted(cuts), axis=1)]
    found = np.concatenate([*parts, stream.close()], axis=1)
    # BLAS adds the bands of blocks of another length in another order; samples are as they were.
    within = 0 if kind is WAVEFORM else 1e-4
    np.testing.assert_allclose(found, frames_of(sound, kind), rtol=0, atol=within)


def test_pieces_of_samples_are_padded_with_silence() -> None:
    frames = frames_of(COUNTED, WAVEFORM)[0]
    pieces, weights = cut_pieces(frames, np.ones(250, np.float32), front_end=WAVEFORM)
    assert pieces.shape == (3, 140, 160)
    assert not pieces[0, :40].any()
    assert not pieces[2, 90:].any()
    np.testing.assert_array_equal(pieces[1].ravel(), COUNTED[0, 60 * HOP : 200 * HOP])
    assert weights.sum(axis=1).tolist() == [100, 100, 50]


@pytest.mark.parametrize("kind", [WAVEFORM, LOG_MEL])
def test_a_clip_of_next_to_nothing_is_refused_whatever_the_kind(kind: FrontEnd) -> None:
    with pytest.raises(AudioError, match=r"200 samples at 16 kHz, .* at least 201"):
        clip_pieces(COUNTED[:, :200], sampling_rate=16_000, front_end=kind)
    clip_pieces(COUNTED[:, :400], sampling_rate=16_000, front_end=kind)


def test_where_no_voice_is_detected_the_same_frames_count_whatever_the_kind() -> None:
    noise: FloatArray = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    noise[16_000:] *= 0.01
    _, of_samples, _ = clip_pieces(noise, sampling_rate=16_000, front_end=WAVEFORM)
    _, of_mel, _ = clip_pieces(noise, sampling_rate=16_000, front_end=LOG_MEL)
    np.testing.assert_array_equal(of_samples, of_mel)


def test_a_graph_of_another_kind_is_refused(tmp_path: Path) -> None:
    spec = tiny_waveform_spec()
    wrong = tiny_graph(tiny_spec())
    bundle = write_bundle(tmp_path / "wrong", spec=spec, model=wrong, card="# Wrong\n")
    with pytest.raises(BundleError, match=r"takes frames of shape .*80.* waveform gives .*160"):
        Predictor(bundle)
