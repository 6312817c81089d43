"""Stopping: calls are asked to go elsewhere, what was heard is judged and kept, all within time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from postgresql_server import PostgreSQLServer
from running_node import (
    PATIENCE_S,
    SALT,
    Running,
    events_of,
    frames,
    running,
    settings_of,
    start,
)
from store_fixtures import postgresql, postgresql_url  # noqa: F401
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tonfall.errors import ServiceError
from tonfall.serve.store import Store


@contextmanager
def served(
    folder: Path, model: Path, *options: str, database: str | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``tonfall serve`` as a process, and its address."""
    command = "from tonfall.cli import main; main()"
    database = database or f"sqlite:///{folder}/tonfall.db"
    arguments = ["serve", "--port", "0", "--model", str(model), "--database", database, *options]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_DATA_HOME": str(folder)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Tonfall listens at "), process.communicate()[1]
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def test_sigterm_ends_calls_and_keeps_what_was_heard(tmp_path: Path, model: Path) -> None:
    settings = tmp_path / "tonfall.yaml"
    settings.write_text("server: {drain_s: 1}\n")
    with served(tmp_path, model, "--config", str(settings)) as (process, url):
        ws_url = url.replace("http", "ws", 1) + "/v1/stream"
        with (
            httpx.Client(base_url=url, timeout=PATIENCE_S) as client,
            client.stream("GET", "/v1/events") as stream,
            connect(ws_url, compression=None, proxy=None) as socket,
        ):
            events = events_of(stream.iter_lines())
            for frame in frames(seconds=9, stop=False):
                socket.send(frame)
            assert json.loads(socket.recv())["type"] == "started"
            assert next(event for event in events if event["kind"] == "window")
            process.send_signal(signal.SIGTERM)
            assert json.loads(socket.recv(timeout=PATIENCE_S)) == {"type": "reconnect"}
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=PATIENCE_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            told = list(events)
        assert process.wait(PATIENCE_S) == 0
    assert told[-1]["event"] == "reconnect"
    assert [event["kind"] for event in told if event.get("kind") == "call.closed"]
    check_kept(tmp_path, told)


def check_kept(folder: Path, told: list[dict[str, Any]]) -> None:
    """The call is closed as incomplete, and every window that was told is there."""
    store = Store.open(f"sqlite:///{folder}/tonfall.db", create=False)
    [call] = store.calls("default").items
    windows = store.windows("default", call.id)
    store.close()
    assert (str(call.state), call.complete) == ("ended", False)
    assert {event["id"] for event in told if event.get("kind") == "window"} <= {
        window.id for window in windows
    }


def test_while_it_drains_calls_go_on_and_no_new_ones_come(tmp_path: Path, model: Path) -> None:
    with running(tmp_path, model, server={"drain_s": 25}) as node, node.client() as client:
        with node.socket() as socket:
            sent = frames(seconds=6)
            for frame in sent[:100]:
                socket.send(frame)
            socket.recv()
            node.node.stop()
            assert json.loads(socket.recv(timeout=PATIENCE_S)) == {"type": "reconnect"}
            assert client.get("/readyz").status_code == 503
            assert client.post("/predict", files={"file": b"x"}).status_code == 503
            with pytest.raises(Exception, match="503"), node.socket():
                pass
            for frame in sent[100:]:
                socket.send(frame)
            assert json.loads(socket.recv(timeout=PATIENCE_S))["samples"] == 48_000
        store = node.store
        [call] = node.wait_for(lambda: ended(store))
    assert call.complete is True


def ended(store: Store) -> list[Any]:
    return [call for call in store.calls("default").items if str(call.state) == "ended"]


