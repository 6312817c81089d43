"""Recordings that are analysed: in turn, and no longer than the server, or somebody, wants it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket as sockets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from running_node import EXAMPLE, PATIENCE_S, Running, running

from tonfall.errors import BundleError, ConfigError
from tonfall.runtime import Predictor
from tonfall.serve.http.analyses import Analyses
from tonfall.serve.http.fair_queue import FairQueue
from tonfall.serve.http.problems import Problem
from tonfall.serve.http.recordings import Failure, Job, Refusal, answer


def test_what_is_worked_on_or_waits_is_refused_at_the_end(tmp_path: Path, model: Path) -> None:
    endless = tmp_path / "endless.wav"
    os.mkfifo(endless)  # whoever opens it waits
    job = Job(kind="analyze", path=endless, name="a.wav", longest_s=30)

    async def work() -> list[object]:
        analyses = Analyses(str(model), processes=1, timeout_s=600)
        asked = [asyncio.create_task(analyses.run(job, tenant="a")) for _ in range(2)]
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
    analyses = Analyses(str(model), processes=1, timeout_s=PATIENCE_S)
    endless = tmp_path / "endless.wav"
    os.mkfifo(endless)
    job = Job(kind="analyze", path=endless, name="a.wav", longest_s=30)
    [worker] = analyses._workers
    start = worker._started

    def started_late(given_up: Event) -> Any:
        analyses.close()
        return start(given_up)

    monkeypatch.setattr(worker, "_started", started_late)
    with pytest.raises(Problem) as refused:
        asyncio.run(analyses.run(job, tenant="a"))
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


def endless_job(folder: Path) -> Job:
    """Work that never ends: whoever opens its file waits."""
    path = folder / "endless.wav"
    os.mkfifo(path)
    return Job(kind="predict", path=path, name="a.wav", longest_s=30)


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.01)


def test_a_tenant_that_was_served_waits_for_one_that_was_not() -> None:
    async def work() -> list[str]:
        queue, served = FairQueue(["only"]), list[str]()

        async def use(tenant: str) -> None:
            item = await queue.get(tenant)
            served.append(tenant)
            await asyncio.sleep(0)
            queue.put(item)

        tasks = [asyncio.create_task(use(tenant)) for tenant in ("a", "a", "a", "b", "c", "b")]
        await asyncio.gather(*tasks)
        return served

    assert asyncio.run(work()) == ["a", "b", "c", "a", "b", "a"]


def test_a_place_that_is_given_up_is_passed_on() -> None:
    async def work() -> str:
        queue = FairQueue(["only"])
        item = await queue.get("a")
        waiting = [asyncio.create_task(queue.get("a")) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # While it waits.
        await asyncio.sleep(0)
        queue.put(item)
        waiting[1].cancel()  # Served, but it has not heard of it yet.
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(PATIENCE_S):
            return await queue.get("b")

    assert asyncio.run(work()) == "only"


def test_work_that_nobody_wants_any_more_ends(tmp_path: Path, model: Path) -> None:
    job = endless_job(tmp_path)

    async def work() -> None:
        analyses = Analyses(str(model), processes=1, timeout_s=600)
        [worker] = analyses._workers
        for _ in range(2):  # The second time the process is a new one.
            asked = [asyncio.create_task(analyses.run(job, tenant="a")) for _ in range(2)]
            await until(lambda: worker._process is not None)
            asked[1].cancel()  # It waits.
            asked[0].cancel()  # It is worked on.
            await asyncio.gather(*asked, return_exceptions=True)
            await until(lambda: worker._process is None)
            assert analyses.jobs == 0
        analyses.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGSEGV, 422), (signal.SIGKILL, 500)], ids=["crash", "no memory"]
)
def test_a_decoder_that_crashes_is_the_recordings_fault_and_lack_of_memory_ours(
    tmp_path: Path, model: Path, number: int, status: int
) -> None:
    job = endless_job(tmp_path)

    async def work() -> None:
        analyses = Analyses(str(model), processes=1, timeout_s=600)
        asked = asyncio.create_task(analyses.run(job, tenant="a"))
        [worker] = analyses._workers
        await until(lambda: worker._process is not None)
        # Only who reads the pipe can open its other end.
        pipe = await asyncio.to_thread(os.open, job.path, os.O_WRONLY)
        assert worker._process is not None
        assert worker._process.pid is not None
        os.kill(worker._process.pid, number)
        os.close(pipe)
        with pytest.raises(Problem) as told:
            await asked
        assert told.value.status_code == status
        analyses.close()

    asyncio.run(work())


def test_a_model_that_fails_is_our_fault(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise BundleError(f"The model failed on {EXAMPLE}.")

    for kind, how in {"analyze": "encode", "predict": "encode_clip"}.items():
        monkeypatch.setattr(tiny, how, fail)
        job = Job(kind=kind, path=EXAMPLE, name="mine.wav", longest_s=600)  # type: ignore[arg-type]
        assert answer(job, tiny) == Failure("The model failed on mine.wav.")
    refused = answer(
        Job(kind="analyze", path=EXAMPLE, name="mine.wav", longest_s=600, customer=5), tiny
    )
    assert isinstance(refused, Refusal)
    assert isinstance(refused.error, ConfigError)


def test_a_model_that_cannot_be_loaded_is_answered_500(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, model) as node:
        [worker] = node.node.services.analyses._workers
        worker._model = str(tmp_path / "none")
        failed = post(node, "/v1/analyze")
        worker._model = str(model)
        assert post(node, "/v1/analyze").status_code == 200
    assert failed.status_code == 500
    assert failed.json()["detail"] == "The server made a mistake; it was logged."
    [said] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "did not start" in said.getMessage()


@pytest.mark.parametrize("path", ["/v1/analyze", "/predict"])
def test_a_client_that_hangs_up_is_worked_for_no_more(
    tmp_path: Path, model: Path, path: str
) -> None:
    with running(tmp_path, model, limits={"clip_s": 120}) as node:
        services = node.node.services
        with services.analyses._workers[0]._lock:  # held: it works on something that never ends
            waiting = [hung_up(node, path) for _ in range(2)]
            node.wait_for(lambda: services.analyses.jobs == 2)
            for each in waiting:
                each.close()
            node.wait_for(lambda: services.analyses.jobs == 0)
            node.wait_for(lambda: not list(services.uploads.folder.iterdir()))
        assert post(node, path).status_code == 200


def hung_up(node: Running, path: str) -> sockets.socket:
    """A connection over which a whole recording was sent."""
    files = {"file": ("a.wav", EXAMPLE.read_bytes())}
    request = httpx.Request("POST", node.url + path, files=files)
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    lines = [f"POST {path} HTTP/1.1", *headers]
    connection = sockets.create_connection(node.node.addresses["http"], timeout=PATIENCE_S)
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + request.read())
    return connection
