"""Stopping: calls are asked to go elsewhere, what was heard is judged and kept, all within time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_node import events_of, frames, running
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tonfall.serve.store import Store


@contextmanager
def served(folder: Path, model: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``tonfall serve`` as a process, and its address."""
    command = "from tonfall.cli import main; main()"
    database = f"sqlite:///{folder}/tonfall.db"
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
            httpx.Client(base_url=url, timeout=30) as client,
            client.stream("GET", "/v1/events") as stream,
            connect(ws_url, compression=None, proxy=None) as socket,
        ):
            events = events_of(stream.iter_lines())
            for frame in frames(seconds=9, stop=False):
                socket.send(frame)
            assert json.loads(socket.recv())["type"] == "started"
            assert next(event for event in events if event["kind"] == "window")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert json.loads(socket.recv(timeout=10)) == {"type": "reconnect"}
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            told = list(events)
        assert process.wait(25) == 0
        assert time.monotonic() - began < 30
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
    with running(tmp_path, model, server={"drain_s": 15}) as node, node.client() as client:
        with node.socket() as socket:
            sent = frames(seconds=6)
            for frame in sent[:100]:
                socket.send(frame)
            socket.recv()
            node.node.stop()
            assert json.loads(socket.recv(timeout=10)) == {"type": "reconnect"}
            assert client.get("/readyz").status_code == 503
            assert client.post("/predict", files={"file": b"x"}).status_code == 503
            with pytest.raises(Exception, match="503"), node.socket():
                pass
            for frame in sent[100:]:
                socket.send(frame)
            assert json.loads(socket.recv(timeout=10))["samples"] == 48_000
        store = node.store
        [call] = node.wait_for(lambda: ended(store))
    assert call.complete is True


def ended(store: Store) -> list[Any]:
    return [call for call in store.calls("default").items if str(call.state) == "ended"]


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
        with connect(ws_url + "?caller=Anna", compression=None, proxy=None) as socket:
            socket.send('{"Anna": ')
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("The server stops" in line["event"] for line in lines)
    assert "7654321" not in log
    assert "Anna" not in log
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("tonfall.db*"))
    assert b"7654321" not in kept
    assert b"Anna" not in kept
