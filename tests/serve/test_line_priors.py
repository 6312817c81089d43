"""The thread that learns priors: who counts, what is dropped, and what new calls start from."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bundle import tiny_spec, write_tiny

sys.path.append(str(Path(__file__).resolve().parent / "store"))
from store_calls import MadeCall

from tonfall.adaptation import LEAST_CALLERS, PRIOR_WEIGHT_S, SHIPPED_WEIGHT_S, Callers
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.serve import priors as module
from tonfall.serve.alerts.mail import message_of
from tonfall.serve.alerts.notices import FROZEN, Notification
from tonfall.serve.alerts.outlets import Listed, LogOutlet, Outlets
from tonfall.serve.priors import LinePriors, _Waiting
from tonfall.serve.records import Notice, StoredEvent
from tonfall.serve.store import Store, Writer
from tonfall.serve.store.prior_rows import Line

PATIENCE_S = 60.0
CARRIER = "twilio"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/tonfall.db")
    yield opened
    opened.close()


class Node:
    """One node's priors, with calls that come and go on it."""

    def __init__(self, store: Store, predictor: Predictor) -> None:
        self.store = store
        self.predictor = predictor
        self.priors = LinePriors(store, predictor, sinks=lambda tenant: ["log"])
        self.writer = Writer(store, on_committed=self._tell)
        self.rng = np.random.default_rng(0)

    def _tell(self, events: list[StoredEvent]) -> None:
        for event in events:
            self.priors.told(event.kind, event.call)

    def call(self, *, caller: str | None = None, at: float = 0.0, end: bool = True) -> MadeCall:
        """A call that adds something, from its opening to its end."""
        made = MadeCall(caller=caller)
        self.writer.write_now(made.opened())
        mean = self.predictor.baseline().prior + at + self.rng.normal(0, 0.1, 12)
        heard = Callers(mean, 10.0, 0.0, 1)
        self.priors.offer(made.id, "acme", CARRIER, caller=caller, heard=heard)
        if end:
            self.writer.write_now(made.closed())
        return made

    @property
    def waiting(self) -> int:
        return self.priors.waiting("acme").get(CARRIER, 0)

    @property
    def row(self) -> Any:
        found = self.store.priors.list(model_hash=self.predictor.hash, tenant="acme")
        return found[0] if found else None

    @property
    def version(self) -> str | None:
        start = self.priors.start("acme", CARRIER)
        return start.version if start else None

    def close(self) -> None:
        self.writer.close()
        self.priors.close()


@pytest.fixture
def nodes(store: Store, tiny: Predictor) -> Iterator[Callable[[], Node]]:
    made: list[Node] = []

    def make() -> Node:
        made.append(Node(store, tiny))
        return made[-1]

    yield make
    for node in made:
        node.close()


