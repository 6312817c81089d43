"""An export is what the store holds: readable, and as tables."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from store_calls import LABELS, START, MadeCall

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.store import Counts, Store, Writer

CALLER = "c" * 64


@pytest.fixture
def made(store: Store, new_writer: Callable[..., Writer]) -> list[MadeCall]:
    """Two calls of one caller, one of another; one of another tenant."""
    writer = new_writer()
    calls = [
        MadeCall(caller=CALLER),
        MadeCall(caller=CALLER, at=START + timedelta(days=1)),
        MadeCall(caller="d" * 64),
        MadeCall("rival", caller=CALLER),
    ]
    for call in calls:
        writer.submit(call.opened())
        for number in range(3):
            writer.submit(call.window(number))
        writer.submit(call.turn())
        writer.submit(call.alert())
        writer.write_now(call.closed())
    return calls


def test_a_callers_export_holds_their_calls(
    store: Store, made: list[MadeCall], tmp_path: Path
) -> None:
    done = store.export("acme", tmp_path / "out", caller=CALLER, actor="officer")
    assert done.counts == Counts(calls=2, windows=6, turns=2, alerts=2)
    told = json.loads((tmp_path / "out" / "calls.json").read_text())
    assert {call["id"] for call in told} == {made[0].id, made[1].id}
    assert [len(call["windows"]) for call in told] == [3, 3]
    assert told[0]["windows"][0]["probabilities"] == {"neutral": 0.7, "anger": 0.2, "sadness": 0.1}
    assert told[0]["alerts"][0]["rule"] == "anger persists"
    line = store.audit_lines("acme")[-1]
    assert (line.actor, line.action, line.subject) == ("officer", "export", "caller")
    for file in done.files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_tables_hold_the_same(store: Store, made: list[MadeCall], tmp_path: Path) -> None:
    store.export("acme", tmp_path / "out", call=made[0].id, actor="officer")
    windows = pd.read_parquet(tmp_path / "out" / "windows.parquet")
    assert windows["start"].tolist() == [0.0, 1.0, 2.0]
    assert windows["label"].tolist() == ["unclear", "anger", "unclear"]
    assert windows["guess"].tolist() == ["anger"] * 3
    assert dict(windows["smoothed"][0]) == dict(zip(LABELS, (0.5, 0.3, 0.2), strict=True))
    calls = pq.read_table(tmp_path / "out" / "calls.parquet").to_pylist()
    assert (calls[0]["id"], calls[0]["seconds"]) == (made[0].id, 30.0)
    assert json.loads(calls[0]["speakers"])[0]["talk_ratio"] == 0.75
    assert len(pd.read_parquet(tmp_path / "out" / "turns.parquet")) == 1
    assert len(pd.read_parquet(tmp_path / "out" / "alerts.parquet")) == 1


def test_a_time_can_be_exported(store: Store, made: list[MadeCall], tmp_path: Path) -> None:
    since = START + timedelta(hours=1)
    done = store.export("acme", tmp_path / "out", since=since, actor="officer")
    assert done.counts.calls == 1


def test_an_export_of_nothing_is_empty_and_whole(store: Store, tmp_path: Path) -> None:
    done = store.export("acme", tmp_path / "out", call="none", actor="officer")
    assert done.counts.total == 0
    assert json.loads((tmp_path / "out" / "calls.json").read_text()) == []
    assert len(pd.read_parquet(tmp_path / "out" / "windows.parquet")) == 0


def test_an_export_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        store.export("acme", tmp_path, call="a", actor="officer")
    with pytest.raises(ConfigError, match="of a call or of a caller"):
        store.export("acme", tmp_path / "out", call="a", caller="b", actor="officer")
    with pytest.raises(ServiceError, match="The export cannot be written"):
        store.export("acme", tmp_path / "file" / "out", call="a", actor="officer")
