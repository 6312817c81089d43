"""Errors, floods, jumps of clocks, and the end of the day: one call never touches another."""

from __future__ import annotations

import gc
import logging
import threading
import time
import tracemalloc

import numpy as np
import pytest
from desk_calls import RATE, Shop, example, finish, noise, of_kind, open_call, packets, play

from tonfall.arrays import FloatArray
from tonfall.bundle import Bundle
from tonfall.errors import BundleError, ServiceError
from tonfall.runtime import Predictor
from tonfall.serve.calls import Busy, CallLimits
from tonfall.serve.calls.hearing import Hearing
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Channel,
    Dtmf,
    EndReason,
    Gap,
    Role,
    StreamRestarted,
)
from tonfall.serve.records import CallClosed, CallOpened, Change, WindowHeard
from tonfall.streaming import Engine, PieceJob

HOUR = 3600


def test_an_error_of_one_call_touches_no_other(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell = Hearing.tell

    def broken(self: Hearing) -> None:
        if self.call.facts.external_id == "broken":
            raise RuntimeError("a bug")
        tell(self)

    monkeypatch.setattr(Hearing, "tell", broken)
    with Shop(tiny) as shop, caplog.at_level(logging.ERROR):
        one, other = open_call(shop.desk, call_id="broken"), open_call(shop.desk)
        play(one, packets(example(0, 12)))
        play(other, packets(example(0, 12)))
        finish(one, other)
    assert shop.windows(other)
    assert shop.closed(other).complete
    assert shop.closed(one).reason == "An error of the server ended the call."
    assert not shop.closed(one).complete
    assert shop.desk.statistics().failed_calls == 1
    assert one.id in caplog.text


def test_a_store_or_a_listener_that_breaks_ends_no_thread(
    tiny: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    told: list[Change] = []

    def submit(change: Change) -> None:
        if not isinstance(change, CallOpened):
            broken()
        told.append(change)

    with Shop(tiny, submit=submit) as shop, caplog.at_level(logging.ERROR):
        for _ in range(2):
            call = open_call(shop.desk)
            call.on_finished(broken)
            play(call, packets(example(0, 8)))
            finish(call)
        assert shop.desk.statistics().failed_calls == 2
        assert shop.desk.statistics().failed_rounds == 0
        assert shop.desk.statistics().calls == 0
    assert len(told) == 2
    assert "could not be told" in caplog.text


def test_an_engine_that_breaks_takes_no_other_along(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_out = Engine.piece_jobs

    def broken(self: Engine) -> list[PieceJob]:
        if len(self._voices) == 1:
            raise RuntimeError("a bug")
        return hand_out(self)

    monkeypatch.setattr(Engine, "piece_jobs", broken)
    with Shop(tiny) as shop:
        one, other = open_call(shop.desk, Role.CUSTOMER), open_call(shop.desk)
        play(one, packets(example(0, 12)[:1]))
        play(other, packets(example(0, 12)))
        finish(one, other)
    assert shop.windows(other)
    assert not shop.closed(one).complete


def test_a_failed_model_is_counted_and_the_calls_go_on(tiny_bundle: Bundle) -> None:
    class Failing(Predictor):
        """Fails on its third piece."""

        pieces = 0

        def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
            self.pieces += 1
            if self.pieces in (3, 4):
                raise BundleError("The model failed.")
            return super().encode(frames, weights)

    with Shop(Failing(tiny_bundle)) as shop:
        call = open_call(shop.desk)
        for event in packets(example(0, 20)):
            call.take(event)
            time.sleep(0.001)
        play(call, [])
        finish(call)
    assert shop.desk.statistics().model_failures >= 1
    assert shop.closed(call).shed == shop.desk.statistics().shed_windows > 0
    assert shop.windows(call)


def test_audio_that_is_no_number_ends_its_call_with_a_sentence(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        play(call, packets(np.full((2, RATE), np.nan, np.float32)))
        finish(call)
    assert shop.closed(call).reason == "The audio could not be used."
    assert shop.desk.statistics().failed_calls == 0


def test_overshoots_are_clipped(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        play(call, packets(np.full((2, RATE), 1.5, np.float32)))
        finish(call)
    assert shop.closed(call).complete


def test_what_is_shed_is_counted_and_time_goes_on(tiny_bundle: Bundle) -> None:
    go_on = threading.Event()

    class Slow(Predictor):
        """Cannot keep up."""

        def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
            assert go_on.wait(30)
            return super().encode(frames, weights)

    limits = CallLimits(inbox_s=5, room_s=2)
    with Shop(Slow(tiny_bundle), limits=limits) as shop:
        call = open_call(shop.desk)
        for event in packets(example(0, 40)):
            call.take(event)
        for _ in range(200):
            if call.inbox.shed_samples:
                break
            time.sleep(0.01)
        assert call.inbox.samples <= 5 * RATE
        assert call.congested
        go_on.set()
        play(call, [])
        finish(call)
    statistics = shop.desk.statistics()
    assert statistics.shed_s > 20
    assert shop.closed(call).shed == statistics.shed_windows >= 20
    assert shop.closed(call).seconds == 40.0
    last = shop.windows(call)[-1].segment.end / 16_000
    assert last > 35


def test_a_call_that_never_speaks_is_told_all_the_same(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        silent, empty, hummed = (open_call(shop.desk) for _ in range(3))
        play(silent, packets(np.zeros((2, 10 * RATE), np.float32)))
        play(empty, [])
        play(hummed, packets(noise(10)))
        finish(silent, empty, hummed)
    assert of_kind(shop.told, WindowHeard) == []
    for call, seconds in ((silent, 10), (empty, 0), (hummed, 10)):
        closed = shop.closed(call)
        assert (closed.seconds, closed.silence_s, closed.overlap_s) == (seconds, seconds, 0)
        assert closed.speakers == ()


def test_a_jump_of_hours_moves_time_on(tiny: Predictor) -> None:
    first, second, gap = example(0, 10), example(10, 20), 7 * HOUR * RATE
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        play(call, packets(first), end=False)
        call.take(Gap(gap, 10 * RATE))
        play(call, packets(second, position=10 * RATE + gap))
        finish(call)
    ends = [window.segment.end / 16_000 for window in shop.windows(call)]
    assert min(ends) < 10
    assert max(ends) > 7 * HOUR + 10
    assert not any(10 < end <= 7 * HOUR + 10 for end in ends)
    assert shop.closed(call).seconds == 7 * HOUR + 20


def test_audio_that_comes_twice_is_heard_once(tiny: Predictor) -> None:
    samples = example(0, 12)
    with Shop(tiny) as shop:
        once, twice = open_call(shop.desk), open_call(shop.desk)
        play(once, packets(samples))
        for event in packets(samples):
            twice.take(event)
            twice.take(Audio(event.samples[:, -80:], event.position + 80))
        play(twice, [])
        finish(once, twice)
    found, expected = shop.windows(twice), shop.windows(once)
    assert [(each.segment, each.heard) for each in found] == [
        (each.segment, each.heard) for each in expected
    ]
    for one, other in zip(found, expected, strict=True):  # By what else was in the batch.
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_another_stream_in_a_call_begins_anew(tiny: Predictor) -> None:
    samples = example(0, 12)
    with Shop(tiny) as shop:
        alone, after = open_call(shop.desk), open_call(shop.desk)
        play(alone, packets(samples))
        play(after, packets(samples), end=False)
        after.take(StreamRestarted(12 * RATE))
        play(after, packets(samples, position=12 * RATE))
        finish(alone, after)
    second = [w for w in shop.windows(after) if w.segment.start >= 12 * 16_000]
    expected = shop.windows(alone)
    assert [window.heard for window in second] == [window.heard for window in expected]
    for found, wanted in zip(second, expected, strict=True):
        assert found.probabilities == pytest.approx(wanted.probabilities, abs=1e-6)


def test_two_calls_with_one_id_are_two_calls(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        one, other = (open_call(shop.desk, call_id="CA-same") for _ in range(2))
        play(one, packets(example(0, 12)))
        play(other, packets(example(8, 20)))
        finish(one, other)
    assert one.id != other.id
    opened = of_kind(shop.told, CallOpened)
    assert [each.external_id for each in opened] == ["CA-same", "CA-same"]
    assert shop.windows(one)
    assert shop.windows(one) != shop.windows(other)


def test_what_is_no_part_of_a_call_is_passed_over(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        call.take(Dtmf("5", 0))
        play(call, packets(noise(1)))
        call.take(Audio(noise(1), RATE))
        call.take(CallEnded(EndReason.OTHER, complete=False))
        finish(call)
    assert shop.closed(call).reason == "stop"


def test_a_full_node_and_one_that_drains_take_no_more(tiny: Predictor) -> None:
    with Shop(tiny, limits=CallLimits(calls=1)) as shop:
        call = open_call(shop.desk)
        with pytest.raises(Busy, match="has 1 calls, as many as it takes") as caught:
            open_call(shop.desk)
        assert caught.value.retry
        play(call, [])
        finish(call)
        shop.desk.stop_accepting()
        with pytest.raises(Busy, match="about to stop"):
            open_call(shop.desk)
    assert shop.desk.statistics().refused == 2


def test_a_call_that_the_store_has_no_room_for_is_not_taken(tiny: Predictor) -> None:
    def full(_: object) -> None:
        raise ServiceError("20000 changes wait for the database.", retry=True)

    with Shop(tiny, submit=full) as shop:
        with pytest.raises(Busy, match=r"takes no calls now\. 20000 changes wait") as caught:
            open_call(shop.desk)
        assert caught.value.retry
        assert shop.desk.live() == []
        assert (shop.desk.statistics().refused, shop.desk.statistics().opened) == (1, 0)


def test_a_node_that_cannot_keep_up_takes_no_more(tiny_bundle: Bundle) -> None:
    go_on = threading.Event()

    class Stuck(Predictor):
        def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
            assert go_on.wait(30)
            return super().encode(frames, weights)

    with Shop(Stuck(tiny_bundle), limits=CallLimits(backlog_s=0.1, room_s=60)) as shop:
        call = open_call(shop.desk)
        for _ in range(3):
            play(call, packets(example(0, 8), position=call.position), end=False)
            time.sleep(0.15)
        with pytest.raises(Busy, match="cannot keep up"):
            open_call(shop.desk)
        go_on.set()
        play(call, [])
        finish(call)


def test_draining_waits_and_then_ends_what_is_left(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        ends, stays = open_call(shop.desk), open_call(shop.desk)
        play(ends, packets(example(0, 8)), end=False)
        play(stays, packets(example(0, 8)), end=False)
        started = time.monotonic()
        play(probe := open_call(shop.desk), packets(example(0, 8)))
        finish(probe)
        needed_s = time.monotonic() - started
        timer = threading.Timer(0.1, ends.take, [CallEnded(EndReason.HUNG_UP, complete=True)])
        timer.start()
        assert shop.desk.drain(0.5 + 5 * needed_s) == 1
        timer.join()
    assert shop.closed(ends).complete
    assert (shop.closed(stays).reason, shop.closed(stays).complete) == ("The server stops.", False)
    assert shop.windows(stays) == shop.windows(ends)


def test_who_waits_for_the_end_is_called_back(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call, told = open_call(shop.desk), threading.Event()
        call.on_finished(told.set)
        assert not call.finished(0.01)
        play(call, packets(noise(1)))
        assert told.wait(20)
        late = threading.Event()
        call.on_finished(late.set)
        assert late.is_set()
        assert shop.desk.find(call.id) is None
    assert isinstance(shop.told[-1], CallClosed)


def test_a_store_without_room_is_counted_and_ends_no_call(tiny: Predictor) -> None:
    def full(change: Change) -> None:
        if not isinstance(change, CallOpened):
            raise ServiceError("The backlog is full.", retry=True)

    with Shop(tiny, submit=full) as shop:
        call = open_call(shop.desk)
        play(call, packets(example(0, 12)))
        finish(call)
        assert shop.desk.statistics().untold == call.untold > 3
        assert shop.desk.statistics().failed_calls == 0


def test_a_call_with_more_channels_than_can_be_heard_is_refused(tiny: Predictor) -> None:
    channels = tuple(Channel(Role.CUSTOMER, str(number)) for number in range(9))
    with Shop(tiny) as shop:
        with pytest.raises(Exception, match="channels"):
            shop.desk.open(CallStarted("CA1", RATE, channels), tenant="acme", carrier="native")
        assert shop.told == []
        assert shop.desk.statistics().calls == 0


def test_statistics_add_up(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        calls = [open_call(shop.desk) for _ in range(3)]
        assert shop.desk.statistics().calls == 3
        for call in calls:
            play(call, packets(example(0, 10)))
        finish(*calls)
        statistics = shop.desk.statistics()
    assert (statistics.calls, statistics.opened, statistics.finished) == (0, 3, 3)
    assert statistics.windows == len(of_kind(shop.told, WindowHeard)) > 0
    assert (statistics.waiting_s, statistics.lag_s) == (0, 0)
    assert statistics.busy_s > 0


@pytest.mark.slow
def test_memory_of_a_long_call_does_not_grow(tiny: Predictor) -> None:
    samples = example(0, 30)
    with Shop(tiny, submit=lambda _change: None) as shop:
        call = open_call(shop.desk)

        def minutes(count: int) -> int:
            for _ in range(2 * count):
                play(call, packets(samples, position=call.position), end=False)
            while call.inbox.samples > RATE:
                time.sleep(0.01)
            rounds = shop.desk.statistics().rounds
            while shop.desk.statistics().rounds < rounds + 3:
                time.sleep(0.01)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        minutes(2)
        after_two = minutes(2)
        after_twenty = minutes(16)
        tracemalloc.stop()
        play(call, [])
        finish(call)
    # Turns are kept as two numbers each, tones in bins.
    assert after_twenty - after_two < 300_000
