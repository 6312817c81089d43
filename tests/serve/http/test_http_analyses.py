"""Recordings that are analysed when the server stops: refused, never an error of ours."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_node import EXAMPLE, PATIENCE_S, Running, running

from tonfall.serve.http.analyses import Analyses, Job
from tonfall.serve.http.problems import Problem


def test_what_is_worked_on_or_waits_is_refused_at_the_end(tmp_path: Path, model: Path) -> None:
    endless = tmp_path / "endless.wav"
    os.mkfifo(endless)  # whoever opens it waits
    job = Job(kind="analyze", path=endless, name="a.wav", longest_s=30)

    async def work() -> list[object]:
        analyses = Analyses(str(model), processes=1, waiting=1, timeout_s=600)
        asked = [asyncio.create_task(analyses.run(job)) for _ in range(2)]
        while analyses._workers[0]._process is None:
            await asyncio.sleep(0.01)
        analyses.close()
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(*asked, return_exceptions=True)

    for refused in asyncio.run(work()):
        assert isinstance(refused, Problem)
        assert refused.status_code == 503
        assert refused.headers == {"Retry-After": "5"}


def test_a_stop_while_the_process_is_started_ends_it(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyses = Analyses(str(model), processes=1, waiting=0, timeout_s=PATIENCE_S)
    endless = tmp_path / "endless.wav"
    os.mkfifo(endless)
    job = Job(kind="analyze", path=endless, name="a.wav", longest_s=30)
    [worker] = analyses._workers
    start = worker._started

    def started_late() -> Any:
        analyses.close()
        return start()

    monkeypatch.setattr(worker, "_started", started_late)
    with pytest.raises(Problem) as refused:
        asyncio.run(analyses.run(job))
    assert refused.value.status_code == 503
    assert worker._process is None


@pytest.mark.parametrize("path", ["/v1/analyze", "/predict"])
def test_a_request_that_outlasts_the_server_is_told_to_come_again(
    tmp_path: Path, model: Path, path: str
) -> None:
    with running(tmp_path, model) as node, ThreadPoolExecutor(1) as pool:
        analyses = node.node.services.analyses
        with analyses._workers[0]._lock:  # held: it works on something that never ends
            asked = pool.submit(post, node, path)
            node.wait_for(lambda: analyses.jobs == 1)
            node.node.stop()
            answer = asked.result()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "The server is about to stop; send it again."


def post(node: Running, path: str) -> httpx.Response:
    with node.client() as client:
        return client.post(path, files={"file": ("a.wav", EXAMPLE.read_bytes())})
