"""A stream tells the same, however its samples and its work were cut."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from streams import (
    EXAMPLE,
    RATE,
    assert_same,
    cut,
    example,
    push_all,
    serve_all,
    turns_of,
    white_noise,
    windows_of,
)

from tonfall.analysis import analyze
from tonfall.arrays import FloatArray
from tonfall.audio import resample
from tonfall.runtime import Predictor
from tonfall.streaming import (
    Engine,
    Event,
    Scorer,
    SpeechEnded,
    SpeechStarted,
    Stream,
    TurnEnded,
    WindowScored,
)

# A failing cut is not made smaller: each try takes a tenth of a second and more.
SHORTEST = 4800
"""Samples of speech below which nothing new is judged."""
QUICK = {"deadline": None, "phases": (Phase.explicit, Phase.reuse, Phase.generate)}
LENGTHS = st.one_of(st.integers(0, 40), st.integers(41, 3000), st.integers(3001, 30_000))


def sounds() -> dict[int, FloatArray]:
    """Speech with and without noise, by its rate: each rate has another resampler."""
    speech = example(40, 52)
    noisy = example(48, 60) + white_noise(12, level=0.005, channels=2)
    return {
        8000: speech,
        16000: resample(noisy, source_rate=RATE, target_rate=16000),
        11025: resample(speech, source_rate=RATE, target_rate=11025).clip(-1, 1),
    }


@pytest.fixture(scope="module")
def in_one_piece(tiny: Predictor) -> dict[int, list[Event]]:
    """What comes of each sound that is pushed whole, by its rate."""
    return {rate: push_all(stream(tiny, rate), [sound]) for rate, sound in sounds().items()}


def stream(tiny: Predictor, rate: int = RATE) -> Stream:
    return Stream(tiny, sampling_rate=rate, channels=2)


def test_there_is_something_to_compare(in_one_piece: dict[int, list[Event]]) -> None:
    for events in in_one_piece.values():
        assert len(windows_of(events)) > 5
        assert len(turns_of(events)) > 2
        assert len({window.label for window in windows_of(events)}) > 1


@settings(max_examples=18, **QUICK)
@given(rate=st.sampled_from([8000, 16000, 11025]), lengths=st.lists(LENGTHS, max_size=40))
def test_any_chunking_gives_the_same_timeline(
    tiny: Predictor, in_one_piece: dict[int, list[Event]], rate: int, lengths: list[int]
) -> None:
    events = push_all(stream(tiny, rate), cut(sounds()[rate], lengths))
    assert_same(events, in_one_piece[rate])


@settings(max_examples=8, **QUICK)
@given(lengths=st.lists(LENGTHS, max_size=30))
def test_speech_starts_and_ends_at_the_same_samples(
    tiny: Predictor, in_one_piece: dict[int, list[Event]], lengths: list[int]
) -> None:
    events = push_all(stream(tiny), cut(sounds()[RATE], lengths))
    for kind in (SpeechStarted, SpeechEnded):
        expected = [event for event in in_one_piece[RATE] if isinstance(event, kind)]
        assert {event for event in events if isinstance(event, kind)} == set(expected)


@pytest.mark.parametrize("chunk", [160, 1])
def test_packets_and_single_samples_give_the_same_timeline(tiny: Predictor, chunk: int) -> None:
    sound = example(1, 13) if chunk > 1 else example(1.0, 2.2)
    chunks = [sound[:, n : n + chunk] for n in range(0, sound.shape[1], chunk)]
    assert_same(push_all(stream(tiny), chunks), push_all(stream(tiny), [sound]))


def test_a_buffer_may_be_used_again(tiny: Predictor, in_one_piece: dict[int, list[Event]]) -> None:
    """At 16 kHz, where nothing is resampled and so nothing copied on the way."""
    sound, live, events = sounds()[16000], stream(tiny, 16000), list[Event]()
    buffer = np.zeros((2, 300), np.float32)
    for start in range(0, sound.shape[1], 300):
        length = min(300, sound.shape[1] - start)
        buffer[:, :length] = sound[:, start : start + length]
        events += live.push(buffer[:, :length])
        buffer[:] = 0.9
    assert_same(events + live.close(), in_one_piece[16000])


def test_no_event_comes_before_its_time(tiny: Predictor) -> None:
    live, pushed = stream(tiny), 0
    for chunk in cut(example(0, 12), [400] * 240):
        pushed += chunk.shape[1]
        assert all(event.time <= pushed / RATE for event in live.push(chunk))


def test_a_window_is_told_within_a_tenth_of_a_second_of_its_last_sample(tiny: Predictor) -> None:
    live, pushed, delays = stream(tiny), 0, []
    for chunk in cut(example(0, 20), [160] * 1000):
        pushed += chunk.shape[1]
        delays += [
            pushed / RATE - window.segment.end / 16_000 for window in windows_of(live.push(chunk))
        ]
    assert len(delays) > 10
    # 12.5 ms of log-mel, up to 32 ms of a voice chunk, 8 ms of resampling, 20 ms of a packet.
    assert max(delays) <= 0.08


def test_a_turn_is_told_once_its_windows_are(tiny: Predictor) -> None:
    live, told = stream(tiny), []
    for chunk in cut(example(0, 20), [800] * 200):
        events = live.push(chunk)
        told += windows_of(events)
        for turn in turns_of(events):
            ends = (w.segment.end for w in told if w.channel == turn.channel)
            last = max(ends, default=0)
            # What is left of a turn may be too short for a window of its own.
            assert turn.label is None or last > turn.segment.end - SHORTEST


@settings(max_examples=8, **QUICK)
@given(random=st.randoms(use_true_random=True))
def test_one_scorer_gives_many_engines_what_each_gets_alone(
    tiny: Predictor, random: Random
) -> None:
    parts = [example(start, start + 7) for start in (0, 11, 22, 33)]
    left = [cut(part, random.choices(range(12_000), k=5)) for part in parts]
    engines = [Engine(tiny, sampling_rate=RATE, channels=2) for _ in parts]
    told = [list[Event]() for _ in parts]
    scorer = Scorer(tiny)
    while any(left):
        batch = random.sample(range(len(parts)), k=random.randint(1, len(parts)))
        for number in batch:
            if left[number]:
                engines[number].feed(left[number].pop(0))
        scorer.serve([engines[number] for number in batch])
        for number in batch:
            told[number] += engines[number].take_events()
    for part, before, last in zip(parts, told, serve_all(engines, scorer), strict=True):
        assert_same(before + last, push_all(stream(tiny), [part]))


def test_a_file_gives_what_a_stream_of_its_samples_gives(tiny: Predictor) -> None:
    timeline = analyze(EXAMPLE, model=tiny).timeline
    events = push_all(stream(tiny), cut(example(), [1000] * 400))
    assert_same(events, push_all(stream(tiny), [example()]))
    assert list(timeline.turns) == sorted(timeline.turns, key=lambda turn: turn.segment.start)
    # Blocks of another length make BLAS add in another order: scores agree to 1e-6, not to the bit.
    whole = [*map(TurnEnded, timeline.turns), *map(WindowScored, timeline.windows)]
    assert_same(events, whole)
