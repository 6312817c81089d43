"""Listening to a server's events: which call they are of, how late they are, and coming back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from tonfall.errors import ServiceError
from tonfall.serve.client import CallResult, Listener, listening

T = TypeVar("T")
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@dataclass
class Teller:
    """A server that tells a page of events to each who asks, then closes."""

    pages: list[str]
    requests: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/events"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        page = self.pages.pop(0) if self.pages else f"{HEAD}: nothing\n\n"
        for start in range(0, len(page), 50):  # Cut anywhere.
            writer.write(page[start : start + 50].encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def telling(*pages: str) -> AsyncIterator[Teller]:
    teller = Teller(list(pages))
    server = await asyncio.start_server(teller.answer, "127.0.0.1", 0)
    teller.port = server.sockets[0].getsockname()[1]
    try:
        yield teller
    finally:
        server.close()


def event(number: int, kind: str, call: str, **payload: object) -> str:
    data = {"id": number, "kind": kind, "call": call, **payload}
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def opened(number: int, call: str, name: str, carrier: str = "twilio") -> str:
    return event(number, "call.opened", call, carrier=carrier, external_id=name)


def heard_from(
    *pages: str, then: Callable[[Listener, Teller], Awaitable[T]], token: str | None = None
) -> T:
    async def run() -> T:
        async with telling(*pages) as teller, listening(teller.url, token=token) as listener:
            return await then(listener, teller)

    return asyncio.run(run())


def result(name: str | None, *, started: float = 0.0) -> CallResult:
    return CallResult("0" * 32, name, started=started, frames=1)


def test_events_find_their_call_by_the_telephone_systems_name() -> None:
    page = HEAD + "retry: 1000\r\n\r\n" + opened(1, "a", "CA1") + opened(2, "b", "CA2")
    page += event(3, "window", "b", channel=0, end=3.0) + event(4, "alert.opened", "b")
    page += event(5, "call.closed", "a", reason="stop") + event(6, "call.closed", "b", reason="x")

    async def then(listener: Listener, teller: Teller) -> None:
        results = [result("CA1"), result("CA2"), result("CA3")]
        results[2].frames = 0  # It never began: nothing is waited for.
        assert await listener.until_closed(results, carrier="twilio", patience_s=60)
        one, other = listener.of("CA1"), listener.of("CA2")
        assert (one.windows, one.alerts, one.closed and one.closed["reason"]) == ([], 0, "stop")
        assert [window[:2] for window in other.windows] == [(0, 3.0)]
        assert other.alerts == 1
        assert listener.of("CA9").closed is None

    heard_from(page, then=then)


def test_a_broken_connection_is_taken_up_where_it_broke() -> None:
    first = HEAD + opened(7, "a", "CA1")
    second = HEAD + event(8, "call.closed", "a")

    async def then(listener: Listener, teller: Teller) -> list[str]:
        assert await listener.until_closed([result("CA1")], carrier="twilio", patience_s=60)
        return teller.requests

    requests = heard_from(first, second, then=then, token="secret")
    assert "last-event-id" not in requests[0].lower()
    assert "last-event-id: 7" in requests[1].lower()
    assert all("authorization: Bearer secret".lower() in each.lower() for each in requests)


def test_calls_whose_name_only_the_server_knows_are_told_by_their_order() -> None:
    page = HEAD + opened(1, "x", "CA1") + opened(2, "a", "line-1", "rtp")
    page += opened(3, "b", "line-2", "rtp") + event(4, "call.closed", "a")
    page += event(5, "call.closed", "b")

    async def then(listener: Listener, teller: Teller) -> None:
        later, earlier = result(None, started=2.0), result(None, started=1.0)
        assert await listener.until_closed([later, earlier], carrier="rtp", patience_s=60)
        assert (earlier.external_id, later.external_id) == ("line-1", "line-2")

    heard_from(page, then=then)


def test_an_end_that_is_never_told_is_not_waited_for_for_ever() -> None:
    async def then(listener: Listener, teller: Teller) -> bool:
        return await listener.until_closed([result("CA1")], carrier="twilio", patience_s=0.1)

    assert heard_from(HEAD + opened(1, "a", "CA1"), then=then) is False


def test_latency_counts_from_when_the_last_sample_was_sent() -> None:
    page = HEAD + opened(1, "a", "CA1") + event(2, "window", "a", channel=0, end=1.1)
    page += event(3, "call.closed", "a")

    async def then(listener: Listener, teller: Teller) -> list[float]:
        now = time.monotonic()
        played = [result("CA1", started=now - 3.0)]
        assert await listener.until_closed(played, carrier="twilio", patience_s=60)
        whole = listener.latencies_s(played)
        by_packets = listener.latencies_s(played, packet_s=0.2)
        faster = listener.latencies_s(played, speed=2.0)
        return [*whole, *by_packets, *faster]

    whole, by_packets, faster = heard_from(page, then=then)
    assert 1.5 < whole < 10
    assert whole - by_packets == pytest.approx(0.1)  # Sent with the packet that ends at 1.2 s.
    assert faster - whole == pytest.approx(0.55)


def test_who_may_not_listen_is_told_so() -> None:
    async def then(listener: Listener, teller: Teller) -> None:
        raise AssertionError("it listened")

    with pytest.raises(ServiceError, match="the server answers 401; see --token"):
        heard_from("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", then=then)
