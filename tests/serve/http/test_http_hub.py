"""Events are passed on in order, each once, however their news comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tonfall.errors import ServiceError
from tonfall.serve.http.hub import PATIENCE_S, Hub, Subscription
from tonfall.serve.records import StoredEvent


def event(number: int, tenant: str = "a") -> StoredEvent:
    return StoredEvent(number, tenant, "c" * 32, "window", datetime.now(UTC), {"n": number})


class Source:
    """A store's events, some of which other nodes wrote."""

    def __init__(self, *numbers: int) -> None:
        self.events = [event(number) for number in numbers]
        self.asked = 0
        self.fails = 0
        self.error: Exception = ServiceError("away", retry=True)

    def last_event(self) -> int:
        return 0

    def events_of_all(self, *, after: int, limit: int = 1000) -> list[StoredEvent]:
        self.asked += 1
        if self.fails:
            self.fails -= 1
            raise self.error
        return [each for each in self.events if each.id > after][:limit]


def told(source: Source, act: Callable[[Hub], None], *, count: int) -> list[int]:
    """The ids that a listener of tenant a hears, once there are so many."""

    async def run() -> list[int]:
        heard: list[int] = []
        loop = asyncio.get_running_loop()
        hub = Hub(source, loop=loop, on_event=lambda each: heard.append(each.id))
        act(hub)
        async with asyncio.timeout(60):
            while len(heard) < count:
                await asyncio.sleep(0.005)
        await asyncio.sleep(2 * PATIENCE_S)  # Nothing more comes, and nothing more is asked.
        return heard

    return asyncio.run(run())


def test_what_follows_at_once_is_told_at_once() -> None:
    source = Source()
    assert told(source, lambda hub: hub.committed([event(1), event(2)]), count=2) == [1, 2]
    assert source.asked == 0


def test_news_of_our_own_commits_reads_nothing() -> None:
    def act(hub: Hub) -> None:
        hub.heard(1)
        hub.committed([event(1)])
        hub.heard(1)

    source = Source(1)
    assert told(source, act, count=1) == [1]
    assert source.asked == 0


def test_what_lies_between_is_read_first() -> None:
    source = Source(1, 2, 3, 4)
    assert told(source, lambda hub: hub.committed([event(3), event(4)]), count=4) == [1, 2, 3, 4]


def test_a_number_from_another_node_is_enough() -> None:
    assert told(Source(1, 2, 3), lambda hub: hub.heard(3), count=3) == [1, 2, 3]


def test_events_that_were_erased_meanwhile_hold_up_nothing() -> None:
    def act(hub: Hub) -> None:
        hub.heard(4)
        hub.committed([event(5)])

    source = Source(1, 5)
    assert told(source, act, count=2) == [1, 5]


def test_a_store_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonfall.serve.http.hub.AGAIN_S", 0.01)
    source = Source(1, 2)
    source.fails = 2
    assert told(source, lambda hub: hub.heard(2), count=2) == [1, 2]


def test_an_error_of_ours_does_not_end_the_catching_up(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(1, 2, 3)
    source.fails, source.error = 1, ValueError("a row that cannot be read")
    assert told(source, lambda hub: hub.heard(3), count=3) == [1, 2, 3]
    assert "Events could not be read" in caplog.text


def test_a_listener_hears_its_own_tenant_only() -> None:
    async def run() -> tuple[int, str]:
        hub = Hub(Source(), loop=asyncio.get_running_loop())
        mine = Subscription("a", most=10, wants=lambda _: True)
        hub.join(mine)
        hub.committed([event(1, "a"), event(2, "b"), event(3, "a")])
        await asyncio.sleep(0.01)
        return mine.take(after=0)

    last, text = asyncio.run(run())
    assert last == 3
    assert [line for line in text.splitlines() if line.startswith("id:")] == ["id: 1", "id: 3"]


def test_a_listener_that_does_not_take_is_dropped_and_keeps_nothing() -> None:
    async def run() -> Subscription:
        hub = Hub(Source(), loop=asyncio.get_running_loop())
        mine = Subscription("a", most=2, wants=lambda _: True)
        hub.join(mine)
        hub.committed([event(1), event(2), event(3)])
        await asyncio.sleep(0.01)
        return mine

    mine = asyncio.run(run())
    assert mine.dropped
    assert mine.take(after=0) == (0, "")


def test_what_waits_of_a_call_that_is_purged_is_not_told() -> None:
    mine = Subscription("a", most=10, wants=lambda each: each.kind != "turn")
    other = replace(event(2), call="d" * 32)
    purged = replace(event(3), kind="call.purged")
    for each in (event(1), other, purged):
        mine.offer(each, f"{each.id} ")
    assert mine.take(after=0) == (3, "2 3 ")


def test_so_many_of_a_tenant_are_let_in_before_they_join() -> None:
    async def run() -> list[bool]:
        hub = Hub(Source(), loop=asyncio.get_running_loop())
        found = [Subscription("a", most=1, wants=lambda _: True) for _ in range(3)]
        let_in = [hub.enter(each, most=2) for each in found]
        hub.leave(found[0])
        other = Subscription("b", most=1, wants=lambda _: True)
        return [*let_in, hub.enter(found[2], most=2), hub.enter(other, most=2)]

    assert asyncio.run(run()) == [True, True, False, True, True]