def test_what_a_locked_database_did_not_take_is_said_and_the_process_fails(
    tmp_path: Path, model: Path
) -> None:
    settings = tmp_path / "tonfall.yaml"
    settings.write_text("server: {drain_s: 0}\n")
    with served(tmp_path, model, "--config", str(settings)) as (process, url):
        other = sqlite3.connect(tmp_path / "tonfall.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with connect(f"{url.replace('http', 'ws', 1)}/v1/stream", compression=None) as socket:
            play_and_stop(socket, process)
        assert process.wait(PATIENCE_S) == 1
        other.close()
        lost = said(process, "could not be written")
    assert "tonfall.db" in lost
    assert int(lost.split()[0]) >= 1  # that the call began


def test_a_server_ends_in_time_though_its_database_hangs(
    tmp_path: Path,
    model: Path,
    postgresql: PostgreSQLServer,  # noqa: F811
    postgresql_url: str,  # noqa: F811
) -> None:
    settings = tmp_path / "tonfall.yaml"
    settings.write_text(f"server: {{drain_s: 0}}\nprivacy: {{salt: {SALT}}}\n")
    options = ("--config", str(settings))
    with served(tmp_path, model, *options, database=postgresql_url) as (process, url):
        ws_url = url.replace("http", "ws", 1) + "/v1/stream"
        with connect(ws_url, compression=None) as socket, frozen(postgresql):
            asking = [threading.Thread(target=ask, args=(url,), daemon=True) for _ in range(40)]
            for each in asking:  # more than there are threads to ask the database with
                each.start()
            play_and_stop(socket, process)
            assert process.wait(PATIENCE_S) == 1
        for each in asking:
            each.join(PATIENCE_S)
        said(process, "could not be written")


def test_a_call_that_is_not_judged_in_time_is_said(tmp_path: Path, model: Path) -> None:
    node, thread, failed = start(settings_of(tmp_path, model))
    node.services.desk._safe_round = lambda: None  # type: ignore[method-assign]
    with Running(node).socket() as socket:
        socket.send(frames(seconds=1, stop=False)[0])
        assert json.loads(socket.recv(timeout=PATIENCE_S))["type"] == "started"
        node.stop()
        thread.join(PATIENCE_S)
    with pytest.raises(ServiceError, match="1 calls were not judged to their end"):
        raise failed[0]


def play_and_stop(socket: ClientConnection, process: subprocess.Popen[str]) -> None:
    """Play a call, and stop the server before it ends."""
    for frame in frames(seconds=6, stop=False):
        socket.send(frame)
    assert json.loads(socket.recv(timeout=PATIENCE_S))["type"] == "started"
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(ConnectionClosed):
        for _ in socket:
            pass


def said(process: subprocess.Popen[str], words: str) -> str:
    """What the log says with these words."""
    assert process.stderr is not None
    lines = [json.loads(line) for line in process.stderr if line.startswith("{")]
    found = [str(line["event"]) for line in lines if words in line["event"]]
    assert found, lines
    return found[0]


@contextmanager
def frozen(server: PostgreSQLServer) -> Iterator[None]:
    """All processes of a database stand still: it answers nobody, and closes no connection."""
    main = psutil.Process(server.process)
    processes = [main, *main.children()]
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()


def ask(url: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(f"{url}/v1/calls", timeout=PATIENCE_S)


def test_nothing_of_ours_is_in_the_log(tmp_path: Path, model: Path) -> None:
    caller = "+49 170 7654321"
    with served(tmp_path, model) as (process, url):
        ws_url = url.replace("http", "ws", 1) + "/v1/stream"
        with connect(ws_url, compression=None, proxy=None) as socket:
            told = {"caller": caller, "name": "Anna Beispiel"}
            for frame in frames(seconds=4, call_id="+49-170-7654321", parameters=told):
                socket.send(frame)
            for _ in socket:
                pass
        with connect(ws_url, compression=None, proxy=None) as socket:
            for frame in frames(seconds=1, call_id="PJSIP/Anna.Beispiel-1", stop=False):
                socket.send(frame)
            socket.send('{"type": "stop", "reason": "Frau Beispiel legte auf"}')
            for _ in socket:
                pass
        with connect(ws_url.replace("stream", "asterisk/pbx"), proxy=None) as socket:
            socket.send("MEDIA_START connection_id:1 channel:PJSIP/Anna.Beispiel-2 format:ulaw")
            socket.send(bytes(160))
        with connect(ws_url + "?caller=Anna", compression=None, proxy=None) as socket:
            socket.send('{"Anna": ')
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("The server stops" in line["event"] for line in lines)
    assert "7654321" not in log
    assert "Anna" not in log
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("tonfall.db*"))
    assert b"7654321" not in kept
    assert b"Anna" not in kept
    assert b"Beispiel" not in kept
