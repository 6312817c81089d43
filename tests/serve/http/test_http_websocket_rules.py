"""The rules of OWASP ASVS 5.0, V4.4, for WebSockets, each by name; and of keys for all else."""

from __future__ import annotations

import logging
import ssl
import time
from pathlib import Path

import httpx
import pytest
from running_node import PATIENCE_S, Running, certificate, frames, running, start
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tonfall.errors import ConfigError
from tonfall.serve.http import routes_sockets
from tonfall.serve.http.gate import MOST_STRANGERS
from tonfall.serve.settings import read_settings
from tonfall.serve.store import StoreError

ORIGIN = "https://desk.example.com"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory, model: Path) -> object:
    """A server behind a proxy on this machine."""
    folder = tmp_path_factory.mktemp("proxied")
    server = {
        "trusted_proxies": ["127.0.0.1"],
        "public_url": "https://calls.example.com",
        "origins": [ORIGIN],
    }
    with running(folder, model, server=server, auth={"mode": "keys"}) as node:
        yield node


def status_of(node: Running, path: str = "/v1/stream", **headers: str) -> int:
    """101, or with what a WebSocket was refused."""
    try:
        with node.socket(path, additional_headers=headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def bearer(node: Running, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {node.key(*scopes)}"}


def test_v4_4_1_what_did_not_come_by_tls_is_refused(proxied: Running) -> None:
    key = bearer(proxied, "ingest")
    assert status_of(proxied, **key) == 403
    assert status_of(proxied, **key, **{"X-Forwarded-Proto": "https"}) == 101
    with proxied.client() as client:
        answer = client.get("/v1/calls", headers=key)
        assert answer.status_code == 403
        assert "dial this server as https://" in answer.json()["detail"]
        assert client.get("/livez").status_code == 200


def test_a_key_that_cannot_be_looked_up_is_an_excuse_to_come_again(
    keyed_node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, secret: str) -> None:
        raise StoreError(f"The database db.example cannot be used now ({secret}).", retry=True)

    monkeypatch.setattr(type(keyed_node.store.keys), "find", fail)
    with pytest.raises(InvalidStatus) as refused:
        keyed_node.socket(additional_headers={"Authorization": "Bearer unknown"})
    response = refused.value.response
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "db.example" not in (response.body or b"").decode()


def test_v4_4_1_beyond_this_machine_it_starts_with_tls_only() -> None:
    for server in ({"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.0.2.7"}):
        with pytest.raises(ConfigError, match="without TLS"):
            read_settings(options={"server": server, "auth": {"mode": "keys"}})
        with pytest.raises(ConfigError, match="without authentication"):
            read_settings(options={"server": server})


def test_v4_4_1_a_call_goes_over_tls(tmp_path: Path, model: Path) -> None:
    tls = certificate(tmp_path)
    context = ssl.create_default_context(cafile=tls["certificate"])
    with running(tmp_path, model, server={"tls": tls}, auth={"mode": "keys"}) as node:
        assert node.url.startswith("https://")
        key = {"Authorization": f"Bearer {node.key('ingest', 'read')}"}
        url = node.ws_url.replace("127.0.0.1", "localhost") + "/v1/stream"
        with connect(url, ssl=context, additional_headers=key, proxy=None) as socket:
            for frame in frames(seconds=5):
                socket.send(frame)
            for _ in socket:
                pass
        with httpx.Client(verify=context, headers=key) as client:
            calls = f"{node.url.replace('127.0.0.1', 'localhost')}/v1/calls"
            seconds = node.wait_for(lambda: first_seconds(client.get(calls).json()))
        assert seconds == pytest.approx(5.0)


def first_seconds(found: dict[str, list[dict[str, float | None]]]) -> float | None:
    """How long the first call was, once there is one that is over."""
    return found["calls"][0]["seconds"] if found["calls"] else None


def test_v4_4_2_only_listed_origins_may_connect(proxied: Running, open_node: Running) -> None:
    key = bearer(proxied, "ingest") | {"X-Forwarded-Proto": "https"}
    assert status_of(proxied, **key, Origin=ORIGIN) == 101
    assert status_of(proxied, **key, Origin="https://calls.example.com") == 101
    for origin in ("https://evil.example", "null", "http://desk.example.com"):
        assert status_of(proxied, **key, Origin=origin) == 403
    assert status_of(open_node, Origin="https://evil.example") == 403
    assert status_of(open_node, Origin=open_node.url) == 101


def test_v4_4_2_an_origin_that_is_refused_is_named_in_the_log_once(
    open_node: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="tonfall"):
        for _ in range(2):
            assert status_of(open_node, Origin="https://elsewhere.example.com") == 403
        with open_node.client() as client:
            for number in range(150):
                client.get("/livez", headers={"Origin": f"https://{number}.example.org"})
    named = [each for each in caplog.messages if "server.origins" in each]
    assert named[0] == (
        "A page of https://elsewhere.example.com was refused; if it is yours, add that to "
        "server.origins."
    )
    assert len(named) == len(set(named)) <= MOST_STRANGERS


def test_v4_4_2_pages_elsewhere_cannot_use_a_server_without_accounts(open_node: Running) -> None:
    with open_node.client() as client:
        rebound = client.get("/v1/calls", headers={"Host": "evil.example"})
        assert rebound.status_code == 421
        unclosed = client.get("/v1/calls", headers={"Host": "[::1"})
        assert unclosed.status_code in (400, 421)
        embedded = client.get("/v1/calls", headers={"Sec-Fetch-Site": "cross-site"})
        assert embedded.status_code == 403
        posted = client.post("/predict", headers={"Origin": "https://evil.example"})
        assert posted.status_code == 403


def test_v4_4_3_a_ticket_opens_one_connection_once(keyed_node: Running) -> None:
    with keyed_node.client(keyed_node.key("ingest")) as client:
        ticket = client.post("/v1/tickets").raise_for_status().json()["ticket"]
    assert status_of(keyed_node, f"/v1/stream?ticket={ticket}") == 101
    assert status_of(keyed_node, f"/v1/stream?ticket={ticket}") == 401
    assert status_of(keyed_node, "/v1/stream?ticket=guess") == 401


def test_v4_4_3_a_ticket_has_the_scopes_and_the_life_of_its_key(keyed_node: Running) -> None:
    with keyed_node.client(keyed_node.key("read")) as client:
        ticket = client.post("/v1/tickets").raise_for_status().json()["ticket"]
    assert status_of(keyed_node, f"/v1/stream?ticket={ticket}") == 403
    secret = keyed_node.key("ingest")
    with keyed_node.client(secret) as client:
        ticket = client.post("/v1/tickets").raise_for_status().json()["ticket"]
    assert keyed_node.store.keys.revoke("default", secret.split("_")[1])
    keyed_node.node.services.access.forget()
    assert status_of(keyed_node, f"/v1/stream?ticket={ticket}") == 401


def test_v4_4_3_a_ticket_opens_one_socket_or_stream_and_no_other_route(
    keyed_node: Running,
) -> None:
    with keyed_node.client(keyed_node.key("read")) as client:
        ticket = client.post("/v1/tickets").raise_for_status().json()["ticket"]
    with keyed_node.client() as client:
        for path in ("/v1/calls", "/v1/alerts", "/metrics"):
            assert client.get(path, params={"ticket": ticket}).status_code == 401
        assert client.post("/v1/tickets", params={"ticket": ticket}).status_code == 401
        with client.stream("GET", "/v1/events", params={"ticket": ticket}) as stream:
            assert stream.status_code == 200
        assert client.get("/v1/events", params={"ticket": ticket}).status_code == 401


def test_v4_4_3_a_ticket_is_too_old_after_half_a_minute() -> None:
    from tonfall.serve.http.access import ALL_SCOPES, Principal, Tickets

    now = [0.0]
    tickets = Tickets(clock=lambda: now[0])
    who = Principal("a", "key:1", ALL_SCOPES)
    ticket = tickets.issue(who)
    now[0] = 31.0
    assert tickets.use(ticket) is None
    fresh = tickets.issue(who)
    assert tickets.use(fresh) == who
    assert tickets.use(fresh) is None


def test_v4_4_4_tickets_are_given_to_who_has_a_key_only(keyed_node: Running) -> None:
    with keyed_node.client() as client:
        assert client.post("/v1/tickets").status_code == 401


@pytest.mark.parametrize("talks", [False, True], ids=["silent", "while audio flows"])
def test_a_revoked_key_ends_its_connections(
    keyed_node: Running, monkeypatch: pytest.MonkeyPatch, talks: bool
) -> None:
    monkeypatch.setattr(routes_sockets, "STILL_S", 0.2)
    monkeypatch.setattr("tonfall.serve.http.access.KNOWN_FOR_S", 0.1)
    secret = keyed_node.key("ingest")
    sent = frames(seconds=12, call_id=f"revoked-{talks}", stop=False)
    with keyed_node.socket(additional_headers={"Authorization": f"Bearer {secret}"}) as socket:
        socket.send(sent[0])
        socket.recv()
        assert keyed_node.store.keys.revoke("default", secret.split("_")[1])
        with pytest.raises(ConnectionClosed) as closed:
            talk(socket, sent[1:] if talks else [])
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def talk(socket: ClientConnection, sent: list[str | bytes]) -> None:
    """Send in real time, then wait for what the server has to say."""
    for frame in sent:
        socket.send(frame)
        time.sleep(0.02)
    socket.recv(timeout=PATIENCE_S)


def test_wrong_keys_of_an_address_are_slowed_down_not_right_ones(
    tmp_path: Path, model: Path
) -> None:
    limits = {"failures_per_minute": 3}
    with running(tmp_path, model, auth={"mode": "keys"}, limits=limits) as node:
        with node.client("tf_0000000000000000_guess") as client:
            answers = [client.get("/v1/calls") for _ in range(5)]
        assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert int(answers[-1].headers["retry-after"]) >= 1
        with node.client(node.key("read")) as client:
            assert client.get("/v1/calls").status_code == 200


def test_a_port_that_is_taken_is_said_in_one_sentence(
    open_node: Running, tmp_path: Path, model: Path
) -> None:
    from running_node import settings_of

    port = open_node.node.addresses["http"][1]
    _, thread, failed = start(settings_of(tmp_path, model, server={"port": port}))
    thread.join(10)
    assert f"Port {port} of 127.0.0.1 cannot be opened" in str(failed[0])
