"""Alerts over HTTP: what is acknowledged is on the disk when it is answered."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from running_node import Running, running

from tonfall.serve.records import AlertOpened
from tonfall.serve.store import AuditCheck


@pytest.fixture(scope="module")
def desk_node(tmp_path_factory: pytest.TempPathFactory, model: Path) -> object:
    with running(tmp_path_factory.mktemp("alerts"), model) as node:
        yield node


@pytest.fixture
def alert(desk_node: Running) -> str:
    """An alert of a call, opened as the desk does."""
    call = desk_node.play(call_id=uuid4().hex, seconds=4)
    name = uuid4().hex
    opened = AlertOpened(
        name, call, "default", datetime.now(UTC), "anger", "critical", 0, "S1", 3.0, {"held_s": 4.0}
    )
    desk_node.node.services.writer.write_now(opened, timeout_s=60)
    return name


def test_an_alert_is_acknowledged_and_resolved(desk_node: Running, alert: str) -> None:
    path = f"/v1/alerts/{alert}"
    with desk_node.client() as client:
        assert client.get(path).json()["state"] == "open"
        taken = client.post(f"{path}/acknowledge", json={"note": "I look at it."})
        assert taken.raise_for_status().json()["state"] == "acknowledged"
        assert taken.json()["moved_by"] == "local"
        done = client.post(f"{path}/resolve", json={}).raise_for_status().json()
        assert done["state"] == "resolved"
        again = client.post(f"{path}/acknowledge", json={})
        assert again.status_code == 409
        assert "resolved" in again.json()["detail"]


def test_what_is_answered_is_in_the_file(desk_node: Running, alert: str) -> None:
    with desk_node.client() as client:
        client.post(f"/v1/alerts/{alert}/false_alarm", json={}).raise_for_status()
    file = str(desk_node.store.database.url.database)
    with sqlite3.connect(file) as other:
        row = other.execute("SELECT state FROM alerts WHERE id = ?", [alert]).fetchone()
    other.close()
    assert row == ("false_alarm",)


def test_alerts_are_listed_by_state_and_call(desk_node: Running, alert: str) -> None:
    with desk_node.client() as client:
        found = client.get("/v1/alerts", params={"state": "open"}).json()["alerts"]
        [mine] = [each for each in found if each["alert"] == alert]
        of_call = client.get("/v1/alerts", params={"call": mine["call"]}).json()["alerts"]
        none = client.get("/v1/alerts", params={"call": "0" * 32}).json()["alerts"]
    assert [each["alert"] for each in of_call] == [alert]
    assert none == []
    assert mine["evidence"] == {"held_s": 4.0}


def test_the_audit_names_who_did_what_and_holds_together(desk_node: Running, alert: str) -> None:
    with desk_node.client() as client:
        client.post(f"/v1/alerts/{alert}/acknowledge", json={}).raise_for_status()
        client.get(f"/v1/alerts/{alert}").raise_for_status()
        page = client.get("/v1/audit", params={"limit": 1000}).json()
    moved = [line for line in page["lines"] if line["subject"] == f"alert {alert}"]
    assert [(line["actor"], line["action"]) for line in moved] == [
        ("local", "alert.moved"),
        ("local", "alert.viewed"),
    ]
    check: AuditCheck = desk_node.store.verify_audit()
    assert check.intact


def test_the_audit_says_what_its_last_check_found_and_when(
    desk_node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC)
    desk_node.wait_for(desk_node.store.last_audit_check)
    desk_node.store.check_audit(rest=lambda: None)
    monkeypatch.setattr("tonfall.serve.store.auditing.verify", None)  # A page walks no chain.
    with desk_node.client() as client:
        page = client.get("/v1/audit", params={"limit": 1}).raise_for_status().json()
    assert page["intact"] is True
    assert started - timedelta(seconds=1) < datetime.fromisoformat(page["checked_at"])


def test_before_the_first_check_the_audit_claims_nothing(
    desk_node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_node.store, "last_audit_check", lambda: None)
    with desk_node.client() as client:
        page = client.get("/v1/audit").raise_for_status().json()
    assert (page["intact"], page["checked_at"]) == (None, None)


def test_views_and_exports_are_in_the_audit(desk_node: Running) -> None:
    call = desk_node.play(call_id=uuid4().hex, seconds=4)
    with desk_node.client() as client:
        for path in ("", "/windows", "/turns", "/export"):
            client.get(f"/v1/calls/{call}{path}").raise_for_status()
        lines = client.get("/v1/audit", params={"limit": 1000}).json()["lines"]
    seen = {line["action"] for line in lines if line["subject"] == f"call {call}"}
    assert {"call.viewed", "windows.viewed", "turns.viewed", "export"} <= seen
