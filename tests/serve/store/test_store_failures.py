"""The database goes away and comes back, the disk fills up: visible, and nothing half-written."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from postgresql_server import PostgreSQLServer
from sqlalchemy import event
from store_calls import MadeCall

from tonfall.errors import ServiceError
from tonfall.serve.http.problems import told
from tonfall.serve.store import Store, Writer, WriterState
from tonfall.serve.store.logs import EventLog


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_changes_wait_for_a_server_that_restarts(
    postgresql: PostgreSQLServer, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = Store.open(postgresql_url)
    writer, call = Writer(store), MadeCall()
    writer.write_now(call.opened())
    postgresql.stop()
    for number in range(50):
        writer.submit(call.window(number))
    until(lambda: writer.state == WriterState.AWAY)
    assert writer.counters().waiting == 50
    assert writer.counters().oldest_s > 0
    with pytest.raises(ServiceError, match="cannot be used now") as away:
        store.calls("acme")
    assert away.value.retry
    with pytest.raises(ServiceError, match="nothing was changed") as away:
        writer.write_now(call.alert(), timeout_s=0.3)
    assert away.value.retry
    assert writer.counters().waiting == 50
    postgresql.start()
    until(lambda: writer.counters().waiting == 0)
    assert writer.state == WriterState.WRITING
    assert len(store.windows("acme", call.id)) == 50
    assert store.alerts("acme").items == ()  # it was said that nothing was changed
    assert [one.id for one in store.events("acme", after=0)] == [*range(1, 52)]
    assert "takes changes again" in caplog.text
    assert "Changes wait" in caplog.text
    writer.close()
    store.close()


def test_closing_while_the_server_is_away_says_what_is_lost(
    postgresql: PostgreSQLServer, postgresql_url: str
) -> None:
    store = Store.open(postgresql_url)
    writer, call = Writer(store), MadeCall()
    writer.write_now(call.opened())
    postgresql.stop()
    for number in range(3):
        writer.submit(call.window(number))
    with pytest.raises(ServiceError, match="3 changes could not be written"):
        writer.close(timeout_s=0.5)
    postgresql.start()
    until(lambda: store.last_event() == 1)
    writer._thread.join(60)  # What was given up is not written by it any more.
    assert store.last_event() == 1
    store.close()


def test_a_node_that_hangs_in_a_transaction_holds_up_nobody_for_long(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = Store.open(postgresql_url)
    hung.close()
    quick = ("SET idle_in_transaction_session_timeout = '1s'",)
    monkeypatch.setattr("tonfall.serve.store.database.SESSION", quick)
    store = Store.open(postgresql_url)
    writer, call = Writer(store), MadeCall()
    with hung.database.engine.connect() as connection:
        EventLog(connection)  # holds the lock that everybody needs, and does nothing
        begin = time.monotonic()
        writer.write_now(call.opened(), timeout_s=60)
        assert 0.5 < time.monotonic() - begin < 60
        connection.invalidate()
    writer.close()
    store.close()
    hung.close()


def limit(store: Store, pages: int | None) -> None:
    """Leave SQLite that many pages more than it has; None for as many as it wants."""
    with store.database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        (used,) = driver.execute("PRAGMA page_count").fetchone()
    most = used + pages if pages is not None else 1_000_000_000

    def limited(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}").close()

    event.listen(store.database.engine, "connect", limited)
    store.close()  # connections from now on are limited


def test_a_full_disk_is_said_and_nothing_is_half_written(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(sqlite_url)
    writer, call = Writer(store), MadeCall()
    writer.write_now(call.opened())
    limit(store, 40)
    submitted = 0
    while writer.state == WriterState.WRITING and submitted < 5000:
        writer.submit(call.window(submitted))
        submitted += 1
        time.sleep(0.0005)
    until(lambda: writer.state == WriterState.FULL)
    with pytest.raises(ServiceError, match="has no room left") as refused:
        writer.write_now(call.alert(), timeout_s=0.2)
    assert refused.value.retry
    with pytest.raises(ServiceError, match="has no room left") as full:
        store.audit("acme", "key-1", "view", "call", {"filler": "x" * 1_000_000})
    assert full.value.retry
    assert told(full.value).detail == "The database has no room left; try again later."
    assert store.verify_audit().intact
    events = store.events("acme", after=0)
    windows = store.windows("acme", call.id)
    assert len(events) == len(windows) + 1  # each window with its event, or neither
    assert "has no room left" in caplog.text
    limit(store, None)
    until(lambda: writer.counters().waiting == 0)
    assert writer.state == WriterState.WRITING
    # The alert may have been on its way to the disk when it was given up, and be the last event.
    last = store.windows("acme", call.id, after=store.last_event() - 2)
    assert last[-1].window.heard == submitted - 1
    writer.close()
    store.close()


def test_a_file_that_was_made_read_only_is_said(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(sqlite_url)

    def read_only(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only=ON").close()

    event.listen(store.database.engine, "connect", read_only)
    store.close()
    with pytest.raises(ServiceError, match="attempt to write a readonly database"):
        store.keys.create("acme", ["read"])
    store.close()


def test_a_copy_taken_while_it_runs_is_whole(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    writer, call = Writer(store), MadeCall()
    writer.write_now(call.opened())
    for number in range(200):
        writer.submit(call.window(number))
    target = tmp_path / "copy.db"
    with sqlite3.connect(tmp_path / "tonfall.db") as source:
        source.execute("VACUUM INTO ?", (str(target),))
    source.close()
    writer.close()
    store.close()
    shutil.move(target, tmp_path / "tonfall.db")
    for name in ("tonfall.db-wal", "tonfall.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    again = Store.open(sqlite_url, create=False)
    assert again.verify_audit().intact
    assert again.call("acme", call.id) is not None
    assert len(again.events("acme", after=0)) == len(again.windows("acme", call.id)) + 1
    again.close()
