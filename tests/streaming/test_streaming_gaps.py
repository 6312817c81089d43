"""Lost packets and pauses: time moves on, baselines stay, windows do not reach across."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from streams import RATE, assert_same, example, push_all, turns_of, windows_of

from tonfall.audio import resample
from tonfall.errors import AudioError, ConfigError
from tonfall.runtime import Predictor
from tonfall.streaming import ChannelsMerged, Engine, Event, Scorer, Stream, StreamEnded
from tonfall.timeline import SAMPLING_RATE, Segment, Window


def with_gap(tiny: Predictor, seconds: float) -> list[Event]:
    """Events of eight seconds of the call, a gap, and four seconds more."""
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    events = stream.push(example(0, 8)) + stream.skip(seconds)
    return events + stream.push(example(14, 18)) + stream.close()


def test_a_short_gap_is_silence(tiny: Predictor) -> None:
    silence = np.zeros((2, RATE // 4), np.float32)
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    filled = push_all(stream, [example(0, 8), silence, example(14, 18)])
    assert_same(with_gap(tiny, 0.25), filled)


def test_a_long_gap_moves_time_on_and_shows_in_nothing_else(tiny: Predictor) -> None:
    minute, hour = with_gap(tiny, 60), with_gap(tiny, 3600)
    before = [window for window in windows_of(minute) if window.segment.end <= 8 * SAMPLING_RATE]
    assert windows_of(hour)[: len(before)] == before
    later = [moved(window, 3540) for window in windows_of(minute)[len(before) :]]
    assert windows_of(hour)[len(before) :] == later
    assert later
    assert minute[-1] == StreamEnded(72 * SAMPLING_RATE)
    assert hour[-1] == StreamEnded(3612 * SAMPLING_RATE)


def moved(window: Window, seconds: int) -> Window:
    shift = seconds * SAMPLING_RATE
    start, end = window.segment.start + shift, window.segment.end + shift
    return replace(window, segment=Segment(start, end))


def test_no_window_and_no_turn_reaches_across_a_long_gap(tiny: Predictor) -> None:
    events = with_gap(tiny, 0.6)
    gap = 8 * SAMPLING_RATE
    for told in [*turns_of(events), *windows_of(events)]:
        assert told.segment.end <= gap or told.segment.start >= gap + 0.6 * SAMPLING_RATE


def test_the_baseline_outlives_a_gap(tiny: Predictor) -> None:
    windows = [window for window in windows_of(with_gap(tiny, 60)) if window.channel == 0]
    gap = 8 * SAMPLING_RATE
    before = [window.heard for window in windows if window.segment.end <= gap]
    after = [window.heard for window in windows if window.segment.end > gap]
    assert after[0] > before[-1] > 0


def test_an_hour_of_gap_costs_nothing(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    stream.push(example(0, 4))
    start = time.process_time()
    stream.skip(3600)
    # The second before the gap is still to be judged; the gap itself is a number.
    assert time.process_time() - start < 0.5


def test_many_gaps_do_not_add_up_their_rounding(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=11025, channels=1)
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(200):
        gap, samples = int(rng.integers(6000, 9000)), int(rng.integers(1, 500))
        stream.skip(gap / 11025)
        stream.push(np.zeros(samples, np.float32))
        passed += gap + samples
    end = stream.close()[-1]
    assert isinstance(end, StreamEnded)
    assert end.sample == pytest.approx(passed * SAMPLING_RATE / 11025, abs=1)


@pytest.mark.parametrize("seconds", [-0.1, -60.0, float("nan"), float("inf")])
def test_a_gap_without_a_length_is_refused(tiny: Predictor, seconds: float) -> None:
    stream = Stream(tiny, sampling_rate=RATE)
    with pytest.raises(AudioError, match="gap"):
        stream.skip(seconds)
    assert stream.close() == [StreamEnded(0)]


def test_a_restart_breaks_windows_and_forgets_the_voice(tiny: Predictor) -> None:
    engine, scorer = Engine(tiny, sampling_rate=RATE, channels=1), Scorer(tiny)
    engine.feed(example(4, 12)[:1])
    engine.restart()
    engine.feed(example(14, 18)[:1])
    engine.close()
    scorer.serve([engine])
    windows, border = windows_of(engine.take_events()), 8 * SAMPLING_RATE
    after = [window for window in windows if window.segment.end > border]
    alone = windows_of(push_all(Stream(tiny, sampling_rate=RATE), [example(14, 18)[:1]]))
    assert len(after) < len(windows)
    assert [moved(window, 8) for window in alone] == after


def test_merged_channels_are_one_voice_under_a_number_of_its_own(tiny: Predictor) -> None:
    engine, scorer = Engine(tiny, sampling_rate=RATE, channels=2), Scorer(tiny)
    engine.feed(example(4, 12))
    engine.merge()
    engine.feed(example(14, 18))
    engine.skip(RATE)
    engine.feed(example(18, 20))
    engine.close()
    scorer.serve([engine])
    events, border = engine.take_events(), 8 * SAMPLING_RATE
    assert events.index(ChannelsMerged(border)) == sum(
        event.time <= 8 for event in events if not isinstance(event, ChannelsMerged)
    )
    assert {window.speaker for window in windows_of(events)} == {"S1", "S2", "S3"}
    first = [window for window in windows_of(events) if window.segment.end <= border]
    sides = Stream(tiny, sampling_rate=RATE, channels=2)
    assert first == windows_of(push_all(sides, [example(4, 12)]))
    alone = Stream(tiny, sampling_rate=RATE)
    told = [*alone.push(example(14, 18)[:1]), *alone.skip(1), *alone.push(example(18, 20)[:1])]
    expected = [moved(window, 8) for window in windows_of([*told, *alone.close()])]
    found = [window for window in windows_of(events) if window.segment.end > border]
    assert found == [replace(window, speaker="S3") for window in expected]
    assert (engine.samples, engine.shed) == (15 * SAMPLING_RATE, 0)


def test_channels_are_merged_into_as_many_voices_as_are_said(tiny: Predictor) -> None:
    engine = Engine(tiny, sampling_rate=RATE, channels=2)
    with pytest.raises(ConfigError, match="2 values in scored, but the stream has 1 channels"):
        engine.merge(scored=(True, False))
    engine.close()
    with pytest.raises(AudioError, match="closed"):
        engine.merge()


def test_what_is_missing_until_a_window_can_be_due_is_enough_and_no_more(tiny: Predictor) -> None:
    # At 16 kHz nothing is held back by resampling.
    engine, scorer = Engine(tiny, sampling_rate=16_000, channels=1), Scorer(tiny)
    samples = resample(example(4, 12)[:1], source_rate=RATE)
    position, due = 0, []
    while position < samples.shape[1] - 20_000:
        missing = engine.missing
        assert missing > 0
        engine.feed(samples[:, position : position + missing - 1])
        assert engine.missing == 1
        scorer.serve([engine])
        assert not windows_of(engine.take_events())
        engine.feed(samples[:, position + missing - 1 : position + missing])
        scorer.serve([engine])
        due.append(len(windows_of(engine.take_events())))
        position += missing
    assert set(due) <= {0, 1}
    assert sum(due) >= 4
