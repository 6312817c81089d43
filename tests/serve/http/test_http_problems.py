"""What clients are told of errors of ours: a sentence, and nothing of what lies behind it."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError
from store_calls import MadeCall

from tonfall.errors import ServiceError
from tonfall.serve.http.problems import told
from tonfall.serve.store import Store, Writer
from tonfall.serve.store.database import Database

SAYS = 'connection to server at "10.1.2.3", port 5432 failed'
AWAY = OperationalError("SELECT secret", {}, sqlite3.OperationalError(SAYS))
REFUSES = ProgrammingError("SELECT secret", {}, sqlite3.ProgrammingError(SAYS))


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [(AWAY, 503, {"Retry-After": "5"}), (REFUSES, 500, {})],
    ids=["away", "refuses"],
)
def test_what_the_database_says_is_for_the_log_alone(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    headers: dict[str, str],
) -> None:
    database = Database(f"sqlite:///{tmp_path}/tonfall.db")
    with caplog.at_level(logging.WARNING):
        problem = told(database.told(error))
    database.close()
    assert (problem.status_code, problem.headers) == (status, headers)
    for secret in ("10.1.2.3", "SELECT", "tonfall.db", "sqlite"):
        assert secret not in str(problem.detail)
    assert str(tmp_path) in caplog.text


def test_a_change_that_waits_or_is_refused_names_no_database(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/tonfall.db")
    writer, call = Writer(store), MadeCall()
    writer.write_now(call.opened(), timeout_s=60)
    with pytest.raises(ServiceError, match="The change was not taken") as refused:
        writer.write_now(call.opened(), timeout_s=60)
    with (
        store.database.writing(),
        pytest.raises(ServiceError, match=r"did not answer within 0\.2 s") as late,
    ):
        writer.write_now(call.alert(), timeout_s=0.2)
    writer.close(60)
    store.close()
    for error in (refused.value, late.value):
        assert "sqlite" not in str(told(error).detail)
