"""Tenant B sees nothing of tenant A, over every route that there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from running_node import SALT, Running, events_of
from starlette.routing import Route
from websockets.exceptions import InvalidStatus

from tonfall.serve.http.app import create_app
from tonfall.serve.http.gate import UPLOADS
from tonfall.serve.records import AlertOpened
from tonfall.serve.store import caller_hash

CALLER = "anna-of-a"
EXTERNAL = 32 * "e"
EVERYTHING = ("ingest", "read", "supervise", "privacy", "admin")
BODIES: dict[str, Any] = {
    "notice": {"notice": "refused"},
    "objections": {"caller": CALLER},
    "withdrawals": {"caller": CALLER},
    "erasures": {"caller": CALLER},
    "exports": {"caller": CALLER},
    "acknowledge": {},
    "resolve": {},
    "false_alarm": {},
    "accept": {},
    "reject": {},
    "reset": {},
}
"""What is sent to the routes that take something, by the last word of their path."""
KINDS = "call.opened,window,call.closed"


@dataclass
class Tenants:
    """A call and an alert of tenant A, and keys of A and B."""

    node: Running
    key_a: str
    key_b: str
    call: str
    alert: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.call, self.alert, EXTERNAL


@pytest.fixture(scope="module")
def tenants(keyed_node: Running) -> Tenants:
    key_a = keyed_node.key(*EVERYTHING, tenant="a")
    key_b = keyed_node.key(*EVERYTHING, tenant="b")
    call = keyed_node.play(key=key_a, call_id=EXTERNAL, parameters={"caller": CALLER})
    opened = AlertOpened(
        "a" * 32, call, "a", datetime.now(UTC), "anger", "warning", 0, "S1", 9.0, {"level_1": 0.8}
    )
    keyed_node.node.services.writer.write_now(opened, timeout_s=60)
    caller = caller_hash(SALT, "a", CALLER)
    keyed_node.store.objections.add("a", caller, actor="system")
    with keyed_node.client(key_a) as client:
        client.post("/v1/priors/native/reset").raise_for_status()
    return Tenants(keyed_node, key_a, key_b, call, opened.alert)


def routes(node: Running) -> list[Any]:
    """Every route of the app, as it is now."""
    return flat(create_app(node.node.services).routes)


def flat(found: Any) -> list[Any]:
    """Routes, with those of routers that are kept whole."""
    told: list[Any] = []
    for route in found:
        inner = getattr(getattr(route, "original_router", route), "routes", None)
        told += flat(inner) if inner else [route]
    return told


def filled(path: str, tenants: Tenants) -> str:
    """A path with A's ids in it."""
    names = {"call": tenants.call, "alert": tenants.alert, "account": "a", "connection": "a"}
    names |= {"carrier": "native"}
    return path.format_map(names)


def asks(tenants: Tenants) -> Iterator[tuple[str, str]]:
    for route in routes(tenants.node):
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route.path


def ask(client: httpx.Client, tenants: Tenants, method: str, path: str) -> httpx.Response:
    last = path.rsplit("/", 1)[-1]
    body = BODIES.get(last)
    if path in UPLOADS:
        return client.post(path, files={"file": ("x.wav", b"none")})
    return client.request(method, filled(path, tenants), json=body)


def state_of_a(tenants: Tenants) -> list[Any]:
    """All of A's that B must neither see nor change."""
    with tenants.node.client(tenants.key_a) as client:
        call = client.get(f"/v1/calls/{tenants.call}").raise_for_status().json()
        windows = client.get(f"/v1/calls/{tenants.call}/windows").raise_for_status().json()
        alert = client.get(f"/v1/alerts/{tenants.alert}").raise_for_status().json()
    assert windows["windows"]
    store, model = tenants.node.store, tenants.node.node.services.desk.predictor.hash
    priors = store.priors.list(tenant="a", model_hash=model)
    assert priors
    return [call, windows, alert, store.objections.count("a"), priors]


def test_the_routes_are_those_that_are_known(tenants: Tenants) -> None:
    paths = {path for _, path in asks(tenants)}
    assert {"/v1/calls", "/v1/calls/{call}/windows", "/v1/alerts/{alert}/resolve"} <= paths
    assert {"/v1/events", "/v1/audit", "/v1/exports", "/metrics", "/predict"} <= paths
    assert len(paths) >= 22


