"""What a server looks after beside its requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_node import running


def test_an_error_of_ours_in_keeping_house_does_not_end_it(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    swept: list[float] = []
    rested: list[None] = []

    def fail(now: float) -> None:
        swept.append(now)
        raise ValueError("boom")

    with running(tmp_path, model) as node:
        services = node.node.services
        monkeypatch.setattr(services.switchboard, "sweep", fail)
        monkeypatch.setattr(services.analyses, "rest", lambda: rested.append(None))
        node.wait_for(lambda: len(swept) > 1 and rested)
    assert "boom" in caplog.text
