"""Calls of two channels that hold one mix: heard as one channel once that is known."""

from __future__ import annotations

import logging
from collections.abc import Iterable
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
    of_kind,
    open_call,
    packets,
    play,
    turns_of,
    windows_of,
)
from mono_calls import ToneModel, mono
from test_calls_desk import analyzed, assert_same, facts, scores

from tonfall.arrays import FloatArray
from tonfall.diarization import SpeakerModel
from tonfall.runtime import Predictor
from tonfall.serve.calls import AgentScoring, LiveCall, Purpose, ScoringPolicy
from tonfall.serve.codecs import Event, Role, StreamRestarted
from tonfall.serve.records import CallMixed, CallOpened
from tonfall.streaming import Engine, LiveSpeakers, Scorer, TurnEnded, WindowScored
from tonfall.timeline import SAMPLING_RATE, Turn, Window

AGENTS = ScoringPolicy(
    agents=AgentScoring(
        reason="They train themselves.", person="A. B.", region="US", purpose=Purpose.OUTSIDE_EU
    )
)
MS = RATE // 1000


@pytest.fixture(autouse=True)
def tone_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpeakerModel, "load", classmethod(lambda cls: ToneModel()))


def same(mix: FloatArray, *, gain: float = 1.0, late: int = 0) -> FloatArray:
    """(2, n): a mix, and a copy of it."""
    return np.concatenate([mix, gain * np.roll(mix, late, axis=1)]).astype(np.float32)


def long_mix() -> FloatArray:
    """(1, n): more than a minute of sound."""
    return np.tile(mono(), (1, 4))


def mixed_of(shop: Shop, call: LiveCall) -> CallMixed | None:
    found = [change for change in of_kind(shop.told, CallMixed) if change.call == call.id]
    assert len(found) <= 1
    return found[0] if found else None


def known_mixed(shop: Shop, call: LiveCall) -> CallMixed:
    mixed = mixed_of(shop, call)
    assert mixed is not None
    return mixed


def played(
    shop: Shop,
    samples: FloatArray,
    *roles: Role,
    lengths: Iterable[int] | None = None,
    **options: object,
) -> LiveCall:
    """A call from its start to its end."""
    call = open_call(shop.desk, *roles, **options)
    play(call, packets(samples, lengths=lengths))
    finish(call)
    return call


def after(values: Iterable[Turn | Window], second: float) -> list[Turn | Window]:
    """Those that end after that."""
    return [value for value in values if value.segment.end > second * SAMPLING_RATE]


@pytest.mark.parametrize(
    ("samples", "earliest"),
    [
        (same(mono()), 10),
        (same(mono(), gain=-1), 10),
        (same(mono(), late=MS), 10),
        (same(mono(), gain=-1, late=-MS), 10),
        (same(long_mix(), gain=0.5), 60),
        (same(long_mix(), gain=-0.5, late=MS), 60),
    ],
    ids=["equal", "inverted", "late", "inverted and early", "half", "all"],
)
def test_nobody_is_judged_once_the_channels_are_known_to_hold_one_mix(
    tiny: Predictor, samples: FloatArray, earliest: int
) -> None:
    with Shop(tiny) as shop:
        call = played(shop, samples, CUSTOMER, AGENT)
    mixed = known_mixed(shop, call)
    assert earliest <= mixed.seconds < 1.6 * earliest
    assert [side.scored for side in of_kind(shop.told, CallOpened)[0].channels] == [True, False]
    assert [side.scored for side in mixed.channels] == [False, False]
    assert windows_of(shop.told, call)
    assert after(windows_of(shop.told, call), mixed.seconds) == []


