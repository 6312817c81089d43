"""Sides of a call: those that are scored, and those that are only heard for their turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from streams import RATE, cut, example, push_all, turns_of, white_noise, windows_of

from tonfall.arrays import FloatArray
from tonfall.bundle import Bundle
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.streaming import Engine, Event, Scorer, Stream, WindowScored
from tonfall.timeline import Turn, Window

CUSTOMER, AGENT = 0, 1


@pytest.fixture
def customer_only(tiny: Predictor) -> Stream:
    return Stream(tiny, sampling_rate=RATE, channels=2, scored=[True, False])


def test_a_side_that_is_not_scored_has_turns_without_scores(
    tiny: Predictor, customer_only: Stream
) -> None:
    events = push_all(customer_only, cut(example(0, 20), [RATE] * 20))
    both = push_all(Stream(tiny, sampling_rate=RATE, channels=2), [example(0, 20)])
    agent = [turn for turn in turns_of(events) if turn.channel == AGENT]
    assert agent
    assert all(turn.label is None and turn.probabilities == () for turn in agent)
    segments = [turn.segment for turn in turns_of(both) if turn.channel == AGENT]
    assert [turn.segment for turn in agent] == segments


def test_the_scored_side_is_judged_as_if_both_were(tiny: Predictor, customer_only: Stream) -> None:
    events = push_all(customer_only, [example(0, 20)])
    both = push_all(Stream(tiny, sampling_rate=RATE, channels=2), [example(0, 20)])
    windows = [window for window in windows_of(both) if window.channel == CUSTOMER]
    assert windows_of(events) == windows
    assert windows


def test_turns_of_a_side_that_is_not_scored_are_told_while_the_call_goes_on(
    customer_only: Stream,
) -> None:
    chunks = cut(example(0, 16), [RATE] * 15)
    events = [event for chunk in chunks for event in customer_only.push(chunk)]
    assert [turn.channel for turn in turns_of(events)].count(AGENT) == 2


class Eavesdropper(Predictor):
    """Remembers what it was given to encode."""

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        self.pieces = getattr(self, "pieces", 0) + len(frames)
        return super().encode(frames, weights)


def test_nothing_of_a_side_that_is_not_scored_is_encoded(tiny_bundle: Bundle) -> None:
    model = Eavesdropper(tiny_bundle)
    engine = Engine(model, sampling_rate=RATE, channels=2, scored=[False, False])
    engine.feed(example(0, 12))
    engine.close()
    Scorer(model).serve([engine])
    events = engine.take_events()
    assert turns_of(events)
    assert not [event for event in events if isinstance(event, WindowScored)]
    assert not hasattr(model, "pieces")


def test_scored_needs_a_value_for_each_channel(tiny: Predictor) -> None:
    with pytest.raises(ConfigError, match="1 values in scored, but the stream has 2 channels"):
        Stream(tiny, sampling_rate=RATE, channels=2, scored=[True])


def test_without_a_baseline_every_window_is_judged_alone(tiny: Predictor) -> None:
    alone = Stream(tiny, sampling_rate=RATE, channels=2, baseline=False)
    windows = windows_of(push_all(alone, [example(0, 14)]))
    with_baseline = Stream(tiny, sampling_rate=RATE, channels=2)
    learning = windows_of(push_all(with_baseline, [example(0, 14)]))
    assert {window.heard for window in windows} == {0.0}
    assert windows[0].probabilities == learning[0].probabilities
    assert windows[-1].probabilities != learning[-1].probabilities


def test_each_channel_has_a_baseline_of_its_own(tiny: Predictor) -> None:
    call = example(0, 14)
    both = windows_of(push_all(Stream(tiny, sampling_rate=RATE, channels=2), [call]))
    heard = {side: [w.heard for w in both if w.channel == side] for side in (CUSTOMER, AGENT)}
    for seconds in heard.values():
        assert seconds[0] == 0
        assert seconds == sorted(seconds)
    assert heard[CUSTOMER][-1] != heard[AGENT][-1]


def told_of(events: Sequence[Event], *, channel: int) -> list[Turn | Window]:
    """Turns and windows of a channel, as if it were the first."""
    told = [*turns_of(events), *windows_of(events)]
    return [replace(each, channel=0, speaker="S1") for each in told if each.channel == channel]


@pytest.mark.parametrize("other", ["silence", "noise", "the other speaker"])
def test_channels_that_are_swapped_are_judged_as_before_swapped(
    tiny: Predictor, other: str
) -> None:
    """Each voice hears its own channel: speech, noise, level and frames."""
    call = example(4, 16)
    if other != "the other speaker":
        call[1] = white_noise(12, level=0.002) if other == "noise" else 0
    as_it_is, swapped = (
        push_all(Stream(tiny, sampling_rate=RATE, channels=2), [each])
        for each in (call, call[::-1])
    )
    for channel in (0, 1):
        assert told_of(swapped, channel=1 - channel) == told_of(as_it_is, channel=channel)
    assert len(told_of(as_it_is, channel=0)) > 5
    levels = [w.snr_db for w in windows_of(as_it_is) if w.snr_db is not None]
    assert levels or other == "silence"
