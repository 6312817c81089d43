"""How a clip is cut into the pieces that a model encodes."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.bundle import FrontEnd
from tonfall.features import BANDS
from tonfall.runtime import (
    LEAST_SPEECH_S,
    clip_pieces,
    cut_pieces,
    frame_weights,
    padded_piece,
    speech_seconds,
)

FRONT_END = FrontEnd(piece_frames=100, context_frames=40)
FLOOR = FRONT_END.padding
NUMBERED = np.repeat(np.arange(250, dtype=np.float32)[:, None], BANDS, axis=1)
"""250 frames, each of which says which it is."""


def test_a_frame_has_the_probability_of_the_chunk_that_it_begins_in() -> None:
    weights = frame_weights(np.array([0.1, 0.2, 0.3], np.float32), 10)
    # Chunks begin at samples 0, 512 and 1024; frames every 160.
    assert weights.tolist() == pytest.approx([0.1] * 4 + [0.2] * 3 + [0.3] * 3)


def test_frames_and_chunks_may_begin_later_than_the_audio() -> None:
    speech = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    whole = frame_weights(speech, 12)
    assert frame_weights(speech[1:], 7, first=5, first_chunk=1).tolist() == whole[5:].tolist()


def test_pieces_have_their_context_and_are_padded_at_both_ends() -> None:
    frames, weights = cut_pieces(NUMBERED, np.ones(250, np.float32), front_end=FRONT_END)
    assert frames.shape == (3, 140, BANDS)
    first, second, last = frames[..., 0].tolist()
    assert first == [FLOOR] * 40 + list(range(100))
    assert second == list(range(60, 200))
    assert last == [*range(160, 250), *[FLOOR] * 50]
    assert weights.sum(axis=1).tolist() == [100, 100, 50]
    assert not weights[:, :40].any()
    assert not weights[2, 90:].any()


def test_a_piece_is_cut_from_the_least_of_speech_on() -> None:
    weights = np.zeros(250, np.float32)
    weights[:10], weights[100:109], weights[200:211] = 1, 1, 1
    assert speech_seconds(weights[:100]) == LEAST_SPEECH_S
    frames, cut = cut_pieces(NUMBERED, weights, front_end=FRONT_END)
    assert [piece[40, 0] for piece in frames] == [0, 200]
    assert [speech_seconds(each) for each in cut] == pytest.approx([0.1, 0.11])


def test_without_speech_there_is_no_piece() -> None:
    frames, weights = cut_pieces(NUMBERED, np.zeros(250, np.float32), front_end=FRONT_END)
    assert (frames.shape, weights.shape) == ((0, 140, BANDS), (0, 140))
    assert (frames.dtype, weights.dtype) == (np.float32, np.float32)


def test_a_piece_is_padded_as_it_is_cut() -> None:
    weights = np.linspace(0, 1, 100, dtype=np.float32)
    frames, counted = padded_piece(NUMBERED[:100], weights, front_end=FRONT_END)
    whole, cut = cut_pieces(NUMBERED[:100], weights, front_end=FRONT_END)
    np.testing.assert_array_equal(frames, whole[0])
    np.testing.assert_array_equal(counted, cut[0])


def test_where_no_voice_is_detected_the_loud_frames_count() -> None:
    """A second of noise, and one that is 40 dB quieter: no network takes either for speech."""
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    noise[16_000:] *= 0.01
    _, weights, seconds = clip_pieces(noise, sampling_rate=16_000, front_end=FRONT_END)
    # A frame sees half a window over the edge.
    assert seconds == pytest.approx(1.0, abs=0.03)
    assert weights[0, 40:].tolist() == [1] * 100
