"""What is kept of a person, for that person (right of access) or for one's own study.

A folder with ``calls.json``, which can be read by anyone, and a Parquet table of each kind for
programs. It holds scores and times, as the store does; it is as personal as they are. What is kept
of a tenant's calls together and of no single one, the curves that budgets of alerts are held
against, is in ``alert_budgets.json``, where neither a call nor a caller was asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.store.curves import curves_of
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog
from tonfall.serve.store.payloads import (
    alert_payload,
    call_payload,
    stamp,
    turn_payload,
    window_payload,
)
from tonfall.serve.store.priors import priors_of
from tonfall.serve.store.reading import with_channels
from tonfall.serve.store.rows import CallRow, Counts, WindowRow, alert_row, turn_row, window_row
from tonfall.serve.store.schema import alerts, calls, turns, windows

__all__ = ["Export", "export"]

ROWS_AT_ONCE = 5000
CALLS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Export:
    """What was written, and where."""

    files: tuple[Path, ...]
    counts: Counts


def export(
    database: Database,
    tenant: str,
    folder: Path,
    *,
    call: str | None,
    caller: str | None,
    since: datetime | None,
    until: datetime | None,
    actor: str,
) -> Export:
    """Write the files; a line in the audit says that it was done.

    Raises:
        ConfigError: call and caller were both given, or the folder holds something already.
        ServiceError: the files cannot be written.
    """
    if call is not None and caller is not None:
        raise ConfigError("An export is of a call or of a caller, and not of both.")
    asked = _asked(tenant, call, caller, since, until)
    try:
        _prepare(folder)
        with database.reading() as connection:
            done = _write(connection, asked, folder)
            if call is None and caller is None:
                done = replace(done, files=(*done.files, _write_curves(connection, tenant, folder)))
                done = _with_priors(done, priors_of(connection, tenant), folder / "priors.json")
    except OSError as error:
        text = f"The export cannot be written to {folder} ({error.strerror})."
        raise ServiceError(f"{text} Check the folder and the room on its disk.") from error
    _note(database, tenant, actor, call, caller, done.counts)
    return done


def _with_priors(done: Export, priors: Sequence[Mapping[str, Any]], path: Path) -> Export:
    """What was learnt of the tenant's lines, which belongs to no caller."""
    text = _Text(path)
    try:
        for prior in priors:
            text.add(prior)
    finally:
        text.close()
    return Export((*done.files, path), done.counts + Counts(priors=len(priors)))


