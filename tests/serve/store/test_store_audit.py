"""The audit's chain: whatever is changed, taken out or cut off is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from tonfall.serve.store import EVERYBODY, Retention, Store
from tonfall.serve.store.schema import audit


def filled(store: Store, lines: int = 6) -> None:
    for number in range(lines):
        details = {"b": number, "a": {"y": 1.5, "x": [1, "ü"]}}
        store.audit("acme" if number % 2 else "rival", "key-1", "view", f"call {number}", details)


def test_the_chain_holds(store: Store) -> None:
    assert store.verify_audit().intact
    filled(store)
    check = store.verify_audit()
    assert (check.intact, check.lines) == (True, 6)
    assert check.head == store.audit_lines("acme")[-1].hash
    assert [line.subject for line in store.audit_lines("rival", after=1)] == ["call 2", "call 4"]


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "key-2"},
        {"details": {"b": 99}},
        {"tenant": "rival"},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_changed_line_is_found(store: Store, change: dict[str, object]) -> None:
    filled(store)
    with store.database.writing() as connection:
        connection.execute(update(audit).where(audit.c.id == 4).values(**change))
    check = store.verify_audit()
    assert (check.broken_at, check.reason) == (4, "its content was changed")


@pytest.mark.parametrize(("gone", "broken_at"), [(1, 2), (3, 4), (6, 6)])
def test_a_missing_line_is_found(store: Store, gone: int, broken_at: int) -> None:
    filled(store)
    with store.database.writing() as connection:
        connection.execute(delete(audit).where(audit.c.id == gone))
    assert store.verify_audit().broken_at == broken_at


def test_an_empty_chain_that_was_not_empty_is_found(store: Store) -> None:
    filled(store)
    with store.database.writing() as connection:
        connection.execute(delete(audit))
    check = store.verify_audit()
    assert not check.intact
    assert check.reason == "all lines are missing"


def test_retention_shortens_the_chain_and_it_still_holds(store: Store) -> None:
    filled(store)
    old = datetime.now(UTC) + timedelta(days=401)
    counts = store.retain(old, Retention())
    assert counts.audit == 6
    check = store.verify_audit()
    assert (check.intact, check.lines) == (True, 2)
    actions = [line.action for line in store.audit_lines(EVERYBODY)]
    assert actions == ["audit.shortened", "retention"]
    filled(store, 2)
    assert store.verify_audit().intact
    with store.database.writing() as connection:  # the line that vouches for the beginning
        connection.execute(delete(audit).where(audit.c.action == "audit.shortened"))
    assert store.verify_audit().reason == "lines before it are missing"


def test_a_line_holds_its_time_to_the_microsecond(store: Store) -> None:
    before = datetime.now(UTC)
    store.audit("acme", "key-1", "view", "call 1")
    (line,) = store.audit_lines("acme")
    assert before <= line.at <= datetime.now(UTC)
    assert line.at.tzinfo is UTC