def test_who_speaks_is_then_told_apart_by_voice_under_new_numbers(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = played(shop, same(long_mix()), CUSTOMER, AGENT)
    mixed, turns = known_mixed(shop, call), turns_of(shop.told, call)
    later = after(turns, mixed.seconds)
    assert {(turn.channel, turn.speaker) for turn in later} == {(0, "S3"), (0, "S4")}
    assert {turn.speaker for turn in turns if turn not in later} == {"S1", "S2"}
    speakers = {each.speaker: each for each in shop.closed(call).speakers}
    assert set(speakers) == {"S1", "S2", "S3", "S4"}
    assert speakers["S1"].mean
    assert speakers["S3"].mean == speakers["S4"].mean == ()


def test_what_was_judged_before_stays_as_it_was(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = played(shop, same(mono()), CUSTOMER, AGENT)
        until = round(known_mixed(shop, call).seconds * RATE)
        short = played(shop, same(mono()[:, :until]), CUSTOMER, AGENT, compare=False)
        expected = analyzed(tiny, same(mono()[:, :until]), True, False)
    # Batches move scores by 1e-8, and what is in one batch depends on how busy the machine is.
    pairs = list(zip(windows_of(shop.told, call), windows_of(shop.told, short), strict=True))
    assert pairs
    for found, wanted in pairs:
        assert facts(found) == facts(wanted)
        assert scores(found) == pytest.approx(scores(wanted), rel=0, abs=1e-6)
    assert_same(shop.told, short, expected)


def test_what_follows_is_what_a_mixed_channel_gives(tiny: Predictor) -> None:
    """Where everybody may be judged, to the bit of the labels."""
    mix = mono()
    with Shop(tiny, policy=AGENTS) as shop:
        call = played(shop, same(mix, gain=-1), CUSTOMER, AGENT)
    second = known_mixed(shop, call).seconds
    engine = Engine(tiny, sampling_rate=RATE, channels=1, speakers=LiveSpeakers())
    engine.skip(round(second * RATE))
    engine.feed(mix[:, round(second * RATE) :])
    engine.close()
    Scorer(tiny).serve([engine])
    events = engine.take_events()
    windows = [event.window for event in events if isinstance(event, WindowScored)]
    turns = [event.turn for event in events if isinstance(event, TurnEnded)]
    assert windows
    pairs = [
        *zip(after(windows_of(shop.told, call), second), windows, strict=True),
        *zip(after(turns_of(shop.told, call), second), turns, strict=True),
    ]
    for found, alone in pairs:
        number = int(alone.speaker.removeprefix("S")) + 2
        assert facts(found) == replace(facts(alone), speaker=f"S{number}")
        assert scores(found) == pytest.approx(scores(alone), rel=0, abs=1e-6)
    assert [side.scored for side in known_mixed(shop, call).channels] == [True, False]


@pytest.mark.parametrize("seed", range(3))
def test_any_chunking_gives_the_same(tiny: Predictor, seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 9000, 500).tolist()
    samples = same(mono(), late=MS)
    with Shop(tiny, policy=AGENTS) as shop:
        whole = played(shop, samples, CUSTOMER, AGENT, lengths=[samples.shape[1]])
        cut = played(shop, samples, CUSTOMER, AGENT, lengths=lengths)
    assert known_mixed(shop, cut).seconds == known_mixed(shop, whole).seconds
    for of in (windows_of, turns_of):
        ours, theirs = of(shop.told, cut), of(shop.told, whole)
        assert [facts(each) for each in ours] == [facts(each) for each in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert scores(one) == pytest.approx(scores(other), rel=0, abs=1e-6)


@pytest.mark.parametrize("echo_db", [-20, -6])
@pytest.mark.parametrize("monologue_s", [0, 20])
def test_two_people_who_echo_each_other_stay_two(
    tiny: Predictor, echo_db: float, monologue_s: int
) -> None:
    """Also where the agent alone speaks first, so that all there is of the customer is echo."""
    sides = np.tile(example(0, 24), (1, 3))
    greeting = np.tile(example()[1], 3)[: monologue_s * RATE]
    sides = np.concatenate([np.stack([0 * greeting, greeting]), sides], axis=1)
    samples = sides + np.float32(10 ** (echo_db / 20)) * np.roll(sides[::-1], 5 * MS, axis=1)
    with Shop(tiny) as shop:
        call = played(shop, samples.astype(np.float32), CUSTOMER, AGENT)
    assert mixed_of(shop, call) is None
    assert_same(shop.told, call, analyzed(tiny, samples.astype(np.float32), True, False))


def test_two_people_stay_two(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = played(shop, example(), CUSTOMER, AGENT)
    assert mixed_of(shop, call) is None
    assert_same(shop.told, call, analyzed(tiny, example(), True, False))


def test_each_channel_is_a_person_where_that_is_asked_for(tiny: Predictor) -> None:
    samples = same(mono())
    expected = analyzed(tiny, samples, True, False)
    with Shop(tiny, policy=ScoringPolicy(compare=False)) as shop:
        call = played(shop, samples, CUSTOMER, AGENT)
        other = played(shop, samples, CUSTOMER, AGENT, compare=True)
    assert mixed_of(shop, call) is None
    assert mixed_of(shop, other) is not None
    assert_same(shop.told, call, expected)


@pytest.mark.parametrize(
    ("roles", "policy", "judged", "heard"),
    [
        ((CUSTOMER, CUSTOMER), ScoringPolicy(), {"S3"}, {"S3"}),
        ((UNKNOWN, UNKNOWN), ScoringPolicy(), set(), {"S3"}),
        (
            (UNKNOWN, UNKNOWN),
            ScoringPolicy(unknown_is_customer=True),
            {"S3", "S4"},
            {"S3", "S4"},
        ),
        ((UNKNOWN, CUSTOMER), ScoringPolicy(), set(), {"S3", "S4"}),
        ((CUSTOMER, AGENT), ScoringPolicy(tell_apart=False), set(), {"S3"}),
    ],
)
def test_one_role_on_all_channels_is_that_of_the_mix(
    tiny: Predictor,
    roles: tuple[Role, ...],
    policy: ScoringPolicy,
    judged: set[str],
    heard: set[str],
) -> None:
    with Shop(tiny, policy=policy) as shop:
        call = played(shop, same(long_mix()), *roles)
    second = known_mixed(shop, call).seconds
    assert {each.speaker for each in after(windows_of(shop.told, call), second)} == judged
    assert {each.speaker for each in after(turns_of(shop.told, call), second)} == heard


def test_it_is_said_once_without_what_the_call_is_named(
    tiny: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Shop(tiny) as shop:
        call = played(shop, same(long_mix()), CUSTOMER, AGENT)
    [record] = [each for each in caplog.records if "same sound" in each.message]
    assert record.message == (
        f"Call {call.id}: all channels hold the same sound, so from "
        f"{known_mixed(shop, call).seconds:.0f} s on it is heard as one channel, and nobody is "
        "judged."
    )


def test_another_source_is_compared_anew_until_a_mix_is_found(tiny: Predictor) -> None:
    sides, mix = example(0, 24), same(mono())
    length = sides.shape[1]
    events: list[Event] = [
        *packets(sides),
        StreamRestarted(length),
        *packets(mix, position=length),
        StreamRestarted(length + mix.shape[1]),
        *packets(sides, position=length + mix.shape[1]),
    ]
    with Shop(tiny) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        play(call, events)
        finish(call)
    mixed = known_mixed(shop, call)
    assert 34 <= mixed.seconds < 40
    assert after(windows_of(shop.told, call), mixed.seconds) == []


def test_a_mix_that_is_objected_to_is_heard_no_more(tiny: Predictor) -> None:
    with Shop(tiny) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        call.object(by="key-1")
        play(call, packets(same(mono())))
        finish(call)
    assert mixed_of(shop, call) is None