def _asked(
    tenant: str,
    call: str | None,
    caller: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Select[Any]:
    query = select(calls).where(calls.c.tenant == tenant)
    query = query if call is None else query.where(calls.c.id == call)
    query = query if caller is None else query.where(calls.c.caller == caller)
    query = query if since is None else query.where(calls.c.at >= since)
    return query if until is None else query.where(calls.c.at < until)


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty. Name a new folder for the export.")


def _note(
    database: Database,
    tenant: str,
    actor: str,
    call: str | None,
    caller: str | None,
    counts: Counts,
) -> None:
    subject = f"call {call}" if call else "caller" if caller else "calls"
    found = {name: count for name, count in counts.as_dict().items() if count}
    with database.writing() as connection:
        log = AuditLog(connection)
        log.add(tenant=tenant, actor=actor, action="export", subject=subject, details=found)
        log.finish()


def _write(connection: Connection, asked: Select[Any], folder: Path) -> Export:
    tables = {name: _Parquet(folder / f"{name}.parquet", name) for name in SCHEMAS}
    text = _Text(folder / "calls.json")
    counts = Counts()
    try:
        for some in _in_parts(connection, asked):
            for call in some:
                counts += _write_call(connection, call, tables, text)
    finally:
        text.close()
        for table in tables.values():
            table.close()
    return Export((text.path, *(table.path for table in tables.values())), counts)


def _write_curves(connection: Connection, tenant: str, folder: Path) -> Path:
    path = folder / "alert_budgets.json"
    rows = [{**asdict(row), "at": stamp(row.at)} for row in curves_of(connection, tenant)]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(rows, file, indent=2)
    return path


def _in_parts(connection: Connection, asked: Select[Any]) -> Iterator[Sequence[CallRow]]:
    last = ""
    while True:
        query = asked.where(calls.c.id > last).order_by(calls.c.id).limit(CALLS_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return
        yield with_channels(connection, rows)
        last = rows[-1].id


def _write_call(
    connection: Connection, call: CallRow, tables: Mapping[str, _Parquet], text: _Text
) -> Counts:
    told = {**call_payload(call), "caller": call.caller}
    tables["calls"].add([_call_columns(call)])
    heard = {
        "windows": [
            {"at": stamp(row.at), **_window(row, call)}
            for row in map(window_row, _rows(connection, windows, call))
        ],
        "turns": [
            {"at": stamp(row.at), **turn_payload(row.turn, call.labels)}
            for row in map(turn_row, _rows(connection, turns, call))
        ],
        "alerts": [
            alert_payload(alert_row(row))
            for row in connection.execute(_mine(alerts, call).order_by(alerts.c.at, alerts.c.id))
        ],
    }
    for name, rows in heard.items():
        tables[name].add([{"call": call.id, **row} for row in rows])
    text.add({**told, **heard})
    return Counts(calls=1, **{name: len(rows) for name, rows in heard.items()})


def _window(row: WindowRow, call: CallRow) -> dict[str, Any]:
    return window_payload(row.window, row.smoothed, row.trend, call.labels)


def _mine(table: Table, call: CallRow) -> Select[Any]:
    return select(table).where(table.c.call == call.id, table.c.tenant == call.tenant)


def _rows(connection: Connection, table: Table, call: CallRow) -> Iterator[Any]:
    query = _mine(table, call).order_by(table.c.id)
    with connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
        yield from rows


def _call_columns(call: CallRow) -> dict[str, Any]:
    told = call_payload(call)
    nested = ("channels", "labels", "speakers", "counters")
    texts = {name: json.dumps(told.pop(name), ensure_ascii=False) for name in nested}
    return {**told, **texts, "caller": call.caller}


class _Text:
    """A JSON list, written call by call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
        self._lead = "[\n"

    def add(self, call: Mapping[str, object]) -> None:
        self._file.write(self._lead + json.dumps(call, ensure_ascii=False, indent=2))
        self._lead = ",\n"

    def close(self) -> None:
        self._file.write("[]\n" if self._lead == "[\n" else "\n]\n")
        self._file.close()


STRING, NUMBER, WHOLE, YES = "string", "double", "int64", "bool"
HEARD = {
    "call": STRING,
    "at": STRING,
    "channel": WHOLE,
    "speaker": STRING,
    "start": NUMBER,
    "end": NUMBER,
    "label": STRING,
    "guess": STRING,
    "confidence": NUMBER,
    "probabilities": "map",
    "arousal": NUMBER,
    "valence": NUMBER,
    "dominance": NUMBER,
}
SCHEMAS: dict[str, dict[str, str]] = {
    "calls": {
        "id": STRING,
        "state": STRING,
        "at": STRING,
        "ended_at": STRING,
        "purged_at": STRING,
        "carrier": STRING,
        "external_id": STRING,
        "caller": STRING,
        "channels": STRING,
        "sampling_rate": WHOLE,
        "model": STRING,
        "model_hash": STRING,
        "prior": STRING,
        "labels": STRING,
        "notice": STRING,
        "reason": STRING,
        "complete": YES,
        "seconds": NUMBER,
        "overlap_s": NUMBER,
        "silence_s": NUMBER,
        "mixed_s": NUMBER,
        "shed": WHOLE,
        "speakers": STRING,
        "counters": STRING,
    },
    "windows": {
        **HEARD,
        "speech_ratio": NUMBER,
        "snr_db": NUMBER,
        "heard": NUMBER,
        "smoothed": "map",
        "trend": STRING,
    },
    "turns": {**HEARD, "short": YES},
    "alerts": {
        "call": STRING,
        "alert": STRING,
        "at": STRING,
        "rule": STRING,
        "severity": STRING,
        "channel": WHOLE,
        "speaker": STRING,
        "seconds": NUMBER,
        "evidence": "map",
        "threshold_origin": STRING,
        "state": STRING,
        "moved_at": STRING,
        "moved_by": STRING,
        "note": STRING,
    },
}
"""Columns of each table; moments are ISO 8601 in UTC, as in the JSON."""


class _Parquet:
    """A Parquet file, written some rows at a time."""

    def __init__(self, path: Path, name: str) -> None:
        import pyarrow
        import pyarrow.parquet

        self.path = path
        self._pyarrow = pyarrow
        self._columns = SCHEMAS[name]
        kinds = {"map": pyarrow.map_(pyarrow.string(), pyarrow.float64())}
        fields = [
            (column, kinds.get(kind) or pyarrow.type_for_alias(kind))
            for column, kind in self._columns.items()
        ]
        self._schema = pyarrow.schema(fields)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, each by column name."""
        if not rows:
            return
        plain = [{name: _plain(row[name]) for name in self._columns} for row in rows]
        self._writer.write_table(self._pyarrow.Table.from_pylist(plain, schema=self._schema))

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


def _plain(value: Any) -> Any:
    """What Parquet takes: a mapping as its items."""
    return list(value.items()) if isinstance(value, Mapping) else value
