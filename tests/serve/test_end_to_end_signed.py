"""A real server with accounts: each telephone system gets in by its own proof, and not without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from codec_events import noise
from live_server import COMMAND, LiveServer, live_server

from tonfall.errors import ServiceError
from tonfall.serve.client import (
    CallResult,
    Credentials,
    Listener,
    Plan,
    Recording,
    listening,
    play_calls,
    read_address,
)

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
API_KEY, CLIENT_SECRET = "SGVsbG8", "TXlTdXBlclNlY3JldA=="
PASSWORD = "a long password"
SETTINGS: dict[str, Any] = {
    "auth": {"mode": "keys"},
    "carriers": {
        "twilio": {"main": {"auth_token": AUTH_TOKEN}},
        "audiohook": {"main": {"api_key": API_KEY, "secret": CLIENT_SECRET}},
        "asterisk": {"main": {"username": "asterisk", "password": PASSWORD, "role": "customer"}},
        "audiosocket": {"line": {"port": 0, "role": "customer"}},
        "rtp": {"line": {"port": 0, "role": "customer"}},
    },
}
GOOD = {
    "native": Credentials(),
    "twilio": Credentials(secret=AUTH_TOKEN),
    "audiohook": Credentials(key=API_KEY, secret=CLIENT_SECRET),
    "chan_websocket": Credentials(key="asterisk", secret=PASSWORD),
}
BAD = {
    "native": (Credentials(token="tf_wrong"), 401),
    "twilio": (Credentials(secret=AUTH_TOKEN[::-1]), 403),
    "audiohook": (Credentials(key=API_KEY, secret="d3Jvbmc="), 401),
    "chan_websocket": (Credentials(key="asterisk", secret="wrong"), 401),
}
pytestmark = pytest.mark.slow


class Guarded(NamedTuple):
    """A server that knows its callers, and a key for each of two scopes."""

    server: LiveServer
    ingest: str
    read: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    with live_server(folder, settings=SETTINGS) as server:
        keys = [_key(folder, scope) for scope in ("ingest", "read")]
        yield Guarded(server, *keys)


def _key(folder: Path, scope: str) -> str:
    command = [sys.executable, "-c", COMMAND, "keys", "create", "--scope", scope]
    command += ["--config", str(folder / "tonfall.yaml")]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return made.stdout.strip()


def played(guarded: Guarded, protocol: str, credentials: Credentials) -> CallResult:
    async def run() -> CallResult:
        address = read_address(guarded.server.url(protocol))
        recording = Recording("a", noise(2, 4000), 8000)
        plan = Plan(address=address, recordings=[recording], speed=10, credentials=credentials)
        (result,) = await play_calls(plan)
        return result

    return asyncio.run(run())


@pytest.mark.parametrize("protocol", GOOD)
def test_the_right_proof_opens_the_door(guarded: Guarded, protocol: str) -> None:
    credentials = GOOD[protocol]
    if protocol == "native":
        credentials = Credentials(token=guarded.ingest)
    result = played(guarded, protocol, credentials)
    assert result.error == ""
    assert result.close_code == 1000


@pytest.mark.parametrize("protocol", BAD)
def test_a_wrong_proof_or_none_does_not(guarded: Guarded, protocol: str) -> None:
    wrong, status = BAD[protocol]
    for credentials in (wrong, Credentials(key=wrong.key)):
        result = played(guarded, protocol, credentials)
        assert f"refused the call with status {status}" in result.error
        assert result.frames == 0


def test_a_key_of_another_scope_may_not_send_calls(guarded: Guarded) -> None:
    result = played(guarded, "native", Credentials(token=guarded.read))
    assert "status 403" in result.error


def test_a_signature_for_another_url_is_refused(guarded: Guarded) -> None:
    elsewhere = Credentials(secret=AUTH_TOKEN, signed_url="wss://example.com/v1/twilio/main")
    assert "status 403" in played(guarded, "twilio", elsewhere).error


def test_events_are_told_to_those_who_may_read(guarded: Guarded) -> None:
    async def listen(token: str | None) -> Listener:
        async with listening(guarded.server.events, token=token) as listener:
            return listener

    assert asyncio.run(listen(guarded.read)).failure is None
    for token in (None, guarded.ingest):
        with pytest.raises(ServiceError, match=r"the server answers 40[13]; see --token"):
            asyncio.run(listen(token))
