"""HEAD is GET without its body, on every route; and how often the database is asked for health."""

from __future__ import annotations

import asyncio
import threading

import pytest
from running_node import Running

from tonfall.errors import ServiceError
from tonfall.serve.http.readiness import DatabaseHealth

ALL_SCOPES = ("ingest", "read", "supervise", "privacy", "admin")
SAME = ("content-type", "content-length", "cache-control", "content-disposition")


@pytest.fixture(scope="module")
def paths(keyed_node: Running) -> list[str]:
    """Every path that can be asked for with GET, with ids of a call and an alert that are none."""
    with keyed_node.client(keyed_node.key(*ALL_SCOPES)) as client:
        found = client.get("/openapi.json").json()["paths"]
    return [
        path.format_map({"call": "0" * 32, "alert": "0" * 32, "carrier": "native"})
        for path, methods in found.items()
        if "get" in methods
    ]


def test_head_answers_as_get_does_and_sends_no_body(keyed_node: Running, paths: list[str]) -> None:
    assert {"/livez", "/readyz", "/metrics", "/v1/calls", "/v1/alerts/rules"} <= set(paths)
    keyed_node.key("read")  # So that there is an audit to be read.
    with keyed_node.client(keyed_node.key(*ALL_SCOPES)) as client:
        for path in sorted(set(paths) - {"/v1/events", "/metrics", "/v1/audit"}):
            whole, head = client.get(path), client.head(path)
            assert head.status_code == whole.status_code != 405, path
            assert head.content == b"", path
            for name in SAME:
                assert head.headers.get(name) == whole.headers.get(name), (path, name)


def test_a_stream_ends_with_its_head_and_the_connection_goes_on(keyed_node: Running) -> None:
    with keyed_node.client(keyed_node.key("read")) as client:
        for _ in range(3):
            head = client.head("/v1/events")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-type"].startswith("text/event-stream")
        assert client.get("/livez").json()["status"] == "alive"
    keyed_node.wait_for(lambda: len(keyed_node.node.services.hub) == 0)


def test_head_is_no_way_round_a_key_or_to_a_route_without_get(keyed_node: Running) -> None:
    with keyed_node.client() as client:
        assert client.head("/v1/calls").status_code == 401
    with keyed_node.client(keyed_node.key("read")) as client:
        refused = client.head("/v1/tickets")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_readiness_asks_the_database_once_a_second(
    open_node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(open_node.node.services.database, "_ask", lambda: asked.append(1))
    monkeypatch.setattr(open_node.node.services.database, "_kept_s", 1e6)
    monkeypatch.setattr(open_node.node.services.database, "_until", float("-inf"))
    with open_node.client() as client:
        statuses = {client.get("/readyz").status_code for _ in range(50)}
        assert client.head("/readyz").status_code == 200
    monkeypatch.setattr(open_node.node.services.database, "_until", float("-inf"))
    assert (statuses, len(asked)) == ({200}, 1)


def test_who_asks_while_it_is_asked_waits_for_the_same_answer() -> None:
    asked, go = [], threading.Event()

    def ask() -> None:
        asked.append(1)
        go.wait()
        raise ServiceError("It is away.")

    async def scenario() -> list[bool]:
        health = DatabaseHealth(ask)
        waiting = [asyncio.create_task(health.answers()) for _ in range(20)]
        await asyncio.sleep(0)
        waiting.pop().cancel()  # One hangs up.
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(scenario()) == [False] * 19
    assert len(asked) == 1


def test_an_old_answer_is_asked_for_anew() -> None:
    answers = iter([None, ServiceError("It is away."), None])

    def ask() -> None:
        found = next(answers)
        if found is not None:
            raise found

    async def scenario() -> list[bool]:
        health = DatabaseHealth(ask, kept_s=0)
        return [await health.answers() for _ in range(3)]

    assert asyncio.run(scenario()) == [True, False, True]
