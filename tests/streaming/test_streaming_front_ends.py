"""A model of samples, or of functionals, says of a stream what it says of the file, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from streams import EXAMPLE, RATE, assert_same, cut, example, push_all, turns_of, windows_of

from tonfall.analysis import analyze
from tonfall.audio import read, resample
from tonfall.features.sets import find_set
from tonfall.runtime import Predictor
from tonfall.streaming import Event, Stream, TurnEnded, WindowScored

LENGTHS = st.one_of(st.integers(0, 40), st.integers(41, 3000), st.integers(3001, 30_000))
QUICK = {"deadline": None, "phases": (Phase.explicit, Phase.reuse, Phase.generate)}


@pytest.fixture(scope="module", params=["tiny_waveform", "tiny_functionals"])
def model(request: pytest.FixtureRequest) -> Predictor:
    found: Predictor = request.getfixturevalue(request.param)
    return found


def stream(model: Predictor) -> Stream:
    return Stream(model, sampling_rate=RATE, channels=2)


@pytest.fixture(scope="module")
def in_one_piece(model: Predictor) -> list[Event]:
    return push_all(stream(model), [example(44, 54)])


def test_there_is_something_to_compare(in_one_piece: list[Event]) -> None:
    assert len({window.label for window in windows_of(in_one_piece)}) > 1
    assert len(turns_of(in_one_piece)) > 2


@settings(max_examples=8, **QUICK)
@given(lengths=st.lists(LENGTHS, max_size=40))
def test_any_chunking_gives_the_same_bits(
    model: Predictor, in_one_piece: list[Event], lengths: list[int]
) -> None:
    events = push_all(stream(model), cut(example(44, 54), lengths))
    assert_same(events, in_one_piece, within=0)


def test_a_file_gives_the_bits_of_a_stream(model: Predictor) -> None:
    timeline = analyze(EXAMPLE, model=model).timeline
    whole = [*map(TurnEnded, timeline.turns), *map(WindowScored, timeline.windows)]
    assert_same(push_all(stream(model), cut(example(), [1000] * 400)), whole, within=0)


def test_a_window_comes_as_soon_as_its_samples_and_their_voice_are_there(
    model: Predictor,
) -> None:
    live, pushed, delays = stream(model), 0, []
    for chunk in cut(example(0, 10), [160] * 500):
        pushed += chunk.shape[1]
        delays += [
            pushed / RATE - window.segment.end / 16_000 for window in windows_of(live.push(chunk))
        ]
    assert len(delays) > 3
    # Up to 32 ms of a voice chunk, 8 ms of resampling, 20 ms of a packet.
    assert max(delays) <= 0.065


def test_a_baseline_is_learnt_whatever_the_kind(model: Predictor) -> None:
    heard = push_all(stream(model), [example(0, 12)])
    alone = Stream(model, sampling_rate=RATE, channels=2, baseline=False)
    first, *_, last = windows_of(heard)
    firsts, *_, lasts = windows_of(push_all(alone, [example(0, 12)]))
    assert first.probabilities == firsts.probabilities
    assert not np.allclose(last.probabilities, lasts.probabilities)


def test_a_window_has_the_functionals_of_its_three_seconds(tiny_functionals: Predictor) -> None:
    """Of every sample in it, pauses included, however the stream was cut."""
    waveform, _ = read(EXAMPLE)
    samples = resample(waveform[:, : 12 * RATE], source_rate=RATE)
    whole = Stream(tiny_functionals, sampling_rate=16_000, channels=2, baseline=False)
    windows = windows_of(push_all(whole, [samples]))
    full = [window for window in windows if window.speech_ratio > 0.8]
    assert full
    for window in full:
        heard = samples[window.channel, window.segment.start : window.segment.end]
        numbers = find_set("mfcc").summary(heard).astype(np.float32)
        (expected,) = tiny_functionals.judge_windows(numbers[None], [None])
        assert window.probabilities == expected.affect.probabilities
