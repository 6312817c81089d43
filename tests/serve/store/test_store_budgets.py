"""Curves of budgets: each call adds once, from any node, and nothing of it names a call."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from store_calls import MadeCall

from tonfall.serve.firings import STEPS, CallFirings, FiringCurve
from tonfall.serve.store import Store, Writer
from tonfall.serve.store.curves import _values
from tonfall.serve.store.schema import alert_budgets

FOREVER = 1e300


def firings(
    hours: float, *counts: float, rule: str = "anger", half_life_h: float = FOREVER
) -> CallFirings:
    padded = (*counts, *(0.0,) * STEPS)[:STEPS]
    curve = FiringCurve(hours, counts[0] if counts else 0.0, padded)
    return CallFirings("twilio", rule, "ab" * 16, half_life_h, curve)


def play(writer: Writer, *some: CallFirings, tenant: str = "acme", purged: bool = False) -> str:
    """A call from its beginning to its end, which adds these."""
    call = MadeCall(tenant)
    writer.submit(call.opened())
    if purged:
        writer.submit(call.purged())
    writer.write_now(replace(call.closed(), firings=some))
    return call.id


def test_calls_add_up_for_each_rule_and_over_a_restart(
    store: Store, store_url: str, new_writer: Callable[..., Writer]
) -> None:
    play(new_writer(), firings(1.5, 3, 1), firings(1.5, 1, rule="sadness"))
    again = Store.open(store_url)
    writer = Writer(again)
    play(writer, firings(0.5, 2))
    writer.close()
    anger, sadness = again.curves.of("acme")
    again.close()
    assert (anger.carrier, anger.rule, anger.curve.hours) == ("twilio", "anger", 2.0)
    assert anger.curve.counts == (5, 1, *(0,) * (STEPS - 2))
    assert anger.curve.fired == 5
    assert sadness.curve.counts == (1, *(0,) * (STEPS - 1))


def test_nodes_that_write_at_once_lose_nothing(store: Store, store_url: str) -> None:
    def node() -> None:
        mine = Store.open(store_url)
        writer = Writer(mine)
        for _ in range(20):
            play(writer, firings(0.25, 2, 1))
        writer.close()
        mine.close()

    threads = [threading.Thread(target=node) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [row] = store.curves.of("acme")
    assert (row.curve.hours, row.curve.counts[:2], row.curve.fired) == (15.0, (120, 60), 120)


def test_what_was_heard_before_counts_half_after_its_half_life(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    writer = new_writer()
    play(writer, firings(100, 8))
    play(writer, firings(50, 1, half_life_h=50))
    [row] = store.curves.of("acme")
    assert (row.curve.hours, row.curve.counts[0]) == (100.0, 5.0)


def test_small_counts_fade_in_many_short_calls_too() -> None:
    curve = FiringCurve(1000.0, 0, (0.5,) * STEPS)
    for _ in range(6000):  # A hundred hours, a minute at a time, as the database keeps them.
        curve = curve.followed_by(FiringCurve(1 / 60), half_life_h=100)
        curve = FiringCurve(curve.hours, 0, tuple(_values(curve)["counts"]))
    assert curve.counts[0] == pytest.approx(0.25, rel=1e-4)


def test_a_call_that_was_purged_adds_nothing(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    play(new_writer(), firings(1, 3), purged=True)
    assert store.curves.of("acme") == ()


def test_nothing_that_is_kept_names_a_call(store: Store, new_writer: Callable[..., Writer]) -> None:
    call = play(new_writer(), firings(1, 3))
    with store.database.reading() as connection:
        [row] = connection.execute(select(alert_budgets)).all()
    assert call not in str(row)
    told = [event for event in store.events("acme", after=0) if event.kind == "call.closed"]
    assert not any("firings" in event.payload for event in told)


def test_only_what_changed_is_read_again_and_what_went_is_forgotten(
    store: Store, new_writer: Callable[..., Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = new_writer()
    play(writer, firings(1, 3))
    play(writer, firings(1, 4), tenant="rival")
    first = store.curves.refreshed({})
    assert {key[0] for key in first} == {"acme", "rival"}
    play(writer, firings(1, 1))
    second = store.curves.refreshed(first)
    mine, other = ("acme", "twilio", "anger", "ab" * 16), ("rival", "twilio", "anger", "ab" * 16)
    assert second[mine].curve.counts[0] == 4
    assert second[other] is first[other]
    assert store.curves.forget("acme", actor="key:1") == 1
    assert set(store.curves.refreshed(second)) == {other}
    line = store.audit_lines("acme")[-1]
    assert (line.actor, line.action, line.details) == (
        "key:1",
        "alert_budgets.forgotten",
        {"curves": 1},
    )


def test_what_no_call_added_to_for_as_long_as_calls_are_kept_goes(
    store: Store, new_writer: Callable[..., Writer]
) -> None:
    play(new_writer(), firings(1, 3))
    [row] = store.curves.of("acme")
    store.retain(row.at + timedelta(days=29))
    assert len(store.curves.of("acme")) == 1
    store.retain(max(row.at, datetime.now(UTC)) + timedelta(days=31))
    assert store.curves.of("acme") == ()


def test_it_is_exported_with_the_tenant_and_with_no_caller(
    store: Store, new_writer: Callable[..., Writer], tmp_path: Path
) -> None:
    writer = new_writer()
    call = play(writer, firings(2, 3, 1))
    play(writer, firings(1, 4), tenant="rival")
    store.export("acme", tmp_path / "all", actor="operator")
    [told] = json.loads((tmp_path / "all" / "alert_budgets.json").read_text())
    assert (told["tenant"], told["rule"], told["curve"]["hours"]) == ("acme", "anger", 2.0)
    assert told["curve"]["counts"][:3] == [3, 1, 0]
    done = store.export("acme", tmp_path / "one", call=call, actor="officer")
    assert "alert_budgets.json" not in [file.name for file in done.files]
