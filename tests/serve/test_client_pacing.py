"""Sending in time, and what a bad network does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pytest
from codec_events import noise
from hypothesis import given
from hypothesis import strategies as st

from tonfall.errors import ConfigError
from tonfall.serve.client import Impairments, Protocol, Recording, script_of
from tonfall.serve.client.pacing import Pacer
from tonfall.serve.client.scripts import Cue, SharedScript


class Drain:
    """A sink that can be made full."""

    def __init__(self) -> None:
        self.full = False
        self.gone = False
        self.frames: list[str | bytes] = []
        self.came: list[float] = []
        self.wake: Callable[[], None] = lambda: None

    def send(self, frames: list[str | bytes]) -> None:
        self.frames += frames
        self.came += [time.monotonic()] * len(frames)

    def on_change(self, wake: object) -> None:
        self.wake = cast("Callable[[], None]", wake)


def cues(count: int, *, step_s: float = 0.02) -> list[Cue]:
    return [Cue(place * step_s, str(place), audio=True) for place in range(count)]


def test_frames_are_sent_when_they_are_due() -> None:
    drain = Drain()

    async def run() -> Pacer:
        pacer = Pacer(drain, iter(cues(20)), speed=2.0)
        assert await pacer.run()
        return pacer

    pacer = asyncio.run(run())
    assert drain.frames == [str(place) for place in range(20)]
    early = [came - pacer.started - place * 0.01 for place, came in enumerate(drain.came)]
    assert min(early) >= -0.001
    assert pacer.seconds == pytest.approx(19 * 0.02)
    assert pacer.frames == 20
    assert pacer.behind_s >= 0


def test_a_full_sink_is_waited_for() -> None:
    drain = Drain()
    drain.full = True

    async def run() -> bool:
        pacer = Pacer(drain, iter(cues(5)), speed=1000)
        task = asyncio.ensure_future(pacer.run())
        await asyncio.sleep(0.05)
        sent = len(drain.frames)
        drain.full = False
        drain.wake()
        assert await asyncio.wait_for(task, 5)
        return sent < 5

    assert asyncio.run(run())
    assert len(drain.frames) == 5


def test_a_sink_that_is_gone_ends_it() -> None:
    drain = Drain()

    async def run() -> bool:
        pacer = Pacer(drain, iter(cues(500)), speed=1)
        task = asyncio.ensure_future(pacer.run())
        await asyncio.sleep(0.05)
        drain.gone = True
        drain.wake()
        return await asyncio.wait_for(task, 1)

    assert asyncio.run(run()) is False
    assert 0 < len(drain.frames) < 500


def test_an_error_on_the_way_is_not_lost() -> None:
    class Broken(Drain):
        def send(self, frames: list[str | bytes]) -> None:
            raise OSError("broken")

    async def run() -> None:
        await Pacer(Broken(), iter(cues(5)), speed=1).run()

    with pytest.raises(OSError, match="broken"):
        asyncio.run(run())


def test_losses_are_drawn_from_the_audio_alone_and_the_same_each_time() -> None:
    mixed = [Cue(place / 50, str(place), audio=place % 10 != 0) for place in range(1000)]
    bad = Impairments(loss=0.3, seed=1)
    first = list(bad.applied(iter(mixed), call=0, overtaking=False))
    assert first == list(bad.applied(iter(mixed), call=0, overtaking=False))
    assert first != list(bad.applied(iter(mixed), call=1, overtaking=False))
    assert sum(not cue.audio for cue in first) == 100
    assert 0.6 < (len(first) - 100) / 900 < 0.8


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=50), st.booleans(), st.integers(0, 9))
def test_jitter_delays_and_lets_only_datagrams_overtake(
    steps: list[float], overtaking: bool, seed: int
) -> None:
    sent, now = [], 0.0
    for place, step in enumerate(steps):
        now += step
        sent.append(Cue(now, str(place), audio=True))
    bad = Impairments(jitter_s=0.05, seed=seed)
    got = list(bad.applied(iter(sent), call=0, overtaking=overtaking))
    times = [cue.seconds for cue in got]
    assert times == sorted(times)
    assert {cue.content for cue in got} == {cue.content for cue in sent}
    due = {cue.content: cue.seconds for cue in sent}
    latest = 0.0
    for cue in got:
        latest = max(latest, due[cue.content])
        assert due[cue.content] <= cue.seconds <= latest + 0.0501
    if not overtaking:
        assert [cue.content for cue in got] == [cue.content for cue in sent]


def test_a_good_network_changes_nothing() -> None:
    assert list(Impairments().applied(iter(cues(9)), call=0, overtaking=True)) == cues(9)


@pytest.mark.parametrize("options", [{"jitter_s": -1}, {"jitter_s": 11}, {"loss": 1}, {"loss": -1}])
def test_impossible_networks_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="jitter is 0 to 10,000 ms and loss is a share"):
        Impairments(**options)


@pytest.mark.parametrize("protocol", [each for each in Protocol if each is not Protocol.AUDIOHOOK])
def test_calls_share_their_audio_but_not_their_names(protocol: Protocol) -> None:
    script = script_of(Recording("a", noise(2, 8000), 8000), protocol)
    assert isinstance(script, SharedScript)
    one, other = list(script.cues("1" * 32)), list(script.cues("2" * 32))
    assert [cue.seconds for cue in one] == [cue.seconds for cue in other]
    audio = [
        (mine.content, theirs.content)
        for mine, theirs in zip(one, other, strict=True)
        if mine.audio
    ]
    if protocol is Protocol.TWILIO:
        assert all("MZ" + "1" * 32 in str(mine) for mine, _ in audio)
        assert len(audio) == 100
    else:
        assert all(mine is theirs for mine, theirs in audio)
        assert len(audio) == 50
    named = script.external_id("1" * 32)
    assert (named is None) is (protocol is Protocol.RTP)
    if named is not None and protocol is not Protocol.AUDIOSOCKET:
        assert any(named in str(cue.content) for cue in one if not cue.audio)
