"""Several speakers of one channel: each a voice with its own turns, windows and baseline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from streams import RATE, assert_same, cut, example, push_all, turns_of, windows_of

from tonfall.arrays import FloatArray
from tonfall.audio import resample
from tonfall.diarization import Attribution
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.streaming import Engine, Event, KnownSpeakers, LiveSpeakers, Scorer, Stream
from tonfall.timeline import Segment, Turn, Window
from tonfall.vad import CHUNK, probabilities

LENGTHS = st.one_of(st.integers(0, 400), st.integers(401, 9000), st.integers(9001, 60_000))
QUICK = {"deadline": None, "phases": (Phase.explicit, Phase.reuse, Phase.generate)}


def mono(start: float = 0.0, end: float = 24.0) -> FloatArray:
    """(1, n) samples at 8 kHz: both sides of the example call in one channel."""
    mixed: FloatArray = example(start, end).sum(axis=0, keepdims=True).clip(-1, 1)
    return mixed


def known(sound: FloatArray, *, sure: float = 0.0) -> KnownSpeakers:
    """The louder side of the example call is who speaks; one second in five is unsure."""
    wide = resample(sound, source_rate=RATE)
    speech = probabilities(wide)[0]
    both = resample(example(0, sound.shape[1] / RATE), source_rate=RATE)
    both = np.pad(both, ((0, 0), (0, len(speech) * CHUNK - both.shape[1])))
    levels = (both.reshape(2, -1, CHUNK) ** 2).mean(axis=2)
    smooth = np.array([np.convolve(level, np.ones(9), "same") for level in levels])
    confidence = np.where(np.arange(len(speech)) // 31 % 5 == 0, 0.5, 0.95).astype(np.float32)
    return KnownSpeakers(
        Attribution(smooth.argmax(axis=0).astype(np.int8), confidence, 2), speech, sure=sure
    )


def stream(tiny: Predictor, speakers: KnownSpeakers | LiveSpeakers, **options: object) -> Stream:
    return Stream(tiny, sampling_rate=RATE, speakers=speakers, **options)


@pytest.fixture(scope="module")
def known_events(tiny: Predictor) -> list[Event]:
    return push_all(stream(tiny, known(mono())), [mono()])


def speakers_of(values: list[Turn] | list[Window]) -> set[str]:
    return {value.speaker for value in values}


def test_each_speaker_has_turns_and_windows_on_the_one_channel(known_events: list[Event]) -> None:
    for values in (turns_of(known_events), windows_of(known_events)):
        assert speakers_of(values) == {"S1", "S2"}
        assert {value.channel for value in values} == {0}


def test_turns_are_those_of_the_two_sides(known_events: list[Event], tiny: Predictor) -> None:
    """But for the edges: who is louder for a moment is not always who began."""
    sides = Stream(tiny, sampling_rate=RATE, channels=2, scored=[False, False])
    expected, found = turns_of(push_all(sides, [example(0, 24)])), turns_of(known_events)
    for speaker in ("S1", "S2"):
        ours = [turn.segment for turn in found if turn.speaker == speaker]
        theirs = [turn.segment for turn in expected if turn.speaker == speaker]
        shared = sum(one.overlap(other) for one in ours for other in theirs)
        assert shared > 0.9 * sum(segment.samples for segment in theirs)
        assert shared > 0.9 * sum(segment.samples for segment in ours)


def test_each_speaker_has_a_baseline_of_its_own(known_events: list[Event]) -> None:
    for speaker in ("S1", "S2"):
        heard = [w.heard for w in windows_of(known_events) if w.speaker == speaker]
        assert heard[0] == 0
        assert heard == sorted(heard)
        assert heard[-1] > 5


@settings(max_examples=8, **QUICK)
@given(lengths=st.lists(LENGTHS, max_size=12))
def test_any_chunking_gives_the_same_timeline_of_known_speakers(
    tiny: Predictor, known_events: list[Event], lengths: list[int]
) -> None:
    assert_same(push_all(stream(tiny, known(mono())), cut(mono(), lengths)), known_events)


@pytest.mark.slow
@settings(max_examples=4, **QUICK)
@given(lengths=st.lists(LENGTHS, max_size=12))
def test_any_chunking_gives_the_same_timeline_of_live_speakers(
    tiny: Predictor, lengths: list[int]
) -> None:
    sound = mono(0, 14)
    whole = push_all(stream(tiny, LiveSpeakers()), [sound])
    assert len(windows_of(whole)) > 3
    assert_same(push_all(stream(tiny, LiveSpeakers()), cut(sound, lengths)), whole)


@pytest.mark.parametrize("speakers", [None, LiveSpeakers()])
def test_who_is_served_only_when_it_is_time_hears_of_windows_as_soon(
    tiny: Predictor, speakers: LiveSpeakers | None
) -> None:
    scorer, sound = Scorer(tiny), mono(0, 14)
    engines = [
        Engine(tiny, sampling_rate=RATE, channels=1, speakers=speakers and LiveSpeakers())
        for _ in range(2)
    ]
    told: list[list[tuple[Segment, int]]] = [[], []]
    served = [0, 0]
    for packet in range(14 * 50):
        for number, engine in enumerate(engines):
            engine.feed(sound[:, packet * 160 : (packet + 1) * 160])
            if number == 0 or engine.missing == 0:
                served[number] += 1
                scorer.serve([engine])
                windows = windows_of(engine.take_events())
                told[number] += [(window.segment, packet) for window in windows]
    assert told[1] == told[0] != []
    assert served[1] < 14 * 5


def test_what_was_told_is_not_taken_back(tiny: Predictor) -> None:
    sound = mono(0, 14)
    live = stream(tiny, LiveSpeakers())
    told = [event for part in cut(sound, [8000] * 14) for event in live.push(part)]
    told += live.close()
    assert_same(told, push_all(stream(tiny, LiveSpeakers()), [sound]))
    keys = [(w.speaker, w.segment) for w in windows_of(told)]
    assert len(keys) == len(set(keys))


def test_speakers_are_the_same_on_both_sides_of_a_gap(tiny: Predictor) -> None:
    live = stream(tiny, LiveSpeakers())
    events = live.push(mono(0, 14)) + live.skip(5.0) + live.push(mono(14, 24)) + live.close()
    again = stream(tiny, LiveSpeakers())
    parts = [event for part in cut(mono(0, 14), [999] * 60) for event in again.push(part)]
    parts += again.skip(5.0) + again.push(mono(14, 24)) + again.close()
    assert_same(parts, events)
    assert max(w.heard for w in windows_of(events) if w.segment.start > 19 * 16_000) > 3


def test_only_the_customer_is_judged(tiny: Predictor) -> None:
    one = stream(tiny, known(mono()), scored=[False, True])
    events = push_all(one, [mono()])
    assert speakers_of(windows_of(events)) == {"S2"}
    assert speakers_of(turns_of(events)) == {"S1", "S2"}


def test_unsure_speech_is_not_judged_and_still_a_turn(
    tiny: Predictor, known_events: list[Event]
) -> None:
    events = push_all(stream(tiny, known(mono(), sure=0.8)), [mono()])
    spoken = [sum(w.speech_ratio for w in windows_of(each)) for each in (events, known_events)]
    assert spoken[0] < 0.95 * spoken[1]
    assert [t.segment for t in turns_of(events)] == [t.segment for t in turns_of(known_events)]


def test_speakers_of_two_channels_are_refused(tiny: Predictor) -> None:
    with pytest.raises(ConfigError, match="one channel, but this one has 2; leave speakers out"):
        stream(tiny, LiveSpeakers(), channels=2)


def test_a_value_for_each_speaker_is_needed(tiny: Predictor) -> None:
    with pytest.raises(ConfigError, match="1 values in scored, but the stream has 2 channels or"):
        stream(tiny, known(mono()), scored=[True])


def test_another_speaker_is_no_background(known_events: list[Event]) -> None:
    """Who speaks after somebody else is as far above the noise as alone in the channel."""
    for speaker in ("S1", "S2"):
        found = [w.snr_db for w in windows_of(known_events) if w.speaker == speaker]
        assert min(level for level in found if level is not None) > 10