def test_b_sees_and_changes_nothing_of_a_over_any_route(tenants: Tenants) -> None:
    before = state_of_a(tenants)
    for method, path in asks(tenants):
        if path == "/v1/events":
            continue
        with tenants.node.client(tenants.key_b) as client:
            answer = ask(client, tenants, method, path)
        told = answer.content.decode(errors="replace")
        assert not [each for each in tenants.secrets if each in told], (method, path)
        assert answer.status_code < 500, (method, path, told)
        assert path in UPLOADS or answer.status_code != 422, (method, path, told)
        if "{" in path and "{carrier}" not in path:  # Carriers are no one's; what is learnt is.
            assert answer.status_code == 404, (method, path)
    assert state_of_a(tenants) == before


def test_without_a_key_every_route_but_health_is_closed(tenants: Tenants) -> None:
    open_paths = {"/livez", "/readyz"}
    for method, path in asks(tenants):
        with tenants.node.client() as client:
            answer = ask(client, tenants, method, path)
        wanted = {200} if path in open_paths else {401, 429}
        assert answer.status_code in wanted, (method, path, answer.text)


def test_other_routes_than_the_api_tell_nothing(tenants: Tenants) -> None:
    for route in routes(tenants.node):
        if isinstance(route, Route) and not isinstance(route, APIRoute):
            assert route.path == "/openapi.json"


def test_b_hears_nothing_of_a_in_the_event_stream(tenants: Tenants) -> None:
    with (
        tenants.node.client(tenants.key_b) as client,
        client.stream("GET", "/v1/events", params={"after": 0, "kinds": KINDS}) as stream,
    ):
        events = events_of(stream.iter_lines())
        tenants.node.play(key=tenants.key_a, call_id="a-again", seconds=4)
        mine = tenants.node.play(key=tenants.key_b, call_id="b-own", seconds=4)
        first = next(events)
        assert (first["kind"], first["call"]) == ("call.opened", mine)


def test_b_hears_nothing_of_a_call_of_a_that_is_asked_for(tenants: Tenants) -> None:
    asked = {"after": "0", "call": tenants.call}
    with (
        tenants.node.client(tenants.key_a) as client,
        client.stream("GET", "/v1/events", params=asked) as stream,
    ):
        assert next(events_of(stream.iter_lines()))["call"] == tenants.call
    told = ""
    for _ in range(20):  # On a busy machine not even the first line comes in a second.
        told = told or quickly(tenants, tenants.key_b, asked)
    assert told.split() == ["retry:", "1000"]


def quickly(tenants: Tenants, key: str, asked: dict[str, str]) -> str:
    """All that an event stream sends until it is silent for a while."""
    told = ""
    with (
        contextlib.suppress(httpx.ReadTimeout),
        tenants.node.client(key) as client,
        client.stream("GET", "/v1/events", params=asked, timeout=4.0) as stream,
    ):
        for text in stream.iter_text():
            told += text
    return told


def test_every_websocket_is_closed_to_strangers(tenants: Tenants) -> None:
    found = [route for route in routes(tenants.node) if isinstance(route, APIWebSocketRoute)]
    assert len(found) == 4
    for route in found:
        with (
            pytest.raises(InvalidStatus) as refused,
            tenants.node.socket(filled(route.path, tenants)),
        ):
            pass
        assert refused.value.response.status_code in (400, 401, 404, 429), route.path


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/calls", "read"),
        ("GET", "/v1/alerts", "read"),
        ("GET", "/v1/audit", "privacy"),
        ("POST", "/v1/exports", "privacy"),
        ("POST", "/v1/erasures", "privacy"),
        ("POST", "/v1/objections", "privacy"),
        ("POST", "/v1/objections/withdrawals", "privacy"),
        ("POST", "/v1/alerts/{alert}/resolve", "supervise"),
        ("DELETE", "/v1/calls/{call}", "privacy"),
        ("GET", "/v1/calls/{call}/export", "privacy"),
        ("POST", "/v1/analyze", "ingest"),
        ("POST", "/predict", "ingest"),
        ("GET", "/metrics", "admin"),
    ],
)
def test_a_route_needs_its_scope(tenants: Tenants, method: str, path: str, scope: str) -> None:
    others = [each for each in EVERYTHING if each != scope]
    with tenants.node.client(tenants.node.key(*others, tenant="a")) as client:
        answer = ask(client, tenants, method, path)
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]


def test_an_administrator_sees_no_content(tenants: Tenants) -> None:
    with tenants.node.client(tenants.node.key("admin", tenant="a")) as client:
        assert client.get("/metrics").status_code == 200
        for path in ("/v1/calls", f"/v1/calls/{tenants.call}/windows", "/v1/alerts", "/v1/audit"):
            assert client.get(path).status_code == 403


def test_metrics_hold_no_id(tenants: Tenants) -> None:
    with tenants.node.client(tenants.key_a) as client:
        text = client.get("/metrics").text
    for secret in (*tenants.secrets, tenants.key_a.split("_")[1], 'tenant="'):
        assert secret not in text
