"""kill -9 under load, of the node and of the database: nothing acknowledged is lost."""

from __future__ import annotations

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
MOST_AT_ONCE = 1000
"""Changes of a commit; with more, the database does not keep up."""


class Load:
    """A node in a process of its own, and what it said."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), url], stdout=subprocess.PIPE, text=True, cwd=SCRIPT.parent
        )
        self.lines: list[list[str]] = []

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def listen(self, count: int, kind: str = "heard") -> None:
        """Until that many windows more were submitted, or alerts acknowledged."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.split())
            count -= line.startswith(kind)
            if count <= 0:
                return
        pytest.fail("the node ended by itself")

    def kill(self) -> None:
        """With SIGKILL; what it had said until then is read."""
        if self._process.returncode is not None:
            return
        self._process.kill()
        rest, _ = self._process.communicate()
        whole = rest[: rest.rfind("\n") + 1]
        self.lines += [line.split() for line in whole.splitlines()]

    def told(self, kind: str) -> list[list[str]]:
        """What it said of that kind."""
        return [words[1:] for words in self.lines if words[0] == kind]


def check(store: Store, load: Load) -> None:
    """What was acknowledged is there; of the windows at most the last are missing."""
    ((call,),) = load.told("call")
    heard = load.told("heard")
    acknowledged = [alert for (alert,) in load.told("acknowledged")]
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
    assert len(windows) > kept_at_least(load), "more is lost than came since the last commit began"
    assert store.verify_audit().intact


def kept_at_least(load: Load) -> int:
    """The newest window that came before the last commit began of which the end was seen.

    So much of what a crash can lose is no matter of how fast the machine is.
    """
    heard = begun = kept = -1
    for kind, *words in load.lines:
        if kind == "heard":
            heard = int(words[0])
        elif kind == "begins" and begun < 0:  # A commit that is tried again is of the same changes.
            begun = heard
        elif kind == "committed":
            kept = max(kept, begun) if int(words[0]) < MOST_AT_ONCE else kept
            begun = -1
    assert kept > 0
    return kept


def test_a_killed_node_loses_nothing_acknowledged(store_url: str) -> None:
    store = Store.open(store_url)
    for count in (251, 403):
        with Load(store_url) as load:
            load.listen(count)
            load.kill()
            check(store, load)
    store.close()
    again = Store.open(store_url, create=False)  # and after it was closed in order
    assert again.verify_audit().intact
    assert again.last_event() > 500
    again.close()


def test_a_killed_database_loses_nothing_acknowledged() -> None:
    with running() as server:
        url = server.create("tonfall")
        store = Store.open(url)
        with Load(url) as load:
            load.listen(300)
            server.kill()
            load.listen(100)  # they wait for the database
            restart(server)
            load.listen(4, "acknowledged")  # so what waited before them is written
            load.kill()
            check(store, load)
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
