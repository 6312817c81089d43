"""Two servers on one PostgreSQL: events of one reach clients of the other, killed or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql_server import PostgreSQLServer
from running_node import SALT, Running, events_of, frames, running
from store_fixtures import postgresql, postgresql_url  # noqa: F401
from websockets.sync.client import connect

pytestmark = pytest.mark.slow


@pytest.fixture
def two_nodes(
    tmp_path: Path,
    model: Path,
    postgresql_url: str,  # noqa: F811
) -> Iterator[tuple[Running, Running]]:
    database = {"url": postgresql_url}
    with (
        running(tmp_path, model, name="one", database=database) as one,
        running(tmp_path, model, name="two", database=database) as two,
    ):
        yield one, two


def test_events_of_one_node_come_from_the_other_in_one_order(
    two_nodes: tuple[Running, Running],
) -> None:
    one, two = two_nodes
    with (
        one.client() as here,
        two.client() as there,
        here.stream("GET", "/v1/events") as mine,
        there.stream("GET", "/v1/events") as theirs,
    ):
        calls = {one.play(call_id="on-one"), two.play(call_id="on-two")}
        heard = [list(both(events_of(each.iter_lines()))) for each in (mine, theirs)]
    assert heard[0] == heard[1]
    assert {event["call"] for event in heard[0]} == calls
    ids = [event["id"] for event in heard[0]]
    assert ids == sorted(set(ids))


def both(events: Iterator[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Events until two calls are over."""
    closed = 0
    for event in events:
        yield event
        closed += event["kind"] == "call.closed"
        if closed == 2:
            return


def test_an_objection_at_one_node_ends_the_scoring_at_another(
    two_nodes: tuple[Running, Running],
) -> None:
    one, two = two_nodes
    with one.socket() as socket, two.client() as client:
        for frame in frames(seconds=9, stop=False):
            socket.send(frame)
        call = two.newest(state="live")
        windows = f"/v1/calls/{call}/windows"
        two.wait_for(lambda: client.get(windows).json()["windows"])
        assert client.post(f"/v1/calls/{call}/objection").json()["state"] == "purged"
        live = one.node.services.desk.find(call)
        assert live is not None
        one.wait_for(lambda: live.refused)
        assert client.get(windows).json()["windows"] == []


def test_a_client_whose_node_was_killed_goes_on_at_another(
    tmp_path: Path,
    model: Path,
    postgresql_url: str,  # noqa: F811
) -> None:
    with (
        killable(tmp_path, model, postgresql_url) as (process, url),
        running(tmp_path, model, name="two", database={"url": postgresql_url}) as two,
    ):
        ws_url = url.replace("http", "ws", 1) + "/v1/stream"
        with connect(ws_url, compression=None, proxy=None) as socket:
            for frame in frames(seconds=9, stop=False):
                socket.send(frame)
            call = two.newest(state="live")
            with two.client() as client:
                windows = f"/v1/calls/{call}/windows"
                found = two.wait_for(lambda: client.get(windows).json()["windows"])
                process.send_signal(signal.SIGKILL)
                process.wait()
                resumed = {"Last-Event-ID": str(found[0]["id"])}
                with client.stream("GET", "/v1/events", headers=resumed) as stream:
                    told = list(closing(events_of(stream.iter_lines()), call))
                assert client.get(f"/v1/calls/{call}").json()["reason"] == "node lost"
    assert told[-1]["complete"] is False
    assert [event["id"] for event in told] == sorted(event["id"] for event in told)


def closing(events: Iterator[dict[str, object]], call: str) -> Iterator[dict[str, object]]:
    for event in events:
        yield event
        if event["kind"] == "call.closed" and event["call"] == call:
            return


class killable:  # noqa: N801
    """``tonfall serve`` as a process that a test may kill."""

    def __init__(self, folder: Path, model: Path, database: str) -> None:
        options = ["--port", "0", "--model", str(model), "--database", database]
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tonfall.cli import main; main()", "serve", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "XDG_DATA_HOME": str(folder),
                "TONFALL_PRIVACY__SALT": SALT,
            },
        )

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Tonfall listens at ")
        return self._process, line.split()[-1]

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_calls_go_on_while_the_database_is_away(
    tmp_path: Path,
    model: Path,
    postgresql: PostgreSQLServer,  # noqa: F811
    postgresql_url: str,  # noqa: F811
) -> None:
    sent = frames(seconds=12)
    with (
        running(tmp_path, model, name="one", database={"url": postgresql_url}) as node,
        node.client() as client,
        node.socket() as socket,
    ):
        for frame in sent[:200]:
            socket.send(frame)
        call = node.newest(state="live")
        postgresql.stop()
        try:
            for frame in sent[200:]:
                socket.send(frame)
            assert '"stopped"' in list(socket)[-1]
            node.wait_for(lambda: client.get("/readyz").status_code == 503)
            answer = client.get("/v1/calls")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.json()["detail"] == "The database cannot be used now; try again later."
        finally:
            postgresql.start()
        assert node.newest() == call
        node.wait_for(lambda: client.get("/readyz").status_code == 200)
        found = client.get(f"/v1/calls/{call}").json()
        undisturbed = node.play(seconds=12, call_id="undisturbed")
        windows = [
            [(each["start"], each["end"], each["label"]) for each in answer.json()["windows"]]
            for answer in (client.get(f"/v1/calls/{each}/windows") for each in (call, undisturbed))
        ]
    assert found["complete"] is True
    assert windows[0] == windows[1]
    assert windows[0]
