"""Event streams: who may go on, how many there are, and what becomes of those who do not read."""

from __future__ import annotations

import contextlib
import socket as sockets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from running_node import PATIENCE_S, Running, events_of, running

from tonfall.serve.http import streams
from tonfall.serve.records import StoredEvent
from tonfall.serve.store.logs import EventLog

CALL = "0" * 32


@contextmanager
def events_flowing(node: Running) -> Iterator[None]:
    """An event every 20 ms, as from this node's writer."""
    hub, over = node.node.services.hub, threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            at = datetime.now(UTC)
            hub.committed([StoredEvent(hub.last + 1, "default", CALL, "window", at, {})])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_revoked_key_ends_its_stream_while_events_flow(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STILL_S", 0.3, raising=False)
    monkeypatch.setattr("tonfall.serve.http.access.KNOWN_FOR_S", 0.1)
    with running(tmp_path, model, auth={"mode": "keys"}) as node:
        secret = node.key("read")
        with (
            events_flowing(node),
            node.client(secret) as client,
            client.stream("GET", "/v1/events") as stream,
        ):
            events = events_of(stream.iter_lines())
            assert next(events)["kind"] == "window"
            assert node.store.keys.revoke("default", secret.split("_")[1])
            began = time.monotonic()
            told = []
            for event in events:
                told.append(event)
                assert time.monotonic() - began < 30, "it goes on"
    assert told[-1] == {"event": "ended", "reason": "The key works no more."}


def fill(node: Running, count: int = 1500) -> None:
    """More kept events than sockets hold."""
    filler = {"filler": "x" * 10_000}
    with node.store.database.writing() as connection:
        log = EventLog(connection)
        for _ in range(count):
            log.add(
                tenant="default", call=CALL, kind="window", at=datetime.now(UTC), payload=filler
            )
        log.finish()


@contextmanager
def deaf(node: Running) -> Iterator[sockets.socket]:
    """A client that asks for all that is kept."""
    host, port = node.node.addresses["http"]
    with sockets.socket() as socket:
        socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        socket.settimeout(PATIENCE_S)
        socket.connect((host, port))
        socket.sendall(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        yield socket


def test_streams_that_replay_are_counted_and_those_that_do_not_read_are_dropped(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SEND_S", 3.0, raising=False)
    with running(tmp_path, model, limits={"event_streams": 2}) as node:
        fill(node)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(deaf(node)) for _ in range(5)]
            statuses = sorted(client.recv(12).split()[1] for client in clients)
            assert statuses == [b"200"] * 2 + [b"429"] * 3
            hub = node.node.services.hub
            node.wait_for(lambda: hub.dropped == 2, patience_s=60)
        with node.client() as client:
            assert status_of(client) == 200


def status_of(client: httpx.Client) -> int:
    with client.stream("GET", "/v1/events") as stream:
        return stream.status_code
