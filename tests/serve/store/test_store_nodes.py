"""Several nodes on one database: events, deliveries, and the calls of a node that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from postgresql_server import PostgreSQLServer
from sqlalchemy import insert, update
from store_calls import MadeCall

from tonfall.serve.records import AlertState, StoredEvent
from tonfall.serve.store import LOST, CallState, DeliveryState, Keeper, Store, Writer
from tonfall.serve.store.retaining import take_job
from tonfall.serve.store.schema import jobs, nodes

NewWriter = Callable[..., Writer]


@pytest.fixture
def other(store: Store, store_url: str) -> Iterator[Store]:
    """A second node's store on the same database."""
    opened = Store.open(store_url, create=False)
    yield opened
    opened.close()


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def silent(store: Store, node: str, seconds: float) -> None:
    """Let a node's last sign of life be that long ago."""
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    with store.database.writing() as connection:
        connection.execute(update(nodes).where(nodes.c.id == node).values(seen_at=then))


def test_ids_rise_in_the_order_of_commits_over_two_nodes(store: Store, other: Store) -> None:
    writers = [Writer(one, interval_s=0.002) for one in (store, other)]
    seen: list[StoredEvent] = []
    done = threading.Event()

    def follow() -> None:
        """A reader that never looks back: an id that came late would be missed."""
        while True:
            ended = done.is_set()
            seen.extend(store.events("acme", after=seen[-1].id if seen else 0))
            if ended:
                return

    def work(writer: Writer) -> None:
        call = MadeCall()
        writer.submit(call.opened())
        for number in range(150):
            writer.submit(call.window(number))
            time.sleep(0.001)
        writer.write_now(call.closed(), timeout_s=30)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in writers]
    reader = threading.Thread(target=follow)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert [event.id for event in seen] == [*range(1, 305)]
    for writer in writers:
        writer.close()


def test_a_node_hears_of_the_events_of_another(store: Store, other: Store) -> None:
    heard: list[int] = []
    listening = store.listen(heard.append)
    writer = Writer(store if store.database.is_sqlite else other)
    writer.write_now(MadeCall().opened())
    until(lambda: 1 in heard)
    writer.write_now(MadeCall().opened())
    until(lambda: 2 in heard)
    listening.close()
    writer.write_now(MadeCall().opened())
    time.sleep(0.1)
    assert 3 not in heard
    writer.close()


def test_erasure_is_told_too(store: Store, new_writer: NewWriter) -> None:
    call, heard = MadeCall(), list[int]()
    new_writer().write_now(call.opened())
    listening = store.listen(heard.append)
    store.erase("acme", call=call.id, actor="officer")
    until(lambda: 2 in heard)
    listening.close()


def test_calls_of_a_silent_node_are_ended_by_another(store: Store, other: Store) -> None:
    writer, call = Writer(other), MadeCall(at=datetime.now(UTC))
    store.nodes.beat("here")
    other.nodes.beat(writer.node)
    writer.write_now(call.opened())
    assert store.end_lost(timeout_s=15) == ()
    silent(store, writer.node, 20)
    assert store.end_lost(timeout_s=15) == (call.id,)
    assert store.end_lost(timeout_s=15) == ()
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.complete, row.reason) == (CallState.ENDED, False, LOST)
    (event,) = store.events("acme", after=1)
    assert (event.kind, event.payload["complete"]) == ("call.closed", False)
    assert [node.id for node in store.nodes.list()] == ["here"]
    assert store.verify_audit().intact
    writer.close()


def test_an_objected_call_whose_node_dies_is_ended_and_deleted(store: Store, other: Store) -> None:
    writer, call = Writer(other), MadeCall(at=datetime.now(UTC))
    store.nodes.beat("here")
    other.nodes.beat(writer.node)
    writer.write_now(call.opened())
    writer.write_now(call.purged())
    assert store.end_lost(timeout_s=15) == ()
    silent(store, writer.node, 20)
    assert store.end_lost(timeout_s=15) == (call.id,)
    assert store.end_lost(timeout_s=15) == ()
    row = store.call("acme", call.id)
    assert row is not None
    assert row.ended_at is not None
    assert (row.state, row.complete, row.reason) == (CallState.PURGED, False, LOST)
    assert [event.kind for event in store.events("acme", after=0)] == ["call.purged", "call.closed"]
    store.retain(row.ended_at + timedelta(days=29))
    assert store.call("acme", call.id) is not None
    store.retain(row.ended_at + timedelta(days=31))
    assert store.call("acme", call.id) is None
    writer.close()


