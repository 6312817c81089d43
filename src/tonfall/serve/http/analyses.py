"""Recordings that were uploaded, analysed by a process of their own.

A decoder that crashes or never ends, or audio that unpacks to days, harms that process alone; and
a long recording takes nothing from live calls, since it is worked on at the lowest priority. The
process starts with the first recording and ends when none came for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from tonfall.errors import AudioError, ConfigError, ServiceError, TonfallError
from tonfall.serve.http.problems import Problem, stops

if TYPE_CHECKING:
    from tonfall.arrays import FloatArray
    from tonfall.audio import AudioReader
    from tonfall.runtime import Predictor

__all__ = ["Analyses", "Job"]

_log = logging.getLogger(__name__)

IDLE_S = 60.0
NICE = 10
START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do with a recording.

    Attributes:
        kind: "analyze" gives a timeline, "predict" a judgement of one clip.
        path: of the upload.
        name: how the client calls it.
        longest_s: seconds; a longer recording is refused while it is decoded.
        customer: channel that is judged, or of one channel the speaker; all by default.
        speakers: how many there are in a recording of one channel; found out by default.
        baseline: False to judge every window alone.
    """

    kind: Literal["analyze", "predict"]
    path: Path
    name: str
    longest_s: float
    customer: int | None = None
    speakers: int | None = None
    baseline: bool = True


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong in the process; errors of ours as they are, others without their text."""

    error: TonfallError | None


class Analyses:
    """Some processes that analyse recordings, and the queue before them.

    Args:
        model: name or folder.
        processes: at most.
        waiting: recordings that may wait for a process.
        timeout_s: after which a process is ended.
    """

    def __init__(self, model: str, *, processes: int, waiting: int, timeout_s: float) -> None:
        self.done = 0
        self.failed = 0
        self.refused = 0
        self._workers = [_Worker(model) for _ in range(processes)]
        self._free: asyncio.Queue[_Worker] | None = None
        self._most = processes + waiting
        self._timeout_s = timeout_s
        self._jobs = 0

    @property
    def jobs(self) -> int:
        """Recordings that are worked on or wait."""
        return self._jobs

    async def run(self, job: Job) -> bytes:
        """The answer to a job, as JSON.

        Raises:
            AudioError, ConfigError: the recording cannot be used.
            Problem: too many wait, it takes too long, the decoder crashed, or the server stops.
        """
        if self._jobs >= self._most:
            self.refused += 1
            raise Problem(
                429,
                "As many recordings as may are being analysed; try again later.",
                headers={"Retry-After": "10"},
            )
        self._jobs += 1
        try:
            answer = await self._run(job)
        except BaseException:
            self.failed += 1
            raise
        finally:
            self._jobs -= 1
        self.done += 1
        return answer

    def rest(self) -> None:
        """End the processes that had nothing to do for a while."""
        for worker in self._workers:
            worker.rest()

    def close(self) -> None:
        """End all processes; recordings that they worked on, or that wait, are refused."""
        for worker in self._workers:
            worker.stop()

    async def _run(self, job: Job) -> bytes:
        if self._free is None:
            self._free = asyncio.Queue()
            for each in self._workers:
                self._free.put_nowait(each)
        worker = await self._free.get()
        try:
            return await asyncio.shield(asyncio.to_thread(worker.run, job, self._timeout_s))
        finally:
            self._free.put_nowait(worker)


class _Worker:
    """One process, started when it is needed."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._latest = time.monotonic()
        self._closed = False

    def run(self, job: Job, timeout_s: float) -> bytes:
        with self._lock:
            if self._closed:
                raise stops()
            pipe = self._started()
            if self._closed:  # Meanwhile, when there was no process to kill yet.
                self._stop()
                raise stops()
            self._latest = time.monotonic()
            try:
                pipe.send(job)
                if not pipe.poll(timeout_s):
                    self._stop()
                    raise Problem(
                        422, f"The recording took longer than {timeout_s:g} s; send a shorter one."
                    )
                answer = pipe.recv()
            except (EOFError, OSError):
                self._stop()
                if self._closed:
                    raise stops() from None
                raise Problem(
                    422, "The recording made its decoder fail; convert it to WAV or FLAC first."
                ) from None
        if isinstance(answer, bytes):
            return answer
        raise answer.error or Problem(500, "The server made a mistake; it was logged.")

    def rest(self) -> None:
        if time.monotonic() - self._latest > IDLE_S and self._lock.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._lock.release()

    def stop(self) -> None:
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()

    def _started(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._stop()
        context = get_context("spawn")
        mine, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, self._model), name="tonfall-analyses", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe = process, mine
        return mine

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None


