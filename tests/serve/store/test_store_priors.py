"""The priors of lines: batches are added, held aside, forgotten; nobody who objected is in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from store_calls import MadeCall

from tonfall.adaptation import JUMP, LEAST_CALLERS, Callers, line_mean, merged
from tonfall.serve.records import Notice
from tonfall.serve.store import Store, Writer
from tonfall.serve.store.prior_rows import Batch, Line, Outcome, PriorState, start_of, version_of
from tonfall.serve.store.retaining import Retention
from tonfall.serve.store.schema import calls as calls_table

SIZE = 6
SHIPPED = np.arange(SIZE, dtype=np.float64)
LINE = Line("acme", "twilio", "ab" * 32)
WEIGHT_S = 16.0


def heard(seed: int, *, at: float = 0.0, callers: int = LEAST_CALLERS) -> Callers:
    """Callers of a line."""
    rng = np.random.default_rng(seed)
    ones = [Callers(SHIPPED + at + rng.normal(0, 1, SIZE), 12.0, 0.0, 1) for _ in range(callers)]
    first, *rest = ones
    for one in rest:
        first = first.joined(one)
    return first


def played(writer: Writer, count: int = 3, **opened: Any) -> tuple[str, ...]:
    """Calls that are over."""
    made = [MadeCall(caller=opened.pop("caller", None)) for _ in range(count)]
    for call in made:
        writer.submit(call.opened(**opened))
        writer.write_now(call.closed())
    return tuple(call.id for call in made)


def batch(callers: Callers, ids: Iterable[str], *, generation: int = 0, line: Line = LINE) -> Batch:
    return Batch(
        line=line,
        callers=callers,
        calls=tuple(ids),
        generation=generation,
        model="small",
        shipped=SHIPPED,
        weight_s=WEIGHT_S,
    )


@pytest.fixture
def writer(new_writer: Any) -> Writer:
    made: Writer = new_writer()
    return made


def kept_of(store: Store, line: Line) -> Callers | None:
    newest = store.priors.newest(line)
    return newest and newest[1]


def test_the_first_batch_is_a_version_and_the_next_is_added(store: Store, writer: Writer) -> None:
    one, two = heard(1), heard(2)
    outcome, event = store.priors.add(batch(one, played(writer)))
    assert outcome is Outcome.PUBLISHED
    (row,) = store.priors.list(model_hash=LINE.model_hash, tenant="acme")
    assert (row.state, row.callers, row.distance, row.held) == (PriorState.IN_USE, 20, None, None)
    kept = kept_of(store, LINE)
    assert kept is not None
    assert row.version == version_of(LINE, start_of(kept, SHIPPED), WEIGHT_S)
    assert store.priors.add(batch(two, played(writer)))[0] is Outcome.PUBLISHED
    (after,) = store.priors.list(model_hash=LINE.model_hash)
    assert (after.callers, after.started_at) == (40, row.started_at)
    assert after.version != row.version
    assert after.distance is not None
    assert 0 < after.distance < JUMP
    kept = kept_of(store, LINE)
    assert kept is not None
    expected = merged(one, two)
    np.testing.assert_allclose(kept.mean, expected.mean, atol=2e-6)
    np.testing.assert_allclose(line_mean(kept, SHIPPED), line_mean(expected, SHIPPED), atol=2e-6)
    assert kept.variance == pytest.approx(expected.variance, abs=1e-4)
    events = [each for each in store.events_of_all(after=0) if each.kind == "prior.published"]
    assert [each.payload["version"] for each in events] == [row.version, after.version]
    assert (events[0].id, events[0].call, events[0].tenant) == (event, "", "acme")
    actions = [line.action for line in store.audit_lines("acme")]
    assert actions.count("prior.published") == 2
    assert store.verify_audit().intact


def test_lines_models_and_tenants_are_apart(store: Store, writer: Writer) -> None:
    ids = played(writer)
    store.priors.add(batch(heard(1), ids))
    assert store.priors.list(model_hash="other") == ()
    assert store.priors.list(model_hash=LINE.model_hash, tenant="umbrella") == ()
    other = replace(LINE, tenant="umbrella")
    assert store.priors.add(batch(heard(1), ids, line=other))[0] is Outcome.VOID
    assert kept_of(store, replace(LINE, carrier="rtp")) is None


def test_nodes_that_add_at_once_lose_nothing(store: Store, store_url: str, writer: Writer) -> None:
    stores = [Store.open(store_url) for _ in range(3)]
    batches = [[batch(heard(10 * k + n), played(writer)) for n in range(3)] for k in range(3)]

    def add(own: Store, some: list[Batch]) -> None:
        for one in some:
            own.priors.add(one)

    threads = [
        threading.Thread(target=add, args=pair) for pair in zip(stores, batches, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    whole = kept_of(store, LINE)
    every = [one.callers for some in batches for one in some]
    assert whole is not None
    assert whole.callers == 180
    assert whole.weight == pytest.approx(sum(one.weight for one in every), abs=0.01)
    mean = np.mean([one.mean for one in every], axis=0)
    np.testing.assert_allclose(whole.mean, mean, atol=1e-5)


@pytest.mark.parametrize("what", ["objection", "erasure", "erased", "listed", "never told"])
def test_a_batch_with_somebody_who_objected_or_was_erased_is_dropped(
    store: Store, writer: Writer, what: str
) -> None:
    call = MadeCall(caller="c" * 64)
    notice = Notice.UNKNOWN if what == "never told" else Notice.GIVEN
    writer.submit(call.opened(notice=notice))
    writer.write_now(call.closed())
    ids = (*played(writer), call.id)
    if what in ("objection", "erasure"):
        writer.write_now(call.purged(what))
    elif what == "erased":
        store.erase("acme", call=call.id, actor="key-1")
    elif what == "listed":
        store.objections.add("acme", "c" * 64, actor="key-1")
    assert store.priors.add(batch(heard(1), ids)) == (Outcome.VOID, None)
    assert kept_of(store, LINE) is None
    assert store.priors.add(batch(heard(1), ids[:-1]))[0] is Outcome.PUBLISHED


def test_only_ended_calls_of_who_was_told_are_eligible(store: Store, writer: Writer) -> None:
    live, told, untold, purged = (MadeCall() for _ in range(4))
    for call in (live, told, purged):
        writer.submit(call.opened())
    writer.submit(untold.opened(notice=Notice.UNKNOWN))
    writer.submit(purged.purged())
    for call in (told, untold, purged):
        writer.write_now(call.closed())
    ids = [each.id for each in (live, told, untold, purged)]
    expected = {told.id: True, untold.id: False, purged.id: False}
    assert store.priors.ended([*ids, "f" * 32]) == expected


def frozen(store: Store, writer: Writer) -> None:
    """A line that is frozen by a batch that lies far off."""
    store.priors.add(batch(heard(1), played(writer)))
    store.priors.add(batch(heard(2), played(writer)))
    far = batch(heard(3, at=3), played(writer))
    outcome, _ = store.priors.add(far, sinks=lambda tenant: [f"hook-{tenant}", "log"])
    assert outcome is Outcome.FROZEN


def test_a_jump_freezes_and_is_told(store: Store, writer: Writer) -> None:
    frozen(store, writer)
    (row,) = store.priors.list(model_hash=LINE.model_hash)
    assert (row.state, row.callers, row.held) == (PriorState.FROZEN, 40, 20)
    assert row.distance is not None
    assert row.distance > JUMP
    due = [each for name in ("hook-acme", "log") for each in store.deliveries.due("n", sink=name)]
    assert [(each.kind, each.call, each.tenant) for each in due] == [
        ("prior.frozen", "", "acme")
    ] * 2
    assert due[0].payload["carrier"] == "twilio"
    before = kept_of(store, LINE)
    assert store.priors.add(batch(heard(4), played(writer))) == (Outcome.VOID, None)
    after = kept_of(store, LINE)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.mean, after.mean)
    assert "prior.frozen" in [line.action for line in store.audit_lines("acme")]


def test_what_froze_it_is_accepted_or_rejected(store: Store, writer: Writer) -> None:
    frozen(store, writer)
    assert store.priors.reject(LINE, actor="key:1") is not None
    (row,) = store.priors.list(model_hash=LINE.model_hash)
    assert (row.state, row.callers, row.held, row.generation) == (PriorState.IN_USE, 40, None, 1)
    assert store.priors.add(batch(heard(5), played(writer)))[0] is Outcome.VOID
    again = batch(heard(6, at=3), played(writer), generation=1)
    assert store.priors.add(again)[0] is Outcome.FROZEN
    event = store.priors.accept(LINE, shipped=SHIPPED, weight_s=WEIGHT_S, actor="key:1")
    (row,) = store.priors.list(model_hash=LINE.model_hash)
    assert (row.state, row.callers, row.held, row.generation) == (PriorState.IN_USE, 20, None, 2)
    kept = kept_of(store, LINE)
    assert kept is not None
    np.testing.assert_allclose(kept.mean, again.callers.mean, atol=1e-6)
    assert row.version == version_of(LINE, start_of(kept, SHIPPED), WEIGHT_S)
    assert store.events_of_all(after=0)[-1].id == event
    lines = [(line.action, line.actor) for line in store.audit_lines("acme")]
    assert ("prior.rejected", "key:1") in lines
    assert ("prior.accepted", "key:1") in lines
    for act in (
        store.priors.reject(LINE, actor="key:1"),
        store.priors.accept(LINE, shipped=SHIPPED, weight_s=WEIGHT_S, actor="key:1"),
        store.priors.reject(replace(LINE, carrier="rtp"), actor="key:1"),
    ):
        assert act is None


def test_a_reset_forgets_and_what_was_gathered_before_is_not_added(
    store: Store, writer: Writer
) -> None:
    store.priors.add(batch(heard(1), played(writer)))
    store.priors.reset(LINE, model="small", actor="key:1")
    (row,) = store.priors.list(model_hash=LINE.model_hash)
    assert (row.state, row.callers, row.version, row.weight) == (PriorState.LEARNING, 0, None, 0)
    assert kept_of(store, LINE) is None
    assert store.priors.add(batch(heard(2), played(writer)))[0] is Outcome.VOID
    assert store.priors.add(batch(heard(3), played(writer), generation=1))[0] is Outcome.PUBLISHED
    never = replace(LINE, carrier="rtp")
    store.priors.reset(never, model="small", actor="key:1")
    assert store.priors.add(batch(heard(2), played(writer), line=never))[0] is Outcome.VOID


def test_no_sum_of_few_is_written(store: Store, writer: Writer) -> None:
    with pytest.raises(AssertionError):
        store.priors.add(batch(heard(1, callers=LEAST_CALLERS - 1), played(writer)))


def test_it_is_exported_with_the_tenant_and_with_no_caller(
    store: Store, writer: Writer, tmp_path: Path
) -> None:
    ids = played(writer)
    store.priors.add(batch(heard(1), ids))
    done = store.export("acme", tmp_path / "all", actor="officer")
    assert done.counts.priors == 1
    (told,) = json.loads((tmp_path / "all" / "priors.json").read_text())
    assert (told["tenant"], told["carrier"], told["callers"]) == ("acme", "twilio", 20)
    assert len(told["mean"]) == SIZE
    one = store.export("acme", tmp_path / "one", call=ids[0], actor="officer")
    assert "priors.json" not in [path.name for path in one.files]
    none = store.export("umbrella", tmp_path / "none", actor="officer")
    assert json.loads((tmp_path / "none" / "priors.json").read_text()) == []
    assert none.counts.total == 0


def test_it_is_erased_with_the_tenant(store: Store, writer: Writer) -> None:
    ids = played(writer)
    store.priors.add(batch(heard(1), ids))
    assert store.erase_tenant("umbrella", actor="operator").total == 0
    counts = store.erase_tenant("acme", actor="operator")
    assert (counts.calls, counts.priors) == (3, 1)
    assert store.priors.list(model_hash=LINE.model_hash) == ()
    assert store.calls("acme").items == ()
    line = store.audit_lines("acme")[-1]
    assert (line.action, line.subject, line.details["priors"]) == ("erasure", "tenant", 1)
    assert store.priors.add(batch(heard(1), ids))[0] is Outcome.VOID
    with store.database.reading() as connection:
        assert connection.execute(select(calls_table.c.id)).all() == []


def test_it_is_deleted_when_nobody_was_added_for_long(store: Store, writer: Writer) -> None:
    store.priors.add(batch(heard(1), played(writer)))
    now = datetime.now(UTC)
    assert store.retain(now + timedelta(days=364)).priors == 0
    assert store.retain(now + timedelta(days=50), Retention(priors=49)).priors == 1
    assert kept_of(store, LINE) is None


def test_a_call_says_which_prior_it_started_from(store: Store, writer: Writer) -> None:
    plain, started = MadeCall(), MadeCall()
    writer.submit(plain.opened())
    event = writer.write_now(started.opened(prior="0123456789abcdef"))
    assert event.payload["prior"] == "0123456789abcdef"
    found = [store.call("acme", call.id) for call in (plain, started)]
    assert [each and each.prior for each in found] == [None, "0123456789abcdef"]
    (line,) = [each for each in store.audit_lines("acme") if started.id in each.subject]
    assert line.details["prior"] == "0123456789abcdef"