def wait_for(look: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_twenty_callers_make_a_version_that_every_node_starts_from(
    nodes: Callable[[], Node], tiny: Predictor
) -> None:
    one, two = nodes(), nodes()
    for number in range(LEAST_CALLERS - 1):
        one.call()
        wait_for(lambda n=number: one.waiting == n + 1)
    assert (one.version, one.row) == (None, None)
    one.call()
    wait_for(lambda: one.version)
    wait_for(lambda: two.version)
    assert one.version == two.version == one.row.version
    assert (one.waiting, one.row.callers, one.row.weight) == (0, LEAST_CALLERS, 200)
    start = two.priors.start("acme", CARRIER)
    newest = one.store.priors.newest(Line("acme", CARRIER, tiny.hash))
    assert start is not None
    assert newest is not None
    version, kept = newest
    assert version == one.version
    own = tiny.baseline().prior
    expected = (200 * kept.mean + SHIPPED_WEIGHT_S * own) / (200 + SHIPPED_WEIGHT_S)
    np.testing.assert_allclose(start.baseline.mean, expected, atol=1e-6)
    assert (start.baseline.prior_weight_s, start.baseline.heard) == (PRIOR_WEIGHT_S, 0)
    assert start.baseline.model_hash == tiny.hash
    for other in (("umbrella", CARRIER), ("acme", "rtp")):
        assert two.priors.start(*other) is None


def test_a_version_that_another_node_wrote_meanwhile_is_called_by_its_own_name(
    nodes: Callable[[], Node], store: Store, tiny: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list of what there is and the look at it, another node may publish."""
    node, listed = nodes(), []
    for _ in range(2):
        listed.append(store.priors.list(model_hash=tiny.hash))
        before = node.version
        for _ in range(LEAST_CALLERS):
            node.call()
        wait_for(lambda before=before: node.version != before)
    monkeypatch.setattr(store.priors, "list", lambda **_: listed[1])
    late = nodes()
    assert before is not None
    assert node.version != before
    assert late.version == store.priors.newest(Line("acme", CARRIER, tiny.hash))[0]  # type: ignore[index]
    assert late.version != before


def test_a_line_that_was_set_back_while_it_is_added_to_is_let_go(
    nodes: Callable[[], Node], tiny: Predictor
) -> None:
    node = nodes()
    waiting = _Waiting(0, Callers(tiny.baseline().prior, 200.0, 1.0, LEAST_CALLERS), ["erased"])
    node.priors._publish(Line("acme", CARRIER, tiny.hash), waiting)
    assert node.version is None


def test_a_caller_counts_once_in_a_batch(nodes: Callable[[], Node]) -> None:
    node = nodes()
    for caller in ("a" * 64, "a" * 64, "b" * 64, None, None, "a" * 64):
        node.call(caller=caller)
    wait_for(lambda: node.waiting == 4)


def test_a_call_counts_once_its_end_is_written(nodes: Callable[[], Node]) -> None:
    node = nodes()
    live = node.call(end=False)
    node.call()
    wait_for(lambda: node.waiting == 1)
    node.writer.write_now(live.closed())
    wait_for(lambda: node.waiting == 2)


def test_a_call_whose_end_is_never_written_is_forgotten(
    nodes: Callable[[], Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    node = nodes()
    with monkeypatch.context() as hasty:
        hasty.setattr(module, "PATIENCE_S", 0.0)
        live = node.call(end=False)
        wait_for(lambda: not node.priors._ended)
    node.writer.write_now(live.closed())
    node.call()
    wait_for(lambda: node.waiting == 1)


@pytest.mark.parametrize("reason", ["objection", "erasure"])
def test_who_objects_or_is_erased_afterwards_takes_the_waiting_batch_along(
    nodes: Callable[[], Node], reason: str
) -> None:
    node = nodes()
    first = node.call()
    node.call()
    wait_for(lambda: node.waiting == 2)
    if reason == "objection":
        node.writer.write_now(first.purged())
    else:
        node.store.erase("acme", call=first.id, actor="key-1")
        node.priors.told("call.purged", first.id)
    wait_for(lambda: node.waiting == 0)
    node.call()
    wait_for(lambda: node.waiting == 1)


def test_who_objected_or_was_not_told_by_the_end_is_not_added(nodes: Callable[[], Node]) -> None:
    node = nodes()
    objector = node.call(end=False)
    node.writer.write_now(objector.purged())
    node.writer.write_now(objector.closed())
    untold = MadeCall()
    node.writer.write_now(untold.opened(notice=Notice.UNKNOWN))
    heard = Callers(np.ones(12), 10.0, 0.0, 1)
    node.priors.offer(untold.id, "acme", CARRIER, caller=None, heard=heard)
    node.writer.write_now(untold.closed())
    node.call()
    wait_for(lambda: node.waiting and not node.priors._ended)
    assert node.waiting == 1


def test_a_jump_freezes_the_line_until_somebody_decides(
    nodes: Callable[[], Node], caplog: pytest.LogCaptureFixture
) -> None:
    node = nodes()
    for _ in range(LEAST_CALLERS):
        node.call()
    wait_for(lambda: node.version)
    version = node.version
    for _ in range(LEAST_CALLERS):
        node.call(at=2.0)
    wait_for(lambda: node.row.frozen_at)
    assert "is frozen: the newest callers sound unlike all before" in caplog.text
    wait_for(lambda: node.waiting == 0)
    node.call()
    wait_for(lambda: not node.priors._ended)
    assert (node.version, node.waiting) == (version, 0)
    line = node.row.line
    node.store.priors.reject(line, actor="key-1")
    node.priors.told("prior.resumed", "")
    wait_for(lambda: not node.priors._frozen(line))
    node.call()
    wait_for(lambda: node.waiting == 1)
    node.store.priors.reset(line, model="tiny", actor="key-1")
    node.priors.told("prior.reset", "")
    wait_for(lambda: node.version is None)
    assert node.waiting == 0


def test_what_waits_is_lost_with_the_node_and_the_prior_is_not(
    nodes: Callable[[], Node],
) -> None:
    first = nodes()
    for _ in range(LEAST_CALLERS + 3):
        first.call()
    wait_for(lambda: first.version and first.waiting == 3)
    second = nodes()
    assert (second.version, second.waiting) == (first.version, 0)


def test_a_model_without_baseline_cannot_learn(store: Store, tmp_path: Path) -> None:
    predictor = Predictor(write_tiny(tmp_path / "t", spec=tiny_spec(baseline=False)))
    with pytest.raises(ConfigError, match=r"model\.adapt is true, but the model tiny has no"):
        LinePriors(store, predictor)


def test_outlets_say_that_a_line_is_frozen(caplog: pytest.LogCaptureFixture) -> None:
    payload = {"carrier": CARRIER, "version": "ab", "distance": 4.2, "limit": 3.0}
    at = datetime(2026, 11, 30, tzinfo=UTC)
    frozen = Notification("d1", "acme", "", FROZEN, at, payload)
    LogOutlet().send(frozen)
    assert "The prior of the carrier twilio of acme is frozen at distance 4.2." in caplog.text
    mail = message_of(frozen, sender="a@b.example", recipients=["c@d.example"])
    assert mail["Subject"] == "Tonfall: prior of twilio frozen"
    assert "distance: 4.2 (frozen above 3.0)" in mail.get_content()
    assert "rule" not in mail.get_content()
    listed = {"all": Listed(LogOutlet()), "theirs": Listed(LogOutlet(), ("umbrella",))}
    assert Outlets(listed).names_for("acme") == ["all"]