def _work(pipe: Connection, model: str) -> None:
    """The process: jobs in, answers out, until the pipe closes."""
    from tonfall.runtime import load

    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
    predictor = load(model)
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        while True:
            pipe.send(_answer(pipe.recv(), predictor))


def _answer(job: Job, predictor: Predictor) -> bytes | _Failure:
    try:
        return (_analyze if job.kind == "analyze" else _predict)(job, predictor)
    except TonfallError as error:
        return _Failure(_without_path(error, job))
    except Exception as error:
        _log.error("A recording could not be analysed: %s", type(error).__name__)
        return _Failure(None)


def _without_path(error: TonfallError, job: Job) -> TonfallError:
    """The same error, with the client's name of the file in place of ours."""
    text = str(error).replace(str(job.path), job.name)
    kind = AudioError if isinstance(error, AudioError) else ConfigError
    return ServiceError(text) if isinstance(error, ServiceError) else kind(text)


def _analyze(job: Job, predictor: Predictor) -> bytes:
    """What ``tonfall analyze`` does, once it is known how long the recording is."""
    from tonfall.analysis import analyze
    from tonfall.analysis.exports import export
    from tonfall.audio import open_audio

    with open_audio(job.path) as reader:
        for _ in _bounded(reader, job):
            pass
    analysis = analyze(
        job.path,
        model=predictor,
        baseline=job.baseline,
        customer=job.customer,
        speakers=job.speakers,
    )
    timeline = analysis.timeline
    named = replace(timeline.recording, file=job.name)
    return export(replace(timeline, recording=named), "json")


def _predict(job: Job, predictor: Predictor) -> bytes:
    import json

    import numpy as np

    from tonfall.audio import open_audio

    with open_audio(job.path) as reader:
        blocks = list(_bounded(reader, job))
        rate = reader.info.sampling_rate
    if not blocks:
        raise AudioError(f"{job.name}: it has no samples; send a clip with speech in it.")
    waveform = np.concatenate(blocks, axis=1)
    affect = predictor.predict(waveform, sampling_rate=rate)
    answer: dict[str, Any] = {
        "label": affect.label,
        "guess": affect.guess,
        "confidence": affect.confidence,
        "probabilities": dict(zip(affect.labels, affect.probabilities, strict=True)),
        "arousal": affect.arousal,
        "valence": affect.valence,
        "dominance": affect.dominance,
        "seconds": waveform.shape[1] / rate,
        "model": predictor.name,
        "model_hash": predictor.hash,
    }
    return json.dumps(answer).encode()


def _bounded(reader: AudioReader, job: Job) -> Iterator[FloatArray]:
    """Blocks, until there are more seconds than may be: headers can lie."""
    most = int(job.longest_s * reader.info.sampling_rate)
    told = reader.info.samples
    if told is not None and told > most:
        raise _too_long(job)
    passed = 0
    for block in reader:
        passed += block.shape[1]
        if passed > most:
            raise _too_long(job)
        yield block


def _too_long(job: Job) -> AudioError:
    return AudioError(
        f"{job.name}: the recording is longer than {job.longest_s:g} s, the limit; send a part."
    )
