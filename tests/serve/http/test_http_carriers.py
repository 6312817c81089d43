"""Telephone systems at a whole server: who is let in, and what comes of their calls."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from running_node import PATIENCE_S, Running, running, speech
from twilio.request_validator import RequestValidator
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tonfall.serve.carriers import doors
from tonfall.serve.codecs import audiosocket, chan_websocket, rtp, twilio
from tonfall.serve.codecs.audiohook_client import AudioHookClient
from tonfall.serve.codecs.audiohook_signature import SignedRequest, sign

TOKEN = "12345678901234567890123456789012"
ACCOUNT = "AC" + "0" * 32
PUBLIC = "https://calls.example.com"
HTTPS = {"X-Forwarded-Proto": "https"}
SECRET = base64.b64encode(b"MySuperSecretKeyTellNo-1!2@3#4$5").decode()
ORGANIZATION = "d7934305-0972-4844-938e-9060eef73d05"
CARRIERS: dict[str, Any] = {
    "twilio": {"main": {"tenant": "acme", "account_sid": ACCOUNT, "auth_token": TOKEN}},
    "audiohook": {"main": {"tenant": "acme", "api_key": "genesys", "secret": SECRET}},
    "asterisk": {
        "pbx": {"tenant": "acme", "username": "pbx", "password": "secret", "role": "customer"}
    },
    "audiosocket": {"line": {"port": 0, "tenant": "acme", "role": "customer"}},
    "rtp": {"line": {"port": 0, "tenant": "acme", "role": "customer", "idle_s": 0.5}},
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running]:
    """A server behind a proxy, with every telephone system."""
    server = {"trusted_proxies": ["127.0.0.1"], "public_url": PUBLIC}
    folder = tmp_path_factory.mktemp("office")
    with running(folder, model, server=server, auth={"mode": "keys"}, carriers=CARRIERS) as node:
        yield node


@pytest.fixture(scope="module")
def key(office: Running) -> str:
    return office.key("read", tenant="acme")


def status_of(node: Running, path: str, headers: dict[str, str]) -> int:
    try:
        with node.socket(path, additional_headers=HTTPS | headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def newest(node: Running, key: str, carrier: str) -> dict[str, Any]:
    """The newest call of a carrier, once it has ended."""

    def look() -> dict[str, Any] | None:
        with node.client(key, headers=HTTPS) as client:
            calls = client.get("/v1/calls").raise_for_status().json()["calls"]
        found = [each for each in calls if each["carrier"] == carrier]
        return found[0] if found and found[0]["state"] == "ended" else None

    call: dict[str, Any] = node.wait_for(look)
    return call


def windows(node: Running, key: str, call: dict[str, Any]) -> list[dict[str, Any]]:
    with node.client(key, headers=HTTPS) as client:
        found: list[dict[str, Any]] = client.get(f"/v1/calls/{call['id']}/windows").json()[
            "windows"
        ]
    return found


def twilio_headers(path: str, token: str = TOKEN) -> dict[str, str]:
    url = "wss://calls.example.com" + path
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, {})}


def test_twilio_is_let_in_by_the_signature_that_its_own_library_makes(office: Running) -> None:
    path = "/v1/twilio/main"
    assert status_of(office, path, twilio_headers(path)) == 101
    assert status_of(office, path, twilio_headers(path + "/")) == 101
    assert status_of(office, path, twilio_headers(path, "another token")) == 403
    assert status_of(office, path, twilio_headers("/v1/twilio/other")) == 403
    assert status_of(office, path, {}) == 403
    assert status_of(office, "/v1/twilio/nobody", twilio_headers(path)) == 404


def test_a_wrong_signature_is_logged_with_the_url_that_was_checked(
    office: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "SAID_EVERY_S", 1e9)
    office.node.services.doors._silent_until = 0.0
    path = "/v1/twilio/main"
    for _ in range(3):
        assert status_of(office, path, twilio_headers(path, "another token")) == 403
    said = [each.message for each in caplog.records if "signature" in each.message]
    assert len(said) == 1, "strangers must not fill the log"
    assert "carriers.twilio.main for the URL wss://calls.example.com/v1/twilio/main" in said[0]
    assert "server.public_url" in said[0]


def twilio_call(node: Running, account: str = ACCOUNT) -> int | None:
    """A call of both tracks; with what it was closed."""
    path = "/v1/twilio/main"
    stream = twilio.Stream(call_sid="CA" + secrets.token_hex(16), account_sid=account)
    with node.socket(path, additional_headers=HTTPS | twilio_headers(path)) as socket:
        for message in twilio.messages_of(speech(9, channels=2), stream=stream):
            socket.send(message.content)
        for _ in socket:
            pass
    return socket.close_code


def test_a_twilio_call_is_heard_on_the_customers_track_only(office: Running, key: str) -> None:
    assert twilio_call(office) == 1000
    call = newest(office, key, "twilio")
    assert [(each["role"], each["scored"]) for each in call["channels"]] == [
        ("customer", True),
        ("agent", False),
    ]
    found = windows(office, key, call)
    assert found
    assert {each["channel"] for each in found} == {0}


def test_a_stream_of_another_account_is_refused(office: Running) -> None:
    path = "/v1/twilio/main"
    stream = twilio.Stream(call_sid="CA1", account_sid="AC" + "1" * 32)
    with office.socket(path, additional_headers=HTTPS | twilio_headers(path)) as socket:
        for message in list(twilio.messages_of(speech(1, channels=2), stream=stream))[:2]:
            socket.send(message.content)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_S)
    assert socket.close_code == 1008


def audiohook_headers(session: str, **changes: str) -> dict[str, str]:
    headers = {
        "audiohook-organization-id": ORGANIZATION,
        "audiohook-session-id": session,
        "audiohook-correlation-id": str(uuid4()),
        "x-api-key": "genesys",
    }
    request = SignedRequest("/v1/audiohook", "calls.example.com", headers | changes)
    signed = sign(
        request,
        secret=base64.b64decode(SECRET),
        nonce=secrets.token_urlsafe(24),
        created=int(time.time()),
    )
    return headers | signed


def test_audiohook_is_let_in_by_its_signature_once(office: Running) -> None:
    headers = audiohook_headers(str(uuid4()))
    assert status_of(office, "/v1/audiohook", headers) == 101
    assert status_of(office, "/v1/audiohook", headers) == 401
    unsigned = {name: each for name, each in headers.items() if "signature" not in name}
    assert status_of(office, "/v1/audiohook", unsigned) == 401
    other = audiohook_headers(str(uuid4()), **{"audiohook-session-id": str(uuid4())})
    assert status_of(office, "/v1/audiohook", other) == 401
    assert status_of(office, "/v1/audiohook", {}) == 400


def test_an_audiohook_call_is_closed_once_it_is_judged(office: Running, key: str) -> None:
    session = str(uuid4())
    client = AudioHookClient(
        session_id=session, conversation_id=str(uuid4()), organization_id=ORGANIZATION
    )
    headers = HTTPS | audiohook_headers(session)
    with office.socket("/v1/audiohook", additional_headers=headers) as socket:
        socket.send(client.open())
        assert client.receive(str(socket.recv())).type == "opened"
        for outgoing in client.frames_of(speech(9, channels=2)):
            socket.send(outgoing.content)
        said = [client.receive(str(each)).type for each in iter_until_closed(socket)]
    assert said[-1] == "closed"
    call = newest(office, key, "audiohook")
    assert call["complete"] is True
    assert windows(office, key, call)


def iter_until_closed(socket: Any) -> Iterator[str]:
    """What the server says, up to ``closed``; then a client closes the socket."""
    while True:
        message = str(socket.recv(timeout=PATIENCE_S))
        yield message
        if json.loads(message)["type"] == "closed":
            return


def test_a_probe_of_audiohook_leaves_no_call(office: Running, key: str) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    session = str(uuid4())
    client = AudioHookClient(
        session_id=session,
        conversation_id=nobody,
        organization_id=ORGANIZATION,
        participant_id=nobody,
    )
    before = calls_of(office, key)
    headers = HTTPS | audiohook_headers(session)
    with office.socket("/v1/audiohook", additional_headers=headers) as socket:
        socket.send(client.open())
        assert client.receive(str(socket.recv())).type == "opened"
        socket.send(client.message("close", {"reason": "end"}))
        assert client.receive(str(socket.recv())).type == "closed"
    assert calls_of(office, key) == before


def calls_of(node: Running, key: str) -> set[str]:
    with node.client(key, headers=HTTPS) as client:
        return {each["id"] for each in client.get("/v1/calls").json()["calls"]}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_asterisk_is_let_in_by_user_and_password(office: Running, key: str) -> None:
    path = "/v1/asterisk/pbx"
    assert status_of(office, path, basic("pbx", "wrong")) == 401
    assert status_of(office, path, {}) == 401
    assert status_of(office, "/v1/asterisk/other", basic("pbx", "secret")) == 404
    headers = HTTPS | basic("pbx", "secret")
    with office.socket(path, additional_headers=headers, subprotocols=["media"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "media"
        for message in chan_websocket.messages_of(speech(9), connection_id="pbx"):
            socket.send(message.content)
    call = newest(office, key, "chan_websocket")
    assert call["complete"] is True
    assert windows(office, key, call)


def test_audiosocket_calls_come_over_tcp(office: Running, key: str) -> None:
    call_id = uuid4()
    with sockets.create_connection(office.node.addresses["audiosocket line"]) as socket:
        for message in audiosocket.packets_of(speech(9), call_id=call_id):
            assert isinstance(message.content, bytes)
            socket.sendall(message.content)
        assert socket.recv(1) == b""
    call = newest(office, key, "audiosocket")
    assert (call["external_id"], call["complete"]) == (str(call_id), True)
    assert windows(office, key, call)


def test_rtp_keeps_to_the_first_sender_and_ends_by_silence(office: Running, key: str) -> None:
    address = office.node.addresses["rtp line"]
    with (
        sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as mine,
        sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as other,
    ):
        mine.sendto(b"rubbish", address)
        for number, packet in enumerate(rtp.packets_of(speech(9), ssrc=7)):
            assert isinstance(packet.content, bytes)
            mine.sendto(packet.content, address)
            if number == 1:
                other.sendto(packet.content, address)
            if number % 20 == 0:
                time.sleep(0.005)
    call = newest(office, key, "rtp")
    assert call["complete"] is True
    assert call["external_id"].startswith("line-c")
    assert call["counters"]["duplicates"] == 0
    assert windows(office, key, call)
    with office.client(office.key("admin"), headers=HTTPS) as client:
        text = client.get("/metrics").raise_for_status().text
    assert 'tonfall_carrier_refusals_total{carrier="rtp",reason="sender"} 1.0' in text


def test_ports_take_only_addresses_that_are_allowed(tmp_path: Path, model: Path) -> None:
    closed = {"port": 0, "allowed": ["192.0.2.0/24"]}
    carriers = {"audiosocket": {"a": closed}, "rtp": {"r": closed}}
    with running(tmp_path, model, carriers=carriers) as node:
        with (
            sockets.create_connection(node.node.addresses["audiosocket a"]) as socket,
            contextlib.suppress(ConnectionResetError),
        ):
            assert socket.recv(1) == b""
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as mine:
            packet = next(iter(rtp.packets_of(speech(1))))
            assert isinstance(packet.content, bytes)
            mine.sendto(packet.content, node.node.addresses["rtp r"])
            totals = node.node.services.switchboard.totals
            node.wait_for(lambda: totals["rtp"].refusals["address"])
        assert totals["audiosocket"].refusals["address"] == 1


def test_out_of_the_box_telephone_systems_on_this_machine_need_no_settings(
    open_node: Running,
) -> None:
    for path in ("/v1/twilio/any", "/v1/asterisk/any"):
        with open_node.socket(path):
            pass
    session = {"audiohook-organization-id": ORGANIZATION, "audiohook-session-id": str(uuid4())}
    with open_node.socket("/v1/audiohook", additional_headers=session):
        pass


def test_without_accounts_a_carriers_calls_are_shown_whatever_their_tenant(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    carriers = {"asterisk": {"pbx": {"tenant": "acme", "role": "customer"}}}
    with running(tmp_path, model, carriers=carriers) as node:
        with node.socket("/v1/asterisk/pbx") as socket:
            for message in chan_websocket.messages_of(speech(2), connection_id="c1"):
                socket.send(message.content)
        call = node.newest()
        with node.client() as client:
            assert client.get(f"/v1/calls/{call}").json()["carrier"] == "chan_websocket"
    assert "carriers.asterisk.pbx sends its calls there, and not to acme" in caplog.text
