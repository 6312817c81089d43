"""What was written is what is read, for its tenant alone, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from store_calls import LABELS, START, MadeCall

from tonfall.errors import ConfigError
from tonfall.serve.records import AlertState, Notice
from tonfall.serve.store import CallRow, CallState, GoneError, Store, Writer
from tonfall.serve.store.payloads import call_payload


def test_a_call_is_read_as_it_was_told(store: Store, new_writer: Callable[..., Writer]) -> None:
    call, writer = MadeCall(caller="c" * 64), new_writer()
    opened, closed = call.opened(), call.closed()
    writer.submit(opened)
    writer.write_now(closed)
    row = store.call("acme", call.id)
    assert row is not None
    for name in ("carrier", "external_id", "channels", "labels", "notice", "caller", "model_hash"):
        assert getattr(row, name) == getattr(opened, name), name
    for name in ("reason", "complete", "seconds", "speakers", "overlap_s", "shed", "counters"):
        assert getattr(row, name) == getattr(closed, name), name
    assert (row.at, row.ended_at, row.node) == (opened.at, closed.at, writer.node)
    assert row.state == CallState.ENDED


def test_a_call_whose_channels_are_heard_as_one_says_since_when(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    call, other, writer = MadeCall(), MadeCall(), new_writer()
    for change in (call.opened(), other.opened(), call.window(), call.mixed()):
        event = writer.write_now(change)
    told = call_payload(found(store, call))
    assert (told["mixed_s"], [side["scored"] for side in told["channels"]]) == (12, [False] * 2)
    assert event.kind == "call.mixed"
    assert event.payload == {name: told[name] for name in ("mixed_s", "channels")}
    assert found(store, other).mixed_s is None
    assert [side.scored for side in found(store, other).channels] == [True, False]
    assert store.audit_lines("acme")[-1].action == "call.mixed"
    writer.write_now(call.purged())
    with pytest.raises(GoneError, match="purged"):
        writer.write_now(call.mixed())


def found(store: Store, call: MadeCall) -> CallRow:
    row = store.call("acme", call.id)
    assert row is not None
    return row


def test_windows_and_turns_are_read_as_they_were_told(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    call, writer = MadeCall(), new_writer()
    windows = [call.window(number) for number in range(5)]
    writer.submit(call.opened())
    for window in windows:
        writer.submit(window)
    turns = [call.turn(number) for number in range(2)]
    for turn in turns:
        event = writer.write_now(turn)
    rows = store.windows("acme", call.id)
    assert [row.window for row in rows] == [window.window for window in windows]
    assert [row.at for row in rows] == [window.at for window in windows]
    assert {row.trend for row in rows} == {"worsening"}
    assert rows[0].smoothed == (0.5, 0.3, 0.2)
    assert store.windows("acme", call.id, after=rows[2].id) == rows[3:]
    assert [row.turn for row in store.turns("acme", call.id)] == [turn.turn for turn in turns]
    assert [turn.turn.short for turn in turns] == [False, True]
    assert event.payload["short"] is True


def test_events_tell_what_was_written(store: Store, new_writer: Callable[..., Writer]) -> None:
    call, seen = MadeCall(), []
    writer = new_writer(on_committed=seen.extend)
    for change in (call.opened(), call.window(), call.turn(), call.notice(Notice.CONSENTED)):
        writer.submit(change)
    writer.write_now(call.closed())
    assert store.events("acme", after=0) == seen
    assert [event.kind for event in seen] == [
        "call.opened",
        "window",
        "turn",
        "notice",
        "call.closed",
    ]
    assert [event.id for event in seen] == [1, 2, 3, 4, 5]
    payload = seen[1].payload
    assert payload["start"] == 0.0
    assert payload["end"] == 3.0
    assert payload["probabilities"] == dict(zip(LABELS, (0.7, 0.2, 0.1), strict=True))
    assert payload["smoothed"] == {"neutral": 0.5, "anger": 0.3, "sadness": 0.2}
    assert store.events("acme", after=3) == seen[3:]
    assert store.last_event() == 5
    assert store.first_event() == 1


def test_an_alert_goes_its_way(store: Store, new_writer: Callable[..., Writer]) -> None:
    call, writer = MadeCall(), new_writer()
    alert = call.alert()
    writer.submit(call.opened())
    writer.submit(alert)
    event = writer.write_now(call.moved(alert, AlertState.ACKNOWLEDGED))
    assert event.payload["state"] == "acknowledged"
    row = store.alert("acme", alert.alert)
    assert row is not None
    assert (row.state, row.moved_by, row.note) == ("acknowledged", "key-1", "looked at it")
    assert row.evidence == alert.evidence
    assert store.alerts("acme", state=AlertState.OPEN).items == ()
    assert store.alerts("acme", state=AlertState.ACKNOWLEDGED, call=call.id).items == (row,)


def test_pages_hold_every_call_once(store: Store, new_writer: Callable[..., Writer]) -> None:
    writer = new_writer()
    made = [MadeCall(at=START + timedelta(seconds=number // 3)) for number in range(10)]
    for call in made:
        writer.submit(call.opened())
    writer.write_now(made[0].closed())
    seen, cursor = [], None
    while True:
        page = store.calls("acme", limit=4, cursor=cursor)
        assert len(page.items) <= 4
        seen += [row.id for row in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    wanted = sorted(made, key=lambda call: (call.at, call.id), reverse=True)
    assert seen == [call.id for call in wanted]


def test_a_page_that_holds_all_has_no_cursor(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    writer = new_writer()
    writer.submit(MadeCall().opened())
    writer.write_now(MadeCall().opened())
    assert store.calls("acme", limit=2).cursor is None


def test_calls_are_found_by_state_time_and_caller(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    writer = new_writer()
    early, late = MadeCall(caller="a" * 64), MadeCall(at=START + timedelta(hours=1))
    for change in (early.opened(), late.opened()):
        writer.submit(change)
    writer.write_now(early.closed())

    def found(**asked: object) -> list[str]:
        return [row.id for row in store.calls("acme", **asked).items]  # type: ignore[arg-type]

    assert found(state=CallState.LIVE) == [late.id]
    assert found(state=CallState.ENDED) == [early.id]
    assert found(caller="a" * 64) == [early.id]
    assert found(since=START + timedelta(minutes=1)) == [late.id]
    assert found(until=late.at) == [early.id]


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "MTIzNDU", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6YQ"])
def test_a_cursor_of_others_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ConfigError, match="Start again without a cursor"):
        store.calls("acme", cursor=cursor)


def test_a_tenant_sees_nothing_of_another(store: Store, new_writer: Callable[..., Writer]) -> None:
    call, writer = MadeCall("acme", caller="d" * 64), new_writer(sinks=lambda change: ["hook"])
    alert = call.alert()
    for change in (call.opened(), call.window(), call.turn()):
        writer.submit(change)
    writer.write_now(alert)
    other = "rival"
    assert store.calls(other).items == ()
    assert store.call(other, call.id) is None
    assert store.windows(other, call.id) == ()
    assert store.turns(other, call.id) == ()
    assert store.alerts(other).items == ()
    assert store.alert(other, alert.alert) is None
    assert store.events(other, after=0) == []
    assert store.events(other, after=0, call=call.id) == []
    assert store.audit_lines(other) == ()
    assert store.erase(other, call=call.id, actor="key-2").total == 0
    assert store.erase(other, caller="d" * 64, actor="key-2").total == 0
    assert len(store.windows("acme", call.id)) == 1