def test_a_node_that_comes_back_takes_up_what_was_purged_too(store: Store, other: Store) -> None:
    writer, call = Writer(other), MadeCall()
    other.nodes.beat(writer.node)
    writer.write_now(call.opened())
    writer.write_now(call.purged())
    silent(store, writer.node, 20)
    store.end_lost(timeout_s=15)
    other.nodes.beat(writer.node)
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.ended_at, row.reason) == (CallState.PURGED, None, None)
    writer.write_now(call.closed())
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.ended_at, row.reason) == (CallState.PURGED, call.closed().at, "hung up")
    writer.close()


def test_a_silent_node_without_calls_is_forgotten(store: Store) -> None:
    for node in ("here", "gone"):
        store.nodes.beat(node)
    silent(store, "gone", 20)
    assert store.end_lost(timeout_s=15) == ()
    assert [node.id for node in store.nodes.list()] == ["here"]


def test_a_node_that_comes_back_takes_its_calls_up(store: Store, other: Store) -> None:
    writer, call = Writer(other), MadeCall()
    other.nodes.beat(writer.node)
    writer.write_now(call.opened())
    silent(store, writer.node, 20)
    store.end_lost(timeout_s=15)
    other.nodes.beat(writer.node)
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.complete, row.reason) == (CallState.LIVE, None, None)
    writer.write_now(call.closed())
    row = store.call("acme", call.id)
    assert row is not None
    assert (row.state, row.complete) == (CallState.ENDED, True)
    writer.close()


def test_a_node_heard_of_in_the_future_is_lost_in_time(store: Store, other: Store) -> None:
    writer, call = Writer(other), MadeCall(at=datetime.now(UTC))
    store.nodes.beat(writer.node)
    writer.write_now(call.opened())
    silent(store, writer.node, -3600)  # The clock was set back by an hour since.
    assert store.end_lost(timeout_s=15) == ()
    (node,) = store.nodes.list()
    assert abs((node.seen_at - datetime.now(UTC)).total_seconds()) < 1800
    time.sleep(0.01)
    assert store.end_lost(timeout_s=0.001) == (call.id,)
    writer.close()


def test_a_keeper_beats_ends_lost_calls_and_deletes_by_age(
    store: Store, new_writer: NewWriter
) -> None:
    lost, here = new_writer(), new_writer()
    call = MadeCall(at=datetime.now(UTC))
    store.nodes.beat(lost.node)
    silent(store, lost.node, 60.0)
    lost.write_now(call.opened())
    keeper = Keeper(store, node=here.node, beat_s=0.1, timeout_s=30.0)
    mine = MadeCall(at=datetime.now(UTC))
    here.write_now(mine.opened())

    def state(one: MadeCall) -> CallState | None:
        row = store.call("acme", one.id)
        return row and row.state

    def seen() -> datetime:
        (node,) = [each for each in store.nodes.list() if each.id == here.node]
        return node.seen_at

    until(lambda: state(call) == CallState.ENDED)
    first = seen()
    until(lambda: seen() > first)  # It says again and again that it is there, and so
    assert state(mine) == CallState.LIVE
    until(lambda: any(line.action == "retention" for line in store.audit_lines("*")))
    keeper.close()
    assert store.nodes.list() == ()


