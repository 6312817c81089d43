"""Budgets of alerts through a whole server: learnt, shown, used after a restart, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from running_node import Running, running
from store_calls import MadeCall

from tonfall.serve.alerts import CurveReader
from tonfall.serve.alerts.budgets import Budgets, needed_h, steps_of
from tonfall.serve.firings import STEPS, CallFirings, FiringCurve

RULES = """
rules:
  - name: all_of_it
    budget: 20 per 100 call hours
    when: [{measure: [neutral, happiness, sadness, anger], above: 0.9, release: 0.5}]
    persists_s: 0
    minimum_speech_s: 0
  - name: fixed
    when: [{measure: anger, above: 0.99}]
"""
STEP = 190


@dataclass
class Site:
    """A server with these rules, to be started again on the same data."""

    folder: Path
    model: Path

    def start(self, **sections: object) -> object:
        rules = self.folder / "rules.yaml"
        rules.write_text(RULES)
        return running(self.folder, self.model, alerts={"rules": str(rules)}, **sections)


@pytest.fixture
def site(tmp_path: Path, model: Path) -> Site:
    return Site(tmp_path, model)


def teach(node: Running, hours: float, *, tenant: str = "default") -> None:
    """A call of the native protocol ends that heard so many hours; 2 alerts below STEP, else 0."""
    [one, _] = node.node.services.desk.budgets.in_use(tenant, "native")
    counts = (100.0,) * STEP + (0.0,) * (STEPS - STEP)
    curve = FiringCurve(hours, 7, counts)
    call = MadeCall(tenant)
    some = CallFirings("native", "all_of_it", one.definition, 200.0, curve)
    writer = node.node.services.writer
    writer.submit(call.opened(carrier="native", external_id=uuid4().hex))
    writer.write_now(replace(call.closed(), firings=(some,)), timeout_s=60)


def rules_of(client: httpx.Client) -> dict[str, dict[str, object]]:
    answer = client.get("/v1/alerts/rules").raise_for_status().json()
    return {each["rule"]: each for each in answer["rules"]}


def test_a_threshold_is_learnt_shown_used_after_a_restart_and_forgotten(site: Site) -> None:
    with site.start() as node, node.client() as client:  # type: ignore[attr-defined]
        fresh = rules_of(client)
        assert fresh["all_of_it"]["thresholds"] == []
        assert (fresh["all_of_it"]["budget"], fresh["all_of_it"]["hours_needed"]) == (20.0, 25.0)
        assert (fresh["fixed"]["budget"], fresh["fixed"]["hours_needed"]) == (None, None)
        node.play(seconds=6)  # The call itself adds its seconds.
        [line] = rules_of(client)["all_of_it"]["thresholds"]
        assert (line["origin"], line["threshold"]) == ("fallback", 0.9)
        assert 0 <= line["hours"] < 0.01
        teach(node, needed_h(20))
        level = steps_of(node.node.services.desk.budgets.rules[0].when[0])[STEP]
    with site.start() as node, node.client() as client:  # type: ignore[attr-defined]
        [line] = rules_of(client)["all_of_it"]["thresholds"]
        assert (line["carrier"], line["origin"], line["threshold"]) == ("native", "budget", level)
        # The alert of the call before, which would have been one at any threshold, has faded.
        left = 0.5 ** (25 / 200)
        assert line["hours"] == pytest.approx(25.0, abs=0.01)
        assert line["expected"] == pytest.approx(100 * left / 25, rel=0.01)
        assert line["fired"] == pytest.approx(100 * (7 + left) / 25, rel=0.01)
        call = node.play(seconds=6)
        [alert] = client.get("/v1/alerts", params={"call": call}).json()["alerts"]
        assert (alert["rule"], alert["threshold_origin"]) == ("all_of_it", "budget")
        assert alert["evidence"]["threshold_1"] == level
        [event] = [
            each.payload
            for each in node.store.events("default", after=0, call=call)
            if each.kind == "alert.opened"
        ]
        assert event["threshold_origin"] == "budget"
        metrics = client.get("/metrics").text
        assert 'tonfall_alerts_opened_total{origin="budget",rule="all_of_it"} 1.0' in metrics
        assert client.delete("/v1/alerts/rules/learnt").json() == {"curves": 1}
        assert rules_of(client)["all_of_it"]["thresholds"] == []


def test_tenants_learn_apart_and_forgetting_needs_the_scope(site: Site) -> None:
    with site.start(auth={"mode": "keys"}) as node:  # type: ignore[attr-defined]
        teach(node, 30, tenant="a")
        teach(node, 40, tenant="b")
        officer = node.key("read", "privacy", tenant="a")
        reader = node.key("read", tenant="b")
        with node.client(reader) as client:
            [line] = rules_of(client)["all_of_it"]["thresholds"]
            assert line["hours"] == 40
            assert client.delete("/v1/alerts/rules/learnt").status_code == 403
        with node.client(officer) as client:
            assert client.delete("/v1/alerts/rules/learnt").json() == {"curves": 1}
        with node.client(reader) as client:
            assert len(rules_of(client)["all_of_it"]["thresholds"]) == 1


@pytest.fixture
def other_node(site: Site) -> Iterator[tuple[Running, Budgets]]:
    """A server, and what another one on its database would know."""
    with site.start() as node:  # type: ignore[attr-defined]
        desk = node.node.services.desk
        budgets = Budgets(desk.budgets.rules, model_hash=desk.predictor.hash)
        reader = CurveReader(node.store.curves, budgets=budgets, poll_s=0.01)
        yield node, budgets
        reader.close()


def test_what_one_node_hears_another_node_goes_by(other_node: tuple[Running, Budgets]) -> None:
    node, budgets = other_node
    assert budgets.in_use("default", "native")[0].origin == "fallback"
    teach(node, needed_h(20))
    node.wait_for(lambda: budgets.in_use("default", "native")[0].origin == "budget")
    node.store.curves.forget("default", actor="operator")
    node.wait_for(lambda: budgets.in_use("default", "native")[0].origin == "fallback")
