"""A whole server on a thread, for tests: real sockets on 127.0.0.1, a free port, a tiny model."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.serve.codecs import Role, native
from tonfall.serve.node import Node
from tonfall.serve.settings import read_settings

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "call.wav"
SALT = "0123456789abcdef0123456789abcdef"
RATE = 8000
PATIENCE_S = 240.0
"""Seconds until something is taken for hanging: only a failure lasts so long."""


class Running:
    """A server that runs, and clients of it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.url = node.url
        self.ws_url = node.url.replace("http", "ws", 1)

    @property
    def store(self) -> Any:
        return self.node.services.store

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers.update(options.pop("headers", {}))
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S, **options)

    def key(self, *scopes: str, tenant: str = "default") -> str:
        secret: str = self.store.keys.create(tenant, scopes or ("read", "ingest"))
        return secret

    def socket(self, path: str = "/v1/stream", **options: Any) -> ClientConnection:
        return connect(self.ws_url + path, compression=None, proxy=None, **options)

    def play(self, *, key: str | None = None, seconds: float = 12.0, **told: Any) -> str:
        """A call over our own protocol, from its start to its end; its id of ours."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        before = self.last_written(key)
        with self.socket(additional_headers=headers) as socket:
            for frame in frames(seconds=seconds, **told):
                socket.send(frame)
            for _ in socket:
                pass
        return self.newest(key, after=before)

    def newest(
        self,
        key: str | None = None,
        *,
        state: str | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> str:
        """The id of the newest call, once it is in that state, or ended, and none of before."""
        states = ("ended", "purged") if state is None else (state,)

        def look() -> str | None:
            call = self.last_written(key)
            is_new = call is not None and (after is None or call["id"] != after["id"])
            return call["id"] if is_new and call["state"] in states else None

        return str(self.wait_for(look))

    def last_written(self, key: str | None = None) -> dict[str, Any] | None:
        """The call that was written last: the one that is going on may not have been yet."""
        with self.client(key) as client:
            answer = client.get("/v1/calls", params={"limit": 1}).raise_for_status()
        calls: list[dict[str, Any]] = answer.json()["calls"]
        return calls[0] if calls else None

    @staticmethod
    def wait_for(look: Any, *, patience_s: float = PATIENCE_S) -> Any:
        until = time.monotonic() + patience_s
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < until, "it did not happen in time"
            time.sleep(0.02)


@contextmanager
def running(
    folder: Path, model: Path, *, name: str | None = None, **sections: Any
) -> Iterator[Running]:
    """Start a server with its data in a folder; stop it in the end."""
    node, thread, failed = start(settings_of(folder, model, **sections), name=name)
    if failed:
        raise failed[0]
    try:
        yield Running(node)
    finally:
        node.stop()
        thread.join(40)
        assert not thread.is_alive(), "the server did not stop"
        assert not failed, failed


def settings_of(folder: Path, model: Path, **sections: Any) -> Any:
    server = {"port": 0, "drain_s": 0.3, **sections.pop("server", {})}
    options: dict[str, Any] = {
        "server": server,
        "model": str(model),
        "database": {"url": f"sqlite:///{folder}/tonfall.db"},
        "privacy": {"salt": SALT, **sections.pop("privacy", {})},
        **sections,
    }
    return read_settings(options=options)


def start(settings: Any, *, name: str | None = None) -> tuple[Node, threading.Thread, list[Any]]:
    """Start a node on a thread, and wait until it answers or has failed."""
    node = Node(settings, name=name)
    begun, failed = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            asyncio.run(node.run(started=lambda _: begun.set()))
        except BaseException as error:
            failed.append(error)
            begun.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE_S), "the server did not start"
    return node, thread, failed


def speech(seconds: float = 12.0, *, channels: int = 1) -> FloatArray:
    """(channels, n) samples at 8 kHz of the example call's customer."""
    waveform, rate = read(EXAMPLE)
    assert rate == RATE
    return np.ascontiguousarray(waveform[:channels, : int(seconds * RATE)])


def frames(
    *,
    seconds: float = 12.0,
    call_id: str = "c1",
    parameters: Mapping[str, str] | None = None,
    roles: tuple[Role, ...] = (Role.CUSTOMER,),
    stop: bool = True,
) -> list[str | bytes]:
    """A call's frames in our own protocol, in pieces of 20 ms."""
    messages = native.messages_of(
        speech(seconds, channels=len(roles)),
        call_id=call_id,
        sampling_rate=RATE,
        channels=roles,
        parameters=parameters,
    )
    contents = [message.content for message in messages]
    return contents if stop else contents[:-1]


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Server-sent events: their name as ``event``, their id as ``last``, and their data."""
    event: dict[str, Any] = {}
    for line in lines:
        if line.startswith("event: "):
            event["event"] = line[7:]
        elif line.startswith("id: "):
            event["last"] = line[4:]
        elif line.startswith("data: "):
            event.update(json.loads(line[6:]))
        elif not line and "event" in event:
            yield event
            event = {}


def certificate(folder: Path) -> dict[str, str]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    made = {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-out", made["certificate"], "-keyout", made["key"]]
    command = ["openssl", "req", "-x509", *options, *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return made
