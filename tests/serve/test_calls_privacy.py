"""Who is heard, and from when on: agents never, nobody before notice, nothing after objection."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from functools import partial

import numpy as np
import pytest
from desk_calls import (
    AGENT,
    CUSTOMER,
    RATE,
    UNKNOWN,
    Shop,
    example,
    finish,
    noise,
    of_kind,
    open_call,
    packets,
    play,
)

from tonfall.arrays import FloatArray
from tonfall.bundle import Bundle
from tonfall.errors import ConfigError, ServiceError
from tonfall.runtime import Predictor
from tonfall.serve.calls import AgentScoring, Purpose, ScoringPolicy
from tonfall.serve.codecs import CallEnded, EndReason, Role
from tonfall.serve.records import (
    CallPurged,
    Change,
    Notice,
    NoticeMoved,
    TurnHeard,
    WindowHeard,
)

AGENTS = AgentScoring(
    reason="Agents train themselves.", person="A. B.", region="DE", purpose=Purpose.SELF_TRAINING
)


class Recording(Predictor):
    """A model that keeps what it is given."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.frames: list[FloatArray] = []

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        self.frames += list(frames)
        return super().encode(frames, weights)


@pytest.fixture
def recording(tiny_bundle: Bundle) -> Recording:
    return Recording(tiny_bundle)


def frames_of(recording: Recording, samples: FloatArray, *roles: Role, **policy: object) -> int:
    """How many pieces the model was given of a call; they are kept in ``recording``."""
    recording.frames.clear()
    with Shop(recording, policy=ScoringPolicy(**policy)) as shop:  # type: ignore[arg-type]
        call = open_call(shop.desk, *roles)
        play(call, packets(samples))
        finish(call)
    return len(recording.frames)


def test_no_agent_frame_reaches_the_model(recording: Recording) -> None:
    # The agent speaks under a loud tone, which would show in every frame it had a part in.
    customer, agent = example(0, 25)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(agent)) / RATE).astype(np.float32)
    marked = np.clip(agent + tone, -1, 1)
    frames_of(recording, customer[None], CUSTOMER)
    alone = np.stack(recording.frames)
    assert frames_of(recording, np.stack([customer, marked]), CUSTOMER, AGENT) > 5
    for given in recording.frames:
        # Not fewer bits: filters of another batch may add in another order.
        assert np.abs(alone - given).max(axis=(1, 2)).min() < 1e-4
    assert frames_of(recording, np.stack([customer, marked]), AGENT, CUSTOMER) > 5
    for given in recording.frames:
        assert np.abs(alone - given).max(axis=(1, 2)).min() > 0.5


@pytest.mark.parametrize("roles", [(AGENT, AGENT), (UNKNOWN, AGENT), (AGENT,), (UNKNOWN,)])
def test_a_call_without_a_customer_gives_the_model_nothing(
    recording: Recording, roles: tuple[Role, ...]
) -> None:
    assert frames_of(recording, example(0, 20)[: len(roles)], *roles) == 0


def test_the_model_gets_a_piece_for_each_spoken_second_of_the_scored_alone(
    recording: Recording,
) -> None:
    samples = example(0, 20)
    customer = frames_of(recording, samples, CUSTOMER, AGENT)
    agent = frames_of(recording, samples, AGENT, CUSTOMER)
    both = frames_of(recording, samples, CUSTOMER, AGENT, agents=AGENTS)
    assert both == customer + agent
    assert frames_of(recording, samples, UNKNOWN, AGENT, unknown_is_customer=True) == customer


