"""Objection, erasure and retention: what is deleted is gone, counted, and does not come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from store_calls import START, MadeCall

from tonfall.errors import ConfigError
from tonfall.serve.records import CallPurged, Notice, StoredEvent
from tonfall.serve.store import (
    EVERYBODY,
    CallState,
    Counts,
    GoneError,
    IllegalMoveError,
    Retention,
    Store,
    Writer,
    caller_hash,
)

NewWriter = Callable[..., Writer]
CALLER = caller_hash("0123456789abcdef", "acme", "+49 170 1234567")


def hook(change: object) -> list[str]:
    return ["hook"]


def heard(writer: Writer, call: MadeCall, *, closed: bool = True) -> None:
    """A call with two windows, a turn, an alert and its delivery."""
    writer.submit(call.opened())
    for change in (call.window(0), call.window(1), call.turn(), call.alert()):
        writer.submit(change)
    writer.write_now(call.closed() if closed else call.window(2))


def test_an_objection_deletes_what_was_judged(store: Store, new_writer: NewWriter) -> None:
    call, other = MadeCall(caller=CALLER), MadeCall()
    writer = new_writer(sinks=hook)
    heard(writer, other)
    heard(writer, call, closed=False)
    event = writer.write_now(call.purged())
    assert event.payload == {
        "reason": "objection",
        "by": "key-1",
        "deleted": {"windows": 3, "turns": 1, "alerts": 1, "events": 6, "deliveries": 1},
    }
    assert store.windows("acme", call.id) == ()
    assert store.turns("acme", call.id) == ()
    assert store.alerts("acme", call=call.id).items == ()
    assert store.events("acme", after=0, call=call.id) == [event]
    assert store.deliveries.count() == 1  # that of the other call
    assert store.objections.has("acme", CALLER)
    assert not store.objections.has("rival", CALLER)
    assert len(store.windows("acme", other.id)) == 2


def test_nothing_comes_after_a_purge_but_the_end(store: Store, new_writer: NewWriter) -> None:
    call, writer = MadeCall(caller=CALLER), new_writer()
    writer.submit(call.opened())
    writer.submit(call.window())
    writer.submit(call.purged())
    writer.submit(call.window(1))  # in the same transaction
    writer.submit(call.alert())
    closed = writer.write_now(call.closed())
    with pytest.raises(GoneError, match="was purged"):
        writer.write_now(call.window(2))
    assert closed.payload["speakers"] == []
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.caller, row.external_id, row.speakers) == (
        CallState.PURGED,
        None,
        "",
        (),
    )
    assert row.seconds == 30.0
    assert store.windows("acme", call.id) == ()


def test_a_purge_without_objection_puts_nobody_on_the_list(
    store: Store, new_writer: NewWriter
) -> None:
    call, writer = MadeCall(caller=CALLER), new_writer()
    writer.submit(call.opened())
    writer.write_now(call.purged("erasure"))
    assert not store.objections.has("acme", CALLER)
    row = store.call("acme", call.id)
    assert row is not None
    assert row.notice is Notice.GIVEN
    assert store.erase("acme", caller=CALLER, actor="officer").calls == 1


def test_an_objection_refuses_the_notice_of_a_call_that_is_over(
    store: Store, new_writer: NewWriter
) -> None:
    call, writer = MadeCall(caller=CALLER), new_writer()
    heard(writer, call)
    writer.write_now(call.purged())
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.notice, row.overlap_s, row.silence_s) == (Notice.REFUSED, None, None)


@pytest.mark.parametrize("together", [False, True])
def test_consent_that_comes_after_a_refusal_is_left_out(
    store: Store, new_writer: NewWriter, together: bool
) -> None:
    call, writer = MadeCall(), new_writer(interval_s=0.3)
    writer.write_now(call.opened())
    write = writer.submit if together else writer.write_now
    write(call.purged())
    with pytest.raises(IllegalMoveError, match="is refused, which cannot become consented"):
        writer.write_now(call.notice(Notice.CONSENTED))
    row = store.call("acme", call.id)
    assert row is not None
    assert row.notice is Notice.REFUSED


def test_a_call_of_a_caller_who_objected_is_purged_as_it_opens(
    store: Store, new_writer: NewWriter
) -> None:
    told: list[StoredEvent] = []
    call, other = MadeCall(caller=CALLER), MadeCall("rival", caller=CALLER)
    store.objections.add("acme", CALLER, actor="key-1")
    writer = new_writer(on_committed=told.extend, interval_s=0.3)
    writer.write_now(other.opened())
    for change in (call.opened(), call.window()):
        writer.submit(change)
    with pytest.raises(GoneError, match="was purged"):
        writer.write_now(call.window(1))
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.notice, row.caller) == (CallState.PURGED, Notice.REFUSED, None)
    assert store.windows("acme", call.id) == ()
    until_told = [(event.kind, event.call) for event in told]
    assert until_told[:1] == [("call.opened", other.id)]
    assert ("call.purged", call.id) in until_told
    assert writer.write_now(other.window()).kind == "window"


def test_no_call_slips_by_a_caller_who_objects_meanwhile(
    store: Store, new_writer: NewWriter
) -> None:
    writer = new_writer(interval_s=0.001)
    for number in range(20):
        call = MadeCall(caller=f"{number:064d}")
        opening = threading.Thread(target=writer.write_now, args=(call.opened(),))
        opening.start()
        store.objections.add("acme", f"{number:064d}", actor="key-1")
        page = store.calls("acme", state=CallState.LIVE, caller=f"{number:064d}")
        opening.join()
        row = store.call("acme", call.id)
        assert row is not None
        assert page.items or row.state is CallState.PURGED


def test_erasure_of_a_call_leaves_an_audit_line_only(store: Store, new_writer: NewWriter) -> None:
    call, writer = MadeCall(caller=CALLER), new_writer(sinks=hook)
    heard(writer, call)
    counts = store.erase("acme", call=call.id, actor="officer")
    assert counts == Counts(calls=1, windows=2, turns=1, alerts=1, events=6, deliveries=1)
    assert store.call("acme", call.id) is None
    assert [event.kind for event in store.events("acme", after=0)] == ["call.purged"]
    line = store.audit_lines("acme")[-1]
    assert (line.actor, line.action, line.subject) == ("officer", "erasure", f"call {call.id}")
    assert line.details["windows"] == 2
    assert store.erase("acme", call=call.id, actor="officer").total == 0


def test_erasure_of_a_caller_takes_all_calls(store: Store, new_writer: NewWriter) -> None:
    writer = new_writer()
    mine = [MadeCall(caller=CALLER) for _ in range(3)]
    other = MadeCall(caller="e" * 64)
    for call in (*mine, other):
        heard(writer, call)
    counts = store.erase("acme", caller=CALLER, actor="officer")
    assert (counts.calls, counts.windows) == (3, 6)
    assert [row.id for row in store.calls("acme").items] == [other.id]
    told = store.audit_lines("acme")[-1]
    assert told.subject == "caller"
    assert CALLER not in str(told)


def test_a_live_call_that_was_erased_stays_erased(store: Store, new_writer: NewWriter) -> None:
    call, writer = MadeCall(), new_writer()
    heard(writer, call, closed=False)
    store.erase("acme", call=call.id, actor="officer")
    for change in (call.window(3), call.closed()):
        with pytest.raises(GoneError, match="or it was erased"):
            writer.write_now(change)
    assert store.windows("acme", call.id) == ()


def test_erasure_needs_one_of_call_and_caller(store: Store) -> None:
    for asked in ({}, {"call": "a", "caller": "b"}):
        with pytest.raises(ConfigError, match="needs a call or a caller, and not both"):
            store.erase("acme", actor="officer", **asked)


def test_what_was_erased_is_nowhere_in_the_files_of_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    writer = Writer(store)
    call = MadeCall(caller=CALLER)
    heard(writer, call)
    writer.close()
    pattern = b"CA2f7c0011223344556677889900aabbcc"
    assert any(pattern in path.read_bytes() for path in tmp_path.iterdir())
    store.erase("acme", call=call.id, actor="officer")
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert pattern not in content, path.name
        assert CALLER.encode() not in content, path.name
        assert b"worsening" not in content, path.name
    store.close()


def test_each_kind_goes_in_its_own_time(store: Store, new_writer: NewWriter) -> None:
    writer = new_writer(sinks=hook)
    limits = Retention(windows=5, turns=10, alerts=15, calls=20, events=2, deliveries=3)
    call = MadeCall()
    heard(writer, call)

    def left(days: float) -> tuple[int, ...]:
        store.retain(call.closed().at + timedelta(days=days, minutes=5), limits)
        row = store.call("acme", call.id)
        return (
            len(store.windows("acme", call.id)),
            len(store.turns("acme", call.id)),
            len(store.alerts("acme", call=call.id).items),
            int(row is not None),
            len(store.events("acme", after=0)),
            store.deliveries.count(),
        )

    assert left(1) == (2, 1, 1, 1, 6, 1)
    assert left(2) == (2, 1, 1, 1, 0, 1)
    assert left(3) == (2, 1, 1, 1, 0, 0)
    assert left(5) == (0, 1, 1, 1, 0, 0)
    assert left(10) == (0, 0, 1, 1, 0, 0)
    assert left(15) == (0, 0, 0, 1, 0, 0)
    assert left(20) == (0, 0, 0, 0, 0, 0)


def test_nothing_goes_while_a_call_is_live(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(), MadeCall()
    heard(writer, call, closed=False)
    store.retain(START + timedelta(hours=23), Retention(windows=0.1, turns=0.1, alerts=0.1))
    assert len(store.windows("acme", call.id)) == 3
    assert len(store.turns("acme", call.id)) == 1


@pytest.mark.parametrize("purged", [False, True])
def test_a_call_whose_end_was_never_written_goes_too(
    store: Store, new_writer: NewWriter, purged: bool
) -> None:
    writer, call = new_writer(), MadeCall()
    heard(writer, call, closed=False)
    if purged:
        writer.write_now(call.purged())
    store.retain(START + timedelta(days=31) - timedelta(hours=1))
    assert store.call("acme", call.id) is not None
    store.retain(START + timedelta(days=31, minutes=1))
    assert store.call("acme", call.id) is None
    assert store.windows("acme", call.id) == ()


def test_when_a_call_was_purged_stands_apart_from_its_end(
    store: Store, new_writer: NewWriter
) -> None:
    writer, during, after = new_writer(), MadeCall(), MadeCall()
    heard(writer, during, closed=False)
    heard(writer, after)
    facts = []
    for call in (during, after):
        writer.write_now(call.purged())
        row = store.call("acme", call.id)
        assert row is not None
        facts.append((row.state, row.ended_at, row.purged_at, row.reason))
    assert facts == [
        (CallState.PURGED, None, during.purged().at, None),
        (CallState.PURGED, after.closed().at, after.purged().at, "hung up"),
    ]
    for state, found in zip(CallState, ([], [], [during.id, after.id]), strict=True):
        page = store.calls("acme", state=state)
        assert sorted(row.id for row in page.items) == sorted(found), state


def test_retention_says_in_the_audit_what_it_did(store: Store, new_writer: NewWriter) -> None:
    writer = new_writer()
    for _ in range(60):
        writer.submit(MadeCall(at=START + timedelta(days=3)).opened())
    call = MadeCall()
    heard(writer, call)
    counts = store.retain(call.closed().at + timedelta(days=31))
    assert counts == Counts(calls=1, windows=2, turns=1, alerts=1, events=66)
    line = store.audit_lines(EVERYBODY)[-1]
    assert line.action == "retention"
    assert line.details == {"calls": 1, "windows": 2, "turns": 1, "alerts": 1, "events": 66}


def test_events_are_numbered_on_after_all_were_deleted(store: Store, new_writer: NewWriter) -> None:
    writer, call = new_writer(), MadeCall()
    writer.submit(call.opened())
    writer.write_now(call.window())
    store.retain(START + timedelta(days=2))
    assert store.events("acme", after=0) == []
    assert store.first_event() == 3
    assert writer.write_now(call.closed()).id == 3


def test_limits_that_break_the_law_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 184"):
        Retention(audit=30)
    with pytest.raises(ConfigError, match="retention of windows: the days must be more than 0"):
        Retention(windows=0)


def test_the_list_of_objections(store: Store) -> None:
    assert store.objections.add("acme", CALLER, actor="key-1")
    assert not store.objections.add("acme", CALLER, actor="key-1")
    assert store.objections.count("acme") == 1
    assert store.objections.count("rival") == 0
    assert store.objections.remove("acme", CALLER, actor="key-1")
    assert not store.objections.has("acme", CALLER)
    assert CALLER not in str(store.audit_lines("acme"))


def test_a_purge_of_a_call_of_others_is_left_out(store: Store, new_writer: NewWriter) -> None:
    call, writer = MadeCall(), new_writer()
    heard(writer, call)
    stranger = CallPurged(call.id, "rival", START, "objection", "key-2")
    with pytest.raises(GoneError, match="There is no call"):
        writer.write_now(stranger)
    assert len(store.windows("acme", call.id)) == 2
