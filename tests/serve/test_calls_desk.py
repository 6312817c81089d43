"""The desk: the same timeline as a recording's, whatever else is on the line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
    turns_of,
    windows_of,
)

from tonfall.analysis import analyze_blocks
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo
from tonfall.runtime import Predictor
from tonfall.serve.calls import LiveCall
from tonfall.serve.records import CallClosed, CallOpened, Change
from tonfall.timeline import Timeline, Turn, Window

SCORES = 1e-6


@pytest.fixture
def shop(tiny: Predictor) -> Iterator[Shop]:
    shop = Shop(tiny)
    yield shop
    shop.desk.close()


def analyzed(predictor: Predictor, samples: FloatArray, *scored: bool) -> Timeline:
    """What a file of these samples gives."""
    info = AudioInfo("", RATE, len(samples), samples.shape[1], "WAV/FLOAT")
    return analyze_blocks([samples], info=info, predictor=predictor, scored=scored).timeline


def assert_same(told: list[Change], call: LiveCall, expected: Timeline) -> None:
    """The same turns and windows: all but the scores to the bit, the scores within a bound."""
    pairs = [
        *zip(windows_of(told, call), expected.windows, strict=True),
        *zip(turns_of(told, call), expected.turns, strict=True),
    ]
    for found, wanted in pairs:
        assert facts(found) == facts(wanted)
        assert scores(found) == pytest.approx(scores(wanted), rel=0, abs=SCORES)
    assert expected.windows


def facts(value: Turn | Window) -> Turn | Window:
    return replace(
        value, probabilities=(), confidence=None, arousal=None, valence=None, dominance=None
    )


def scores(value: Turn | Window) -> tuple[float, ...]:
    named = (value.confidence, value.arousal, value.valence, value.dominance)
    return (*value.probabilities, *(score for score in named if score is not None))


def test_a_call_gives_the_timeline_of_its_recording(shop: Shop, tiny: Predictor) -> None:
    samples = example()
    call = open_call(shop.desk)
    play(call, packets(samples))
    finish(call)
    assert_same(shop.told, call, analyzed(tiny, samples, True, False))


@pytest.mark.parametrize("seed", range(3))
def test_however_it_is_cut_and_whoever_is_beside(shop: Shop, tiny: Predictor, seed: int) -> None:
    rng = np.random.default_rng(seed)
    waveforms = [example(0, 20), example(10, 30), example(5, 12), noise(12)]
    calls = [open_call(shop.desk, call_id=str(number)) for number in range(len(waveforms))]
    streams = [
        packets(samples, lengths=rng.integers(1, 4000, 500).tolist()) for samples in waveforms
    ]
    open_streams = dict(zip(calls, streams, strict=True))
    while open_streams:
        call = list(open_streams)[int(rng.integers(len(open_streams)))]
        event = next(open_streams[call], None)
        play(call, [event] if event else [], end=event is None)
        if event is None:
            del open_streams[call]
    finish(*calls)
    for call, samples in zip(calls[:3], waveforms, strict=False):
        assert_same(shop.told, call, analyzed(tiny, samples, True, False))
    assert windows_of(shop.told, calls[3]) == []


def test_a_call_is_told_from_its_opening_to_its_end(shop: Shop) -> None:
    call = open_call(shop.desk, CUSTOMER, AGENT)
    play(call, packets(example(0, 20)))
    finish(call)
    assert isinstance(shop.told[0], CallOpened)
    opened, closed = shop.told[0], shop.told[-1]
    assert [channel.scored for channel in opened.channels] == [True, False]
    assert isinstance(closed, CallClosed)
    assert (closed.seconds, closed.complete, closed.shed) == (20.0, True, 0)
    customer, agent = closed.speakers
    assert customer.talk_ratio + agent.talk_ratio == pytest.approx(1, abs=1e-3)
    assert sum(customer.mean) == pytest.approx(1)
    assert agent.mean == ()
    assert 0 < closed.silence_s < 20
    assert {change.call for change in shop.told if hasattr(change, "call")} == {call.id}


def test_an_unknown_role_is_not_scored(shop: Shop) -> None:
    call = open_call(shop.desk, UNKNOWN)
    play(call, packets(example(0, 20)[:1]))
    finish(call)
    assert windows_of(shop.told, call) == []
    assert turns_of(shop.told, call)
    assert [c.scored for c in of_kind(shop.told, CallOpened)[0].channels] == [False]
