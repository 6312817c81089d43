"""The steps make the tables that the code knows, all or none, whoever starts first."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import LargeBinary, MetaData, Table, event, insert, inspect, text
from store_calls import START, MadeCall

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.store import CallState, Store
from tonfall.serve.store import database as database_module
from tonfall.serve.store.applying import _window_values
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog
from tonfall.serve.store.migrate import LOCK, _config, upgrade, version
from tonfall.serve.store.schema import METADATA, Json, Utc, channels

PURGED, ENDED = START + timedelta(seconds=20), START + timedelta(seconds=30)


def test_the_steps_make_what_the_code_knows(store: Store) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_opening_twice_changes_nothing(store: Store, store_url: str) -> None:
    secret = store.keys.create("acme", ["read"])
    again = Store.open(store_url, create=False)
    assert again.keys.find(secret) is not None
    again.close()


def test_nodes_that_start_at_once_make_the_tables_once(store_url: str) -> None:
    opened: list[Store | Exception] = []

    def start() -> None:
        try:
            opened.append(Store.open(store_url))
        except Exception as error:
            opened.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in opened] == [Store] * 4
    for one in opened:
        assert isinstance(one, Store)
        one.close()


class Busy(sqlite3.Connection):
    """Refuses the first switches to a write-ahead log, as SQLite does while another switches."""

    refusals = 2

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if "journal_mode" in sql and self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(sql, *values)


def test_a_new_file_that_another_node_switches_now_is_tried_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    event.listen(database.engine, "do_connect", _busy)
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.close()


def _busy(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> Busy:
    return sqlite3.connect(*arguments, **options, factory=Busy)


def test_a_node_waits_for_the_one_that_runs_the_steps(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than for anybody else: it would end, though the steps only take their time."""
    monkeypatch.setattr(database_module, "LOCK_WAIT_S", 0.01)
    monkeypatch.setattr(database_module, "SESSION", ("SET lock_timeout = '10ms'",))
    holder = Database(store_url)
    opened: list[Store] = []
    second = threading.Thread(target=lambda: opened.append(Store.open(store_url)))
    with holder.writing() as connection:
        if not holder.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        second.start()
        second.join(0.5)
        assert second.is_alive()
    second.join()
    [store] = opened
    with store.database.writing() as connection:
        if not holder.is_sqlite:
            assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "10ms"
    store.close()
    holder.close()


def test_who_has_no_steps_to_run_waits_for_nobody(store: Store, store_url: str) -> None:
    with store.database.writing() as connection:
        if not store.database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        opened: list[Store] = []
        second = threading.Thread(target=lambda: opened.append(Store.open(store_url)))
        second.start()
        second.join(60)
        assert opened
    opened[0].close()


def test_a_newer_database_is_left_alone(store: Store, store_url: str) -> None:
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="written by a newer Tonfall"):
        Store.open(store_url)


def test_an_empty_database_is_not_filled_unasked(store_url: str) -> None:
    with pytest.raises(ConfigError, match=r"is empty|There is no database .*tonfall\.db\."):
        Store.open(store_url, create=False)
    database = Database(store_url)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == []
    database.close()


