"""The writer: in order, once, grouped, and never silent about what it could not do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from store_calls import MadeCall

from tonfall.errors import ServiceError
from tonfall.serve.records import AlertState, StoredEvent
from tonfall.serve.store import (
    CallState,
    GoneError,
    IllegalMoveError,
    Store,
    Writer,
    WriterState,
)
from tonfall.serve.store import writer as writing

NewWriter = Callable[..., Writer]


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_lone_change_is_written_at_once(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(interval_s=600.0), MadeCall()
    writer.submit(call.opened())
    until(lambda: store.calls("acme").items)


def test_many_changes_are_written_together(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(interval_s=2.0), MadeCall()
    writer.write_now(call.opened())
    for number in range(200):
        writer.submit(call.window(number))
    until(lambda: writer.counters().written == 201)
    assert writer.counters().commits <= 4
    assert [row.window.heard for row in store.windows("acme", call.id)] == [*map(float, range(200))]


def test_what_is_awaited_does_not_wait_for_the_interval(new_writer: NewWriter) -> None:
    writer, call = new_writer(interval_s=60.0), MadeCall()
    writer.write_now(call.opened())
    begin = time.monotonic()
    writer.write_now(call.closed())
    assert time.monotonic() - begin < 30


def test_changes_keep_their_order_across_kinds(store: Store, new_writer: NewWriter) -> None:
    writer, one, two = new_writer(interval_s=0.3), MadeCall(), MadeCall()
    writer.write_now(one.opened())
    alert = two.alert()
    for change in (one.window(), two.opened(), two.window(), alert, one.window(1)):
        writer.submit(change)
    writer.submit(two.moved(alert, AlertState.FALSE_ALARM))
    writer.write_now(two.closed())
    assert [(event.kind, event.call) for event in store.events("acme", after=1)] == [
        ("window", one.id),
        ("call.opened", two.id),
        ("window", two.id),
        ("alert.opened", two.id),
        ("window", one.id),
        ("alert.moved", two.id),
        ("call.closed", two.id),
    ]


def test_an_alert_cannot_go_back(new_writer: NewWriter) -> None:
    writer, call = new_writer(), MadeCall()
    alert = call.alert()
    writer.submit(call.opened())
    writer.submit(alert)
    writer.write_now(call.moved(alert, AlertState.RESOLVED))
    with pytest.raises(IllegalMoveError, match="is resolved: it cannot become acknowledged"):
        writer.write_now(call.moved(alert, AlertState.ACKNOWLEDGED))
    with pytest.raises(GoneError, match="There is no alert"):
        writer.write_now(replace(call.moved(alert, AlertState.RESOLVED), tenant="rival"))
    assert writer.counters().left_out == 2


def test_what_belongs_to_no_call_is_left_out(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(), MadeCall()
    with pytest.raises(GoneError, match="There is no call"):
        writer.write_now(call.window())
    writer.write_now(call.opened())
    with pytest.raises(GoneError, match="There is no call"):
        writer.write_now(replace(call.window(), tenant="rival"))
    assert store.windows("acme", call.id) == ()


def test_a_bad_row_does_not_hold_up_the_others(store: Store, new_writer: NewWriter) -> None:
    writer, one, two = new_writer(interval_s=0.3), MadeCall(), MadeCall()
    writer.write_now(one.opened())
    bad = replace(one.alert(), evidence={"level": float("nan")})
    for change in (two.opened(), one.opened(), bad, two.window(), one.window()):
        writer.submit(change)
    writer.write_now(two.window(1))
    assert len(store.windows("acme", one.id)) == 1
    assert len(store.windows("acme", two.id)) == 2
    counters = writer.counters()
    assert (counters.broken, counters.left_out, counters.written) == (2, 0, 5)
    with pytest.raises(ServiceError, match="The change was not taken"):
        writer.write_now(one.opened())
    assert store.verify_audit().intact


def test_a_listener_that_fails_does_not_stop_the_writer(
    store: Store, new_writer: NewWriter, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(events: object) -> None:
        raise RuntimeError("boom")

    writer, call = new_writer(on_committed=fail), MadeCall()
    writer.write_now(call.opened())
    writer.write_now(call.closed())
    assert store.last_event() == 2
    assert "a listener of the writer failed" in caplog.text


def test_a_full_backlog_refuses_windows_first(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(backlog=8), MadeCall()
    writer.write_now(call.opened())
    with store.database.raw_writing() as connection:  # holds the lock that the writer needs
        from tonfall.serve.store.logs import EventLog

        EventLog(connection)
        for number in range(8):
            writer.submit(call.window(number))
        with pytest.raises(ServiceError, match="no more are taken") as refused:
            writer.submit(call.window(8))
        assert refused.value.retry
        for _ in range(3):
            writer.submit(call.alert())
        with pytest.raises(ServiceError, match="no more are taken"):
            writer.submit(call.alert())
        writer.submit(call.closed())  # or the call would be live for ever
    until(lambda: writer.counters().waiting == 0)
    row = store.call("acme", call.id)
    assert row is not None
    assert row.state is CallState.ENDED
    assert len(store.windows("acme", call.id)) == 8
    assert len(store.alerts("acme").items) == 3
    assert writer.counters().refused == 2


@pytest.mark.parametrize("really", [True, False])
def test_a_commit_whose_answer_is_lost_is_done_once(
    store: Store, new_writer: NewWriter, monkeypatch: pytest.MonkeyPatch, really: bool
) -> None:
    writer, call, seen = new_writer(), MadeCall(), []
    writer.write_now(call.opened())
    dialect = store.database.engine.dialect
    commit, lost = dialect.do_commit, []

    def lose_once(connection: object) -> None:
        if threading.current_thread().name != "tonfall-writer" or lost:
            return commit(connection)  # type: ignore[arg-type]
        lost.append(True)
        if really:
            commit(connection)  # type: ignore[arg-type]
        raise OperationalError("COMMIT", {}, Exception("connection lost"))

    monkeypatch.setattr(dialect, "do_commit", lose_once)
    for number in range(3):
        writer.submit(call.window(number))
    seen.append(writer.write_now(call.alert()))
    assert lost
    assert len(store.windows("acme", call.id)) == 3
    assert len(store.alerts("acme").items) == 1
    assert [event.id for event in store.events("acme", after=0)] == [1, 2, 3, 4, 5]
    assert seen[0].id == 5
    assert writer.counters().failures == 1
    assert writer.state == WriterState.WRITING


def test_what_is_written_as_its_time_runs_out_is_told_as_written(
    new_writer: NewWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, withdraw = writing._Waiting.settle, Writer._withdraw
    written, given_up = threading.Event(), threading.Event()

    def settle_late(waiting: writing._Waiting, outcome: StoredEvent) -> None:
        written.set()
        assert given_up.wait(60)
        settle(waiting, outcome)

    def withdraw_late(writer: Writer, waiting: writing._Waiting, timeout_s: float) -> None:
        assert written.wait(60)
        given_up.set()
        withdraw(writer, waiting, timeout_s)

    writer = new_writer()
    monkeypatch.setattr(writing._Waiting, "settle", settle_late)
    monkeypatch.setattr(Writer, "_withdraw", withdraw_late)
    assert writer.write_now(MadeCall().opened(), timeout_s=0.01).kind == "call.opened"


@pytest.mark.parametrize("really", [True, False])
def test_a_lost_commit_of_a_call_that_was_purged_in_it_is_done_once(
    store: Store, new_writer: NewWriter, monkeypatch: pytest.MonkeyPatch, really: bool
) -> None:
    store.objections.add("acme", "c" * 64, actor="key-1")
    writer, call = new_writer(), MadeCall(caller="c" * 64)
    dialect = store.database.engine.dialect
    commit, lost = dialect.do_commit, []

    def lose_once(connection: object) -> None:
        if threading.current_thread().name != "tonfall-writer" or lost:
            return commit(connection)  # type: ignore[arg-type]
        lost.append(True)
        if really:
            commit(connection)  # type: ignore[arg-type]
        raise OperationalError("COMMIT", {}, Exception("connection lost"))

    monkeypatch.setattr(dialect, "do_commit", lose_once)
    writer.write_now(call.opened())
    assert lost
    assert [event.id for event in store.events("acme", after=0)] == [2]
    assert writer.counters().broken == 0


def test_closing_writes_what_waits(store: Store) -> None:
    writer, call = Writer(store, interval_s=5.0), MadeCall()
    writer.write_now(call.opened())
    for number in range(20):
        writer.submit(call.window(number))
    writer.close()
    assert writer.state == WriterState.CLOSED
    assert len(store.windows("acme", call.id)) == 20
    with pytest.raises(ServiceError, match="closing"):
        writer.submit(call.window(20))


def test_many_threads_may_submit(store: Store, new_writer: NewWriter) -> None:
    writer = new_writer()
    made = [MadeCall() for _ in range(4)]

    def work(call: MadeCall) -> None:
        writer.submit(call.opened())
        for number in range(100):
            writer.submit(call.window(number))
        writer.write_now(call.closed())

    threads = [threading.Thread(target=work, args=(call,)) for call in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for call in made:
        heard = [row.window.heard for row in store.windows("acme", call.id)]
        assert heard == [*map(float, range(100))]
    assert [event.id for event in store.events("acme", after=0)] == [*range(1, 409)]