def test_a_job_is_done_by_one_node(store: Store, other: Store) -> None:
    every = timedelta(hours=1)
    taken: list[bool] = []

    def take(one: Store) -> None:
        taken.append(take_job(one.database, "clean", every))

    for _ in range(3):
        threads = [threading.Thread(target=take, args=(one,)) for one in (store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken) == [False] * 5 + [True]
    time.sleep(0.01)
    assert take_job(store.database, "clean", timedelta(milliseconds=1))


def test_a_job_done_in_the_future_is_due(store: Store) -> None:
    then = datetime.now(UTC) + timedelta(days=3650)
    with store.database.writing() as connection:
        connection.execute(insert(jobs).values(name="clean", ran_at=then))
    assert take_job(store.database, "clean", timedelta(hours=1))
    assert not take_job(store.database, "clean", timedelta(hours=1))


def filled(store: Store, alerts: int = 1) -> None:
    writer, call = Writer(store, sinks=lambda change: ["hook", "mail"]), MadeCall()
    writer.submit(call.opened())
    for _ in range(alerts - 1):
        writer.submit(call.alert())
    writer.write_now(call.alert())
    writer.close()


def test_a_delivery_is_written_with_its_alert(store: Store) -> None:
    filled(store)
    event = store.events("acme", after=1)[0]
    mine = store.deliveries.due("here")
    assert [one.sink for one in sorted(mine, key=lambda one: one.sink)] == ["hook", "mail"]
    for one in mine:
        assert (one.event, one.kind, one.payload) == (event.id, "alert.opened", event.payload)
        assert one.attempts == 1


def test_a_move_of_an_alert_is_delivered_where_it_is_wanted(
    store: Store, new_writer: NewWriter
) -> None:
    def sinks(change: object) -> list[str]:
        return ["hook"] if type(change).__name__ == "AlertMoved" else []

    writer, call = new_writer(sinks=sinks), MadeCall()
    alert = call.alert()
    writer.submit(call.opened())
    writer.submit(alert)
    writer.write_now(call.moved(alert, AlertState.RESOLVED))
    (one,) = store.deliveries.due("here")
    assert (one.kind, one.payload["state"]) == ("alert.moved", "resolved")


def test_each_delivery_is_claimed_by_one_node(store: Store, other: Store) -> None:
    filled(store, alerts=40)
    claimed: dict[str, list[str]] = {"here": [], "there": []}

    def claim(one: Store, node: str) -> None:
        while due := one.deliveries.due(node, limit=3):
            claimed[node] += [delivery.id for delivery in due]

    threads = [
        threading.Thread(target=claim, args=(store, "here")),
        threading.Thread(target=claim, args=(other, "there")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = claimed["here"] + claimed["there"]
    assert len(whole) == len(set(whole)) == 80


def test_what_is_due_to_one_sink_is_claimed_without_that_of_another(store: Store) -> None:
    now = datetime.now(UTC)
    assert store.deliveries.sinks(now=now) == frozenset()
    filled(store, alerts=3)
    now = datetime.now(UTC)
    assert store.deliveries.sinks(now=now) == {"hook", "mail"}
    mine = store.deliveries.due("here", sink="hook", limit=2, now=now)
    assert [each.sink for each in mine] == ["hook", "hook"]
    assert store.deliveries.sinks(now=now) == {"hook", "mail"}
    assert len(store.deliveries.due("here", sink="hook", now=now)) == 1
    assert store.deliveries.sinks(now=now) == {"mail"}
    assert len(store.deliveries.due("here", now=now)) == 3


def test_a_claim_runs_out(store: Store) -> None:
    filled(store)
    now = datetime.now(UTC)
    first = store.deliveries.due("here", lease_s=60, now=now)
    assert store.deliveries.due("there", now=now + timedelta(seconds=59)) == ()
    again = store.deliveries.due("there", now=now + timedelta(seconds=61))
    assert {one.id for one in again} == {one.id for one in first}
    assert {one.attempts for one in again} == {2}
    assert not store.deliveries.done(first[0].id, node="here")
    assert store.deliveries.done(first[0].id, node="there")


def test_a_delivery_is_done_tried_again_or_given_up(store: Store) -> None:
    filled(store)
    now = datetime.now(UTC)
    one, two = store.deliveries.due("here", now=now)
    assert store.deliveries.done(one.id, node="here")
    assert not store.deliveries.done(one.id, node="here")
    later = now + timedelta(seconds=30)
    assert store.deliveries.retry(two.id, node="here", at=later, error="503 from +49 170 1234567")
    assert store.deliveries.due("here", now=now + timedelta(seconds=29)) == ()
    (again,) = store.deliveries.due("here", now=later)
    assert (again.id, again.attempts) == (two.id, 2)
    assert store.deliveries.give_up(two.id, node="here", error="gone")
    counts = [store.deliveries.count(state) for state in DeliveryState]
    assert counts == [0, 1, 1]


def test_a_listener_finds_its_way_back(postgresql: PostgreSQLServer, postgresql_url: str) -> None:
    store, heard = Store.open(postgresql_url), list[int]()
    listening = store.listen(heard.append)
    postgresql.stop()
    postgresql.start()
    writer = Writer(store)
    writer.write_now(MadeCall().opened(), timeout_s=20)
    until(lambda: 1 in heard)
    listening.close()
    writer.close()
    store.close()