def test_a_step_that_fails_leaves_nothing(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(store_url)
    monkeypatch.setattr("alembic.op.bulk_insert", None)  # the last thing that the first step does
    with pytest.raises(TypeError):
        upgrade(database)
    with database.reading() as connection:
        assert version(connection) is None
        assert inspect(connection).get_table_names() == []
    database.close()


FIRST_CALL = {
    "tenant": "acme",
    "node": "node-1",
    "at": START,
    "carrier": "twilio",
    "external_id": "CA1",
    "sampling_rate": 8000,
    "model": "small",
    "model_hash": "ab",
    "labels": ["neutral"],
    "notice": "given",
}


def _of_first_shape(url: str) -> None:
    """A database as 0001 left it, with a call in each state, one purged of a dead node among them.

    ``early`` was purged before anything noted it in the audit.
    """
    database, tables = Database(url), MetaData()
    with database.writing() as connection:
        command.upgrade(_config(connection), "0001")
        tables.reflect(connection)
        table = tables.tables["calls"].c
        for name in ("at", "ended_at"):
            table[name].type = Utc()
        table["labels"].type = Json()
        rows: list[tuple[str, str, datetime | None]] = [
            ("live", "live", None),
            ("ended", "ended", ENDED),
            ("purged", "purged", ENDED),
            ("dead", "purged", None),
            ("early", "purged", ENDED),
        ]
        for call, state, ended in rows:
            row = {**FIRST_CALL, "id": call, "state": state, "ended_at": ended}
            connection.execute(insert(tables.tables["calls"]), [row])
        _of_first_words(tables.tables)
        heard = [_window(call) for call, *_ in rows]
        connection.execute(insert(tables.tables["windows"]), heard)
        connection.execute(insert(tables.tables["events"]), [*map(_event, (1, 2))])
        connection.execute(text("UPDATE counters SET value = 2 WHERE name = 'events'"))
        log = AuditLog(connection)
        for call in ("purged", "dead"):
            log.add(tenant="acme", actor="me", action="purge", subject=f"call {call}", at=PURGED)
        log.finish()
    database.close()


def _of_first_words(tables: Mapping[str, Table]) -> None:
    """The types that reflection does not find."""
    for name, column in (("windows", "at"), ("events", "at")):
        tables[name].c[column].type = Utc()
    for name in ("probabilities", "smoothed"):
        tables["windows"].c[name].type = Json()
    tables["events"].c["payload"].type = Json()


def _window(call: str) -> dict[str, object]:
    row = _window_values(MadeCall().window(), 1)
    guess, unclear = row.pop("guess"), row.pop("unclear")
    return {**row, "call": call, "label": guess, "uncertain": unclear}


def _event(number: int) -> dict[str, object]:
    """A window that was told of; every second one of which the model was sure."""
    payload = {"channel": 0, "label": "anger", "uncertain": number == 1}
    row = {"id": number, "tenant": "acme", "call": "ended", "kind": "window", "at": ENDED}
    return {**row, "payload": payload}


def test_a_database_of_the_first_shape_keeps_what_it_knew(store_url: str) -> None:
    _of_first_shape(store_url)
    store = Store.open(store_url)
    facts = {row.id: (row.state, row.ended_at, row.purged_at) for row in store.calls("acme").items}
    assert facts == {
        "live": (CallState.LIVE, None, None),
        "ended": (CallState.ENDED, ENDED, None),
        "purged": (CallState.PURGED, ENDED, PURGED),
        "dead": (CallState.PURGED, None, PURGED),
        "early": (CallState.PURGED, ENDED, ENDED),
    }
    assert {call: len(store.windows("acme", call)) for call in facts} == dict.fromkeys(facts, 1)
    (window,) = store.windows("acme", "ended")
    assert (window.window.guess, window.window.label) == ("anger", "unclear")
    assert [dict(event.payload) for event in store.events("acme", after=0)] == [
        {"channel": 0, "label": "unclear", "guess": "anger"},
        {"channel": 0, "label": "anger", "guess": "anger"},
    ]
    assert store.verify_audit().intact
    assert sorted(store.end_lost()) == ["dead", "live"]
    store.retain(datetime.now(UTC) + timedelta(days=31))
    assert store.calls("acme").items == ()
    store.close()


def test_reasons_and_sources_of_old_calls_are_of_the_list(store_url: str) -> None:
    _of_first_shape(store_url)
    said = {
        "live": None,
        "ended": "Herr Meier legte auf",
        "purged": "objection",
        "dead": "hang up",
        "early": "node lost",
    }
    database = Database(store_url)
    with database.writing() as connection:
        for call, reason in said.items():
            values = {"call": call, "reason": reason}
            connection.execute(text("UPDATE calls SET reason = :reason WHERE id = :call"), values)
        asterisk = text("UPDATE calls SET carrier = 'chan_websocket' WHERE id = 'ended'")
        connection.execute(asterisk)
        side = {"index": 0, "role": "unknown", "source": "PJSIP/meier", "scored": True}
        connection.execute(insert(channels), [{"call": call, **side} for call in said])
    database.close()
    store = Store.open(store_url)
    rows = store.calls("acme").items
    store.close()
    assert {row.id: row.reason for row in rows} == {
        "live": None,
        "ended": "other",
        "purged": "other",
        "dead": "hung up",
        "early": "node lost",
    }
    assert {row.id for row in rows if row.channels[0].source == "chan_websocket"} == {"ended"}


def test_the_steps_can_be_taken_back(store_url: str) -> None:
    _of_first_shape(store_url)
    Store.open(store_url).close()
    database = Database(store_url)
    with database.writing() as connection:
        command.downgrade(_config(connection), "0001")
        found = connection.execute(text("SELECT id, state FROM calls ORDER BY id")).all()
        heard = connection.execute(text("SELECT label, uncertain FROM windows")).first()
        told = connection.execute(text("SELECT payload FROM events ORDER BY id")).scalars()
        uncertain = [json.loads(payload)["uncertain"] for payload in told]
    database.close()
    assert (heard, uncertain) == (("anger", True), [True, False])
    assert dict(found) == {
        "dead": "purged",
        "early": "purged",
        "ended": "ended",
        "live": "live",
        "purged": "purged",
    }


def test_no_column_takes_bytes() -> None:
    for table in METADATA.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, LargeBinary), column
            assert not {"embedding", "baseline", "audio", "text", "number"} & {column.name}


def test_the_file_is_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    store.keys.create("acme", ["read"])
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    store.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://db/x", "mysql is not supported"),
        ("tonfall.db", "it cannot be read"),
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("sqlite:///a.db?mode=ro", "SQLite needs a file, and no options"),
    ],
)
def test_another_kind_of_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Store.open(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret-word@127.0.0.1:9/x",
        "postgresql://me@127.0.0.1:9/x?password=secret-word",
    ],
)
def test_a_server_that_is_not_there_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ServiceError, match="cannot be used now") as found:
        Store.open(url)
    assert found.value.retry
    assert "secret-word" not in str(found.value)
    assert "127.0.0.1" in str(found.value)


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tonfall.db"
    path.write_bytes(b"this is no database, but a text of some length" * 50)
    with pytest.raises(ServiceError, match="file is not a database") as found:
        Store.open(f"sqlite:///{path}")
    assert not found.value.retry


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be opened"):
        Store.open(f"sqlite:///{tmp_path}/file/tonfall.db")
