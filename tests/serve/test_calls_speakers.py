"""Calls of one channel with two people on it: told apart as a stream tells them."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from test_calls_desk import analyzed as analyzed_file
from test_calls_desk import assert_same

from tonfall.analysis import analyze_blocks
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, read
from tonfall.diarization import SpeakerModel
from tonfall.errors import BundleError
from tonfall.runtime import Predictor, load
from tonfall.serve.alerts import read_rules
from tonfall.serve.calls import AgentScoring, LiveCall, Purpose, ScoringPolicy
from tonfall.serve.codecs import Role
from tonfall.serve.records import AlertOpened, CallOpened, WindowHeard
from tonfall.streaming import Engine, LiveSpeakers, Scorer
from tonfall.timeline import Timeline

MIXED = Role.MIXED
EVERYBODY = (True,) * 4
CUSTOMERS = ScoringPolicy(unknown_is_customer=True)
AGENTS = AgentScoring(
    reason="Agents train themselves.", person="A. B.", region="US", purpose=Purpose.OUTSIDE_EU
)
PATIENCE_S = 300


@pytest.fixture(autouse=True)
def tone_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpeakerModel, "load", classmethod(lambda cls: ToneModel()))


def analyzed(predictor: Predictor, samples: FloatArray, scored: tuple[bool, ...]) -> Timeline:
    """What ``tonfall analyze -`` gives: a stream that cannot be heard twice."""
    info = AudioInfo("", RATE, 1, samples.shape[1], "WAV/FLOAT")
    return analyze_blocks(
        [samples],
        info=info,
        predictor=predictor,
        scored=scored,
        speakers=LiveSpeakers(),
    ).timeline


def played(shop: Shop, samples: FloatArray, *roles: Role, seed: int = 0) -> LiveCall:
    """A call from its start to its end, in packets of any length."""
    lengths = np.random.default_rng(seed).integers(1, 4000, 500).tolist()
    call = open_call(shop.desk, *roles)
    play(call, packets(samples, lengths=lengths))
    finish(call)
    return call


def judged(shop: Shop, call: LiveCall) -> set[str]:
    return {window.speaker for window in windows_of(shop.told, call)}


def heard(shop: Shop, call: LiveCall) -> set[str]:
    return {turn.speaker for turn in turns_of(shop.told, call)}


@pytest.mark.parametrize("seed", range(3))
def test_a_mono_call_gives_the_timeline_of_a_stream_of_it(tiny: Predictor, seed: int) -> None:
    with Shop(tiny, policy=CUSTOMERS) as shop:
        call = played(shop, mono(), UNKNOWN, seed=seed)
    assert judged(shop, call) == heard(shop, call) == {"S1", "S2"}
    assert_same(shop.told, call, analyzed(tiny, mono(), EVERYBODY))


def test_what_is_judged_of_the_second_is_what_the_second_said(tiny: Predictor) -> None:
    """The sides of the example call are known: the first of them speaks second."""
    with Shop(tiny, policy=CUSTOMERS) as shop:
        call = played(shop, mono(), UNKNOWN)
        sides = played(shop, example(0, 24), CUSTOMER, CUSTOMER)
    own = [turn.segment for turn in turns_of(shop.told, sides) if turn.channel == 0]
    windows = [each for each in windows_of(shop.told, call) if each.speaker == "S2"]
    assert windows
    for window in windows:
        assert any(turn.overlap(window.segment) > 0 for turn in own), window


@pytest.mark.parametrize("policy", [ScoringPolicy(), CUSTOMERS])
def test_who_is_who_is_not_known_so_nobody_is_judged(
    tiny: Predictor, policy: ScoringPolicy
) -> None:
    with Shop(tiny, policy=policy) as shop:
        call = played(shop, mono(), MIXED)
    assert (judged(shop, call), heard(shop, call)) == (set(), {"S1", "S2"})
    assert {speaker.speaker for speaker in shop.closed(call).speakers} == {"S1", "S2"}
    assert [c.scored for c in of_kind(shop.told, CallOpened)[0].channels] == [False]


def test_where_agents_may_be_judged_everybody_is(tiny: Predictor) -> None:
    with Shop(tiny, policy=ScoringPolicy(agents=AGENTS)) as shop:
        call = played(shop, mono(), MIXED)
    assert_same(shop.told, call, analyzed(tiny, mono(), EVERYBODY))


@pytest.mark.parametrize(
    ("role", "policy", "windows"),
    [
        (CUSTOMER, ScoringPolicy(), True),
        (AGENT, ScoringPolicy(agents=AGENTS), True),
        (UNKNOWN, ScoringPolicy(), False),
        (UNKNOWN, ScoringPolicy(unknown_is_customer=True, tell_apart=False), True),
        (MIXED, ScoringPolicy(tell_apart=False), False),
    ],
)
def test_one_side_and_one_nobody_asked_to_tell_apart_stay_one_voice(
    tiny: Predictor, role: Role, policy: ScoringPolicy, windows: bool
) -> None:
    with Shop(tiny, policy=policy) as shop:
        call = played(shop, mono(0, 16), role)
    assert heard(shop, call) == {"S1"}
    assert bool(windows_of(shop.told, call)) == windows


@pytest.mark.parametrize("roles", [(UNKNOWN, UNKNOWN), (MIXED, CUSTOMER), (MIXED, AGENT)])
def test_channels_of_a_call_with_several_stay_one_voice_each(
    tiny: Predictor, roles: tuple[Role, ...]
) -> None:
    with Shop(tiny) as shop:
        call = played(shop, example(0, 24), *roles)
    assert heard(shop, call) == {"S1", "S2"}
    assert {(turn.channel, turn.speaker) for turn in turns_of(shop.told, call)} == {
        (0, "S1"),
        (1, "S2"),
    }
    assert judged(shop, call) == {f"S{n + 1}" for n, role in enumerate(roles) if role is CUSTOMER}


def test_windows_that_were_told_are_told_once_and_stay(tiny: Predictor) -> None:
    with Shop(tiny, policy=CUSTOMERS) as shop:
        call = played(shop, mono(), UNKNOWN)
    keys = [(window.speaker, window.segment) for window in windows_of(shop.told, call)]
    assert len(keys) == len(set(keys))


def test_alerts_are_of_each_speaker(tiny: Predictor, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules:\n"
        "  - name: anything\n"
        f"    when: [{{measure: {tiny.labels[0]}, above: 0.001}}]\n"
        "    persists_s: 2\n"
        "    minimum_speech_s: 1\n"
        "    cooldown_s: 100\n"
    )
    with Shop(
        tiny, rules=read_rules(rules), policy=ScoringPolicy(unknown_is_customer=True)
    ) as shop:
        played(shop, mono(), UNKNOWN)
    alerts = of_kind(shop.told, AlertOpened)
    assert sorted((alert.channel, alert.speaker) for alert in alerts) == [(0, "S1"), (0, "S2")]


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)
        gc.collect()


def test_after_an_objection_the_voices_are_forgotten(tiny: Predictor) -> None:
    with Shop(tiny, policy=CUSTOMERS) as shop:
        call = open_call(shop.desk, UNKNOWN)
        play(call, packets(mono()), end=False)
        wait_until(lambda: len(of_kind(shop.told, WindowHeard)) > 2)
        hearing = shop.desk._hearings[call.id]
        assert hearing._apart is not None
        memory = weakref.ref(hearing._apart._online)
        call.object(by="key-1")
        wait_until(lambda: memory() is None)
        assert not call.ended
        play(call, [])
        finish(call)
    assert shop.closed(call).speakers == ()


@pytest.mark.parametrize("policy", [ScoringPolicy(), CUSTOMERS])
def test_with_the_end_of_a_call_its_voices_are_forgotten(
    tiny: Predictor, policy: ScoringPolicy
) -> None:
    """They live no longer than the call, whoever still holds what is known of it."""
    with Shop(tiny, policy=policy) as shop:
        call = open_call(shop.desk, UNKNOWN if policy is CUSTOMERS else MIXED)
        hearing = shop.desk._hearings[call.id]
        assert hearing._apart is not None
        memories = weakref.ref(hearing._apart._online), weakref.ref(hearing.engine)
        del hearing
        play(call, packets(mono()))
        finish(call)
        wait_until(lambda: all(memory() is None for memory in memories))
        assert shop.closed(call).speakers


def test_what_is_told_of_a_call_has_no_voice_in_it(tiny: Predictor) -> None:
    """No vector goes to the store: what is told is as long whether voices are known or not."""
    with Shop(tiny, policy=CUSTOMERS) as shop:
        call = played(shop, mono(), UNKNOWN)
        assert windows_of(shop.told, call)
    assert not [change for change in shop.told if holds_array(change)]


def holds_array(value: object) -> bool:
    """True where an array, or a long row of numbers, is somewhere in a change."""
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, tuple | list):
        return len(value) > 16 or any(map(holds_array, value))
    if isinstance(value, dict):
        return any(map(holds_array, value.values()))
    names = getattr(value, "__slots__", ())
    return any(holds_array(getattr(value, name)) for name in names)


def test_no_round_is_long_however_many_mono_calls_there_are(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[tuple[int, int]] = []
    serve = Scorer.serve

    def counted(self: Scorer, engines: list[Engine], **options: Any) -> None:
        apart = sum(engine.separates for engine in engines)
        rounds.append((apart, len(engines) - apart))
        serve(self, engines, **options)

    monkeypatch.setattr(Scorer, "serve", counted)
    samples = mono(0, 10)
    with Shop(tiny, policy=CUSTOMERS) as shop:
        calls = [open_call(shop.desk, UNKNOWN) for _ in range(7)]
        calls += [open_call(shop.desk, CUSTOMER) for _ in range(7)]
        for call in calls:
            play(call, packets(samples))
        finish(*calls)
    assert max(apart for apart, _ in rounds) == 2
    assert max(others for _, others in rounds) > 2
    for call in calls[:7]:
        assert_same(shop.told, call, analyzed(tiny, samples, EVERYBODY))


@pytest.mark.parametrize("method", ["load", "embed"])
def test_a_network_that_fails_ends_no_call_and_leaves_one_voice(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    failed = threading.Event()

    def failing(*_: object) -> None:
        failed.set()
        raise BundleError("campplus.onnx: the speaker model was altered; install Tonfall again.")

    monkeypatch.setattr(SpeakerModel if method == "load" else ToneModel, method, failing)
    with Shop(tiny, policy=CUSTOMERS) as shop:
        one, other = open_call(shop.desk, UNKNOWN), open_call(shop.desk)
        for call, samples in ((one, mono()), (other, example(0, 24))):
            play(call, packets(samples))
        finish(one, other)
        assert failed.is_set()
        assert shop.desk.statistics().failed_calls == 0
    assert judged(shop, one) == judged(shop, other) == {"S1"}
    assert_same(shop.told, other, analyzed_file(tiny, example(0, 24), True, False))
    assert shop.closed(one).complete


@pytest.mark.slow
def test_two_people_of_a_real_call_are_told_apart(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    small = load("small-research")
    waveform, rate = read(shared / "data" / "calls" / "auto_repairs_40.flac")
    assert rate == RATE
    samples = waveform[:, : 60 * RATE].mean(axis=0, keepdims=True)
    with Shop(small, policy=CUSTOMERS) as shop:
        call = played(shop, samples, UNKNOWN)
    assert judged(shop, call) == heard(shop, call) == {"S1", "S2"}
    assert_same(shop.told, call, analyzed(small, samples, EVERYBODY))
