"""A model that takes samples tells of a stream what it tells of the file, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from streams import EXAMPLE, RATE, assert_same, cut, example, push_all, turns_of, windows_of

from tonfall.analysis import analyze
from tonfall.runtime import Predictor
from tonfall.streaming import Event, Stream, TurnEnded, WindowScored

LENGTHS = st.one_of(st.integers(0, 40), st.integers(41, 3000), st.integers(3001, 30_000))


def stream(model: Predictor) -> Stream:
    return Stream(model, sampling_rate=RATE, channels=2)


@pytest.fixture(scope="module")
def in_one_piece(tiny_waveform: Predictor) -> list[Event]:
    return push_all(stream(tiny_waveform), [example(40, 52)])


def test_there_is_something_to_compare(in_one_piece: list[Event]) -> None:
    assert len({window.label for window in windows_of(in_one_piece)}) > 1
    assert len(turns_of(in_one_piece)) > 2


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(lengths=st.lists(LENGTHS, max_size=40))
def test_any_chunking_gives_the_same_bits(
    tiny_waveform: Predictor, in_one_piece: list[Event], lengths: list[int]
) -> None:
    events = push_all(stream(tiny_waveform), cut(example(40, 52), lengths))
    assert_same(events, in_one_piece, within=0)


def test_a_file_gives_the_bits_of_a_stream(tiny_waveform: Predictor) -> None:
    timeline = analyze(EXAMPLE, model=tiny_waveform).timeline
    whole = [*map(TurnEnded, timeline.turns), *map(WindowScored, timeline.windows)]
    assert_same(push_all(stream(tiny_waveform), cut(example(), [1000] * 400)), whole, within=0)


def test_a_window_comes_as_soon_as_its_samples_and_their_voice_are_there(
    tiny_waveform: Predictor,
) -> None:
    live, pushed, delays = stream(tiny_waveform), 0, []
    for chunk in cut(example(0, 20), [160] * 1000):
        pushed += chunk.shape[1]
        delays += [
            pushed / RATE - window.segment.end / 16_000 for window in windows_of(live.push(chunk))
        ]
    assert len(delays) > 10
    # Up to 32 ms of a voice chunk, 8 ms of resampling, 20 ms of a packet.
    assert max(delays) <= 0.065


def test_a_baseline_is_learnt_of_samples_too(tiny_waveform: Predictor) -> None:
    heard = push_all(stream(tiny_waveform), [example(0, 20)])
    alone = Stream(tiny_waveform, sampling_rate=RATE, channels=2, baseline=False)
    first, *_, last = windows_of(heard)
    firsts, *_, lasts = windows_of(push_all(alone, [example(0, 20)]))
    assert first.probabilities == firsts.probabilities
    assert not np.allclose(last.probabilities, lasts.probabilities)
