"""kill -9 under load, of the node and of the database: nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgresql_server import PostgreSQLServer, running

from tonfall.serve.records import AlertState
from tonfall.serve.store import Store

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("crash_under_load.py")
LOSS_S = 0.25


def load(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=SCRIPT.parent,
    )


def told(process: subprocess.Popen[str]) -> tuple[str, dict[int, float], list[str]]:
    """Call, windows with the time of their submission, and what was acknowledged."""
    output, _ = process.communicate()
    lines = [line.split() for line in output[: output.rfind("\n")].splitlines()]
    call = next(words[1] for words in lines if words[0] == "call")
    heard = {int(words[1]): float(words[2]) for words in lines if words[0] == "heard"}
    return call, heard, [words[1] for words in lines if words[0] == "acknowledged"]


def check(store: Store, call: str, heard: dict[int, float], acknowledged: list[str]) -> None:
    """What was acknowledged is there; of the windows at most the last are missing."""
    windows, last = [], 0
    while some := store.windows("acme", call, after=last):
        windows += [int(row.window.heard) for row in some]
        last = some[-1].id
    assert windows == [*range(len(windows))], "no window is missing between others"
    assert len(acknowledged) > 3
    assert len(heard) > 100
    for alert in acknowledged:
        row = store.alert("acme", alert)
        assert row is not None, "an acknowledged alert is lost"
        assert row.state == AlertState.ACKNOWLEDGED
    lost = [at for number, at in heard.items() if number >= len(windows)]
    if lost:
        assert max(heard.values()) - min(lost) <= LOSS_S
    assert store.verify_audit().intact


def test_a_killed_node_loses_nothing_acknowledged(store_url: str) -> None:
    store = Store.open(store_url)
    for seconds in (1.5, 2.3):
        process = load(store_url)
        time.sleep(seconds + 1.0)
        os.kill(process.pid, signal.SIGKILL)
        check(store, *told(process))
    store.close()
    again = Store.open(store_url, create=False)  # and after it was closed in order
    assert again.verify_audit().intact
    assert again.last_event() > 300
    again.close()


def test_a_killed_database_loses_nothing_acknowledged() -> None:
    with running() as server:
        url = server.create("tonfall")
        store = Store.open(url)
        process = load(url)
        time.sleep(2.5)
        server.kill()
        time.sleep(0.5)
        restart(server)
        time.sleep(3.0)
        os.kill(process.pid, signal.SIGKILL)
        check(store, *told(process))
        store.close()


def restart(server: PostgreSQLServer) -> None:
    """Start again; what is left of the killed server has to end first."""
    for _ in range(40):
        try:
            server.start()
        except AssertionError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("PostgreSQL did not start again")
