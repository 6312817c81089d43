"""From a voice to a webhook, through a real store: each alert once, also over a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alert_sounds import rule
from desk_calls import Shop, example, finish, open_call, packets, play

from tonfall.errors import ServiceError
from tonfall.runtime import Predictor
from tonfall.serve.alerts import Deliverer, Notification, Outlets, Rule, build_outlets
from tonfall.serve.alerts.outlets import Listed
from tonfall.serve.records import AlertMoved, AlertOpened, AlertState, WindowHeard
from tonfall.serve.settings import Alerts
from tonfall.serve.store import DeliveryState, Store, Writer


class Kept:
    """An outlet that keeps what it is told, or fails."""

    def __init__(self) -> None:
        self.told: list[Notification] = []
        self.fails = False

    def send(self, notification: Notification) -> None:
        if self.fails:
            raise ServiceError("It failed.", retry=True)
        self.told.append(notification)


def always(**changes: object) -> Rule:
    """Fires at the first window."""
    return rule(("anger", "neutral", "happiness", "sadness"), above=0.9, **changes)


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_alert_reaches_its_outlet_once_and_over_a_restart(
    tiny: Predictor, tmp_path: Path
) -> None:
    url, kept = f"sqlite:///{tmp_path / 'tonfall.db'}", Kept()
    outlets = Outlets({"kept": Listed(kept)})
    store = Store.open(url)
    writer = Writer(store, node="n1", sinks=outlets.names)
    with Shop(tiny, submit=writer.submit, rules=(always(cooldown_s=600),)) as shop:
        call = open_call(shop.desk)
        play(call, packets(example(0, 15)))
        finish(call)
    writer.close(10)
    assert store.deliveries.count() == 1
    store.close()

    # Nothing had been sent when that server ended; the next one does it.
    store = Store.open(url)
    deliverer = Deliverer(store.deliveries, outlets=outlets, node="n2", poll_s=0.01)
    wait_until(lambda: store.deliveries.count(DeliveryState.DONE) == 1)
    deliverer.close()
    store.close()
    [told] = kept.told
    assert (told.kind, told.call, told.tenant) == ("alert.opened", call.id, "acme")
    assert told.payload["rule"] == "test"


def test_an_outlet_that_fails_is_tried_again_later(tiny: Predictor, tmp_path: Path) -> None:
    kept = Kept()
    kept.fails = True
    outlets = Outlets({"kept": Listed(kept)})
    store = Store.open(f"sqlite:///{tmp_path / 'tonfall.db'}")
    writer = Writer(store, node="n1", sinks=outlets.names)
    deliverer = Deliverer(store.deliveries, outlets=outlets, node="n1", poll_s=0.01)
    with Shop(tiny, submit=writer.submit, rules=(always(cooldown_s=600),)) as shop:
        call = open_call(shop.desk)
        play(call, packets(example(0, 15)))
        finish(call)
    wait_until(lambda: deliverer.counts["failed_tries"] == 1)
    wait_until(lambda: store.deliveries.count(DeliveryState.WAITING) == 1)
    deliverer.close()
    writer.close(10)
    store.close()
    assert kept.told == []


def test_what_is_over_is_resolved_where_the_rule_says_so(tiny: Predictor) -> None:
    def told(resolve: bool) -> list[AlertOpened | AlertMoved]:
        one = rule("anger", above=0.3, release=0.29, of="window", resolve_when_over=resolve)
        with Shop(tiny, rules=(one,)) as shop:
            call = open_call(shop.desk)
            play(call, packets(example()))
            finish(call)
        angry = [
            each.window.probabilities[3] for each in shop.told if isinstance(each, WindowHeard)
        ]
        assert max(angry) > 0.3 > 0.29 > min(angry)
        return [each for each in shop.told if isinstance(each, AlertOpened | AlertMoved)]

    moves = [each for each in told(True) if isinstance(each, AlertMoved)]
    opened = {each.alert for each in told(True) if isinstance(each, AlertOpened)}
    assert moves
    assert {(each.state, each.by) for each in moves} == {(AlertState.RESOLVED, "system")}
    assert len({each.alert for each in moves}) == len(moves) <= len(opened)
    assert not [each for each in told(False) if isinstance(each, AlertMoved)]


def test_an_objection_takes_its_alerts_along(tiny: Predictor) -> None:
    with Shop(tiny, rules=(always(),)) as shop:
        call = open_call(shop.desk)
        call.object(by="key-1")
        play(call, packets(example(0, 15)))
        finish(call)
    assert not [each for each in shop.told if isinstance(each, AlertOpened)]


@pytest.mark.parametrize("log", [True, False])
def test_the_log_is_an_outlet_unless_it_is_turned_off(log: bool) -> None:
    assert (build_outlets(Alerts(log=log)).find("log") is not None) is log