def test_an_unscored_voice_has_turns_and_no_judgement(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        play(call, packets(example(0, 20)))
        finish(call)
    agents = [each.turn for each in of_kind(shop.told, TurnHeard) if each.turn.channel == 1]
    assert agents
    assert {turn.label for turn in agents} == {None}
    assert {turn.probabilities for turn in agents} == {()}
    assert {window.channel for window in shop.windows(call)} == {0}


def test_scoring_agents_needs_a_named_decision() -> None:
    with pytest.raises(ConfigError, match="needs a reason, the person who decided it"):
        AgentScoring(reason=" ", person="A", region="US", purpose=Purpose.OUTSIDE_EU)


@pytest.mark.parametrize("notice", [Notice.UNKNOWN, Notice.REFUSED])
def test_nothing_is_heard_without_notice(recording: Recording, notice: Notice) -> None:
    with Shop(recording, policy=ScoringPolicy(require_notice=True)) as shop:
        call = open_call(shop.desk, notice=notice)
        play(call, packets(example(0, 20)))
        finish(call)
    assert recording.frames == []
    assert len(shop.told) == 2
    closed = shop.closed(call)
    assert (closed.seconds, closed.speakers, closed.silence_s) == (20.0, (), 20.0)


def test_what_is_refused_is_not_heard_where_no_notice_is_required(recording: Recording) -> None:
    with Shop(recording) as shop:
        call = open_call(shop.desk, notice=Notice.REFUSED)
        play(call, packets(example(0, 20)))
        finish(call)
    assert recording.frames == []
    assert len(shop.told) == 2


def test_hearing_begins_where_notice_is_given(recording: Recording) -> None:
    samples = example(0, 24)
    with Shop(recording, policy=ScoringPolicy(require_notice=True)) as shop:
        call = open_call(shop.desk)
        play(call, packets(samples[:, : 10 * RATE]), end=False)
        call.set_notice(Notice.GIVEN, by="key-1")
        play(call, packets(samples[:, 10 * RATE :], position=10 * RATE))
        finish(call)
    starts = [window.segment.start / 16_000 for window in shop.windows(call)]
    assert starts
    assert min(starts) >= 10
    first = next(n for n, each in enumerate(shop.told) if isinstance(each, WindowHeard))
    moved = next(n for n, each in enumerate(shop.told) if isinstance(each, NoticeMoved))
    assert moved < first


def wait_for_windows(shop: Shop, count: int) -> None:
    until = time.monotonic() + 60
    while len(of_kind(shop.told, WindowHeard)) < count:
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("by_notice", [False, True])
def test_an_objection_ends_scoring_at_once_and_purges(
    recording: Recording, by_notice: bool
) -> None:
    samples = example(0, 40)
    with Shop(recording) as shop:
        call = open_call(shop.desk)
        play(call, packets(samples[:, : 20 * RATE]), end=False)
        wait_for_windows(shop, 3)
        if by_notice:
            call.set_notice(Notice.REFUSED, by="key-1")
        else:
            call.object(by="key-1")
        purged = len(shop.told)
        play(call, packets(samples[:, 20 * RATE :], position=20 * RATE))
        finish(call)
    purge = shop.told[purged - 1]
    assert call.refused
    assert isinstance(purge, CallPurged)
    assert (purge.reason, purge.by) == ("objection", "key-1")
    assert [type(each).__name__ for each in shop.told[purged:]] == ["CallClosed"]
    assert shop.closed(call).speakers == ()
    assert shop.closed(call).seconds == 40.0


def test_an_objection_in_the_middle_of_scoring_lets_nothing_through(tiny_bundle: Bundle) -> None:
    inside, go_on = threading.Event(), threading.Event()

    class Waiting(Predictor):
        """Waits while it judges."""

        def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
            inside.set()
            assert go_on.wait(60)
            return super().encode(frames, weights)

    with Shop(Waiting(tiny_bundle)) as shop:
        call = open_call(shop.desk)
        play(call, packets(example(0, 20)))
        assert inside.wait(60)
        call.object(by="key-1")
        go_on.set()
        finish(call)
    assert of_kind(shop.told, WindowHeard) == []
    assert len(of_kind(shop.told, CallPurged)) == 1


def test_an_objection_leaves_other_calls_alone(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        one, other = open_call(shop.desk), open_call(shop.desk)
        play(one, packets(example(0, 20)), end=False)
        one.object(by="key-1")
        for call in (one, other):
            position = RATE * 20 if call is one else 0
            play(call, packets(example(0, 20), position=position))
        finish(one, other)
    assert shop.windows(other)
    assert other.notice is Notice.UNKNOWN


def test_what_was_refused_stays_refused(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk, notice=Notice.REFUSED)
        with pytest.raises(ServiceError, match="what was refused stays refused"):
            call.set_notice(Notice.CONSENTED, by="key-1")
        call.take(CallEnded(EndReason.STOP, complete=True))
        finish(call)


def test_consent_is_written_before_anything_is_heard_by_it(tiny: Predictor) -> None:
    written: list[Change] = []
    with Shop(tiny, policy=ScoringPolicy(require_notice=True)) as shop:
        call = open_call(shop.desk)

        def write(change: Change) -> None:
            assert not call.heard
            written.append(change)

        call.set_notice(Notice.CONSENTED, by="key-1", write=write)
        assert call.heard
        play(call, packets(noise(1)))
        finish(call)
    assert len(written) == 1
    assert of_kind(shop.told, NoticeMoved) == []


def away(_: Change) -> None:
    """A database that does not answer."""
    raise ServiceError("The database did not answer.", retry=True)


@pytest.mark.parametrize("way", ["set_notice", "object", "erase"])
def test_a_deletion_that_could_not_be_written_is_written_all_the_same(
    tiny: Predictor, way: str
) -> None:
    written: list[Change] = []
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        said = {"set_notice": partial(call.set_notice, Notice.REFUSED)}.get(way, getattr(call, way))
        for _ in range(3):
            with pytest.raises(ServiceError, match="is not deleted yet") as caught:
                said(by="key-1", write=away)
            assert caught.value.retry
            assert not call.heard
        assert len(of_kind(shop.told, CallPurged)) == 1
        said(by="key-1", write=written.append)
        said(by="key-1", write=written.append)
        play(call, packets(noise(1)))
        finish(call)
    [purge] = of_kind(written, CallPurged)
    assert purge.reason == ("erasure" if way == "erase" else "objection")


def test_an_erased_call_is_heard_no_more_but_nobody_refused(recording: Recording) -> None:
    with Shop(recording) as shop:
        call = open_call(shop.desk)
        call.erase(by="key-1")
        assert (call.silenced, call.refused, call.heard) == (True, False, False)
        call.set_notice(Notice.CONSENTED, by="key-1")
        assert not call.heard
        play(call, packets(example(0, 20)))
        finish(call)
    assert recording.frames == []


def test_consent_that_was_slow_to_write_does_not_undo_an_objection(tiny: Predictor) -> None:
    with Shop(tiny, policy=ScoringPolicy(require_notice=True)) as shop:
        call = open_call(shop.desk)

        def slowly(_: Change) -> None:
            call.object(by="key-2")

        with pytest.raises(ServiceError, match="what was refused stays refused"):
            call.set_notice(Notice.CONSENTED, by="key-1", write=slowly)
        assert (call.notice, call.heard) == (Notice.REFUSED, False)
        play(call, packets(noise(1)))
        finish(call)


def test_after_an_objection_nothing_of_the_voice_stays_in_memory(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        play(call, packets(example(0, 20)), end=False)
        wait_for_windows(shop, 3)
        hearing = shop.desk._hearings[call.id]
        engine = weakref.ref(hearing.engine)
        call.object(by="key-1")
        until = time.monotonic() + 60
        while engine() is not None:
            assert time.monotonic() < until
            time.sleep(0.01)
            gc.collect()
        assert call.inbox.samples == 0
        assert not call.ended
        play(call, [])
        finish(call)
    assert shop.closed(call).seconds == 20.0
