"""The audit's chain: whatever is changed, taken out or cut off is found."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, text, update

from tonfall.serve.store import EVERYBODY, Keeper, Retention, Store
from tonfall.serve.store.auditing import PAGE, LastCheck, verify
from tonfall.serve.store.logs import AuditLog
from tonfall.serve.store.schema import EPOCH, audit, jobs

PATIENCE_S = 60.0


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


@pytest.mark.parametrize("content", ["{", "NaN", "[1]", "[" * 100_000])
def test_a_line_that_cannot_be_read_is_found(store: Store, content: str) -> None:
    filled(store)
    spoil(store, 2, content)
    check = store.verify_audit()
    assert (check.lines, check.broken_at) == (1, 2)
    assert check.reason.startswith("its content ")


def test_a_time_that_cannot_be_read_is_found(store: Store) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL takes nothing but a time")
    filled(store)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE audit SET at = 'noon' WHERE id = 2"))
    check = store.verify_audit()
    assert (check.broken_at, check.reason) == (2, "its content cannot be read")


def spoil(store: Store, line: int, details: str) -> None:
    with store.database.writing() as connection:
        change = text("UPDATE audit SET details = :details WHERE id = :line")
        connection.execute(change, {"details": details, "line": line})


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


def long(store: Store, lines: int = 2 * PAGE + 10) -> None:
    with store.database.writing() as connection:
        log = AuditLog(connection)
        for number in range(lines):
            log.add(tenant="acme", actor="key-1", action="view", subject=f"call {number}")
        log.finish()


def change(store: Store, line: int) -> None:
    with store.database.writing() as connection:
        connection.execute(update(audit).where(audit.c.id == line).values(actor="key-2"))


@pytest.mark.parametrize("line", [PAGE, PAGE + 1, 2 * PAGE + 10])
def test_a_long_chain_is_checked_to_its_end(store: Store, line: int) -> None:
    long(store)
    assert store.verify_audit().lines == 2 * PAGE + 10
    change(store, line)
    assert store.verify_audit().broken_at == line


def add_a_line(store: Store) -> None:
    store.audit("acme", "key-1", "view", "call 1")


def shorten(store: Store) -> None:
    store.retain(datetime.now(UTC) + timedelta(days=401))


@pytest.mark.parametrize("meanwhile", [add_a_line, shorten])
def test_a_chain_that_grows_or_is_shortened_during_the_check_holds(
    store: Store, meanwhile: Callable[[Store], None]
) -> None:
    long(store)
    rests: list[None] = []

    def rest() -> None:
        if not rests:
            meanwhile(store)
        rests.append(None)

    assert verify(store.database, rest=rest).intact
    assert len(rests) >= 1


def test_what_the_last_check_found_is_kept_for_all_nodes(store: Store) -> None:
    filled(store)
    assert store.last_audit_check() is None
    assert store.check_audit(rest=lambda: None).intact
    first = store.last_audit_check()
    assert first is not None
    assert first.intact
    change(store, 2)
    assert store.last_audit_check() == first  # It says how it was then.
    store.check_audit(rest=lambda: None)
    second = store.last_audit_check()
    assert second is not None
    assert (second.intact, second.at > first.at) == (False, True)
    line = store.audit_lines(EVERYBODY)[-1]
    assert (line.action, line.details["broken_at"]) == ("audit.checked", 2)


def test_a_keeper_checks_the_chain_and_logs_a_break(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    filled(store)
    change(store, 3)
    with caplog.at_level(logging.ERROR):
        keeper = Keeper(store, node="here", beat_s=0.05, timeout_s=5.0)
        until(lambda: store.last_audit_check() is not None)
        keeper.close()
    found = store.last_audit_check()
    assert found is not None
    assert not found.intact
    assert "the audit breaks at line 3: its content was changed" in caplog.text
    assert [line.action for line in store.audit_lines(EVERYBODY)].count("audit.checked") == 1


def test_a_last_check_that_cannot_be_read_is_none_to_rely_on(store: Store) -> None:
    store.check_audit(rest=lambda: None)
    spoil(store, store.audit_lines(EVERYBODY)[-1].id, "{")
    assert store.last_audit_check() == LastCheck(EPOCH, intact=False)


def test_a_keeper_goes_on_after_a_line_that_cannot_be_read(store: Store) -> None:
    filled(store)
    spoil(store, 2, "{")
    keeper = Keeper(store, node="here", beat_s=0.05, timeout_s=5.0, retain_every=timedelta(0))
    until(lambda: store.last_audit_check() is not None)
    ran = actions(store).count("retention")
    until(lambda: actions(store).count("retention") > ran)
    keeper.close()
    found = store.last_audit_check()
    assert found is not None
    assert not found.intact


def test_a_keeper_remembers_when_the_next_check_is_due(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[None] = []
    look = store.last_audit_check

    def counted() -> LastCheck | None:
        looked.append(None)
        return look()

    store.check_audit(rest=lambda: None)
    monkeypatch.setattr(store, "last_audit_check", counted)
    keeper = Keeper(store, node="here", beat_s=0.01, timeout_s=5.0, retain_every=timedelta(0))
    until(lambda: actions(store).count("retention") >= 5)
    keeper.close()
    assert len(looked) == 1


def test_a_keeper_checks_again_when_it_is_due(store: Store) -> None:
    every = timedelta(seconds=0.2)
    keeper = Keeper(store, node="here", beat_s=0.01, timeout_s=5.0, check_every=every)
    until(lambda: actions(store).count("audit.checked") >= 3)
    keeper.close()


@pytest.mark.parametrize("part", ["retain", "end_lost"])
def test_a_keeper_goes_on_after_an_error_of_ours(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    asked: list[None] = []

    def fail(**_: object) -> None:
        asked.append(None)
        raise ValueError("boom")

    monkeypatch.setattr(store, part, fail)
    keeper = Keeper(store, node="here", beat_s=0.05, timeout_s=5.0, retain_every=timedelta(0))
    until(lambda: len(asked) > 1)
    keeper.close()
    assert "by an error of ours" in caplog.text
    assert "boom" in caplog.text


def actions(store: Store) -> list[str]:
    return [line.action for line in store.audit_lines(EVERYBODY, limit=1000)]


def test_a_keeper_is_closed_in_the_middle_of_a_check(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    long(store)
    monkeypatch.setattr("tonfall.serve.store.keeping.REST_S", 600)
    keeper = Keeper(store, node="here", beat_s=0.01, timeout_s=5.0)
    until(lambda: "audit" in jobs_taken(store))
    keeper.close()
    assert store.last_audit_check() is None


def jobs_taken(store: Store) -> list[str]:
    with store.database.reading() as connection:
        return list(connection.execute(select(jobs.c.name)).scalars())


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
