"""Recordings that were uploaded, analysed by processes of their own.

A decoder that crashes or never ends, or audio that unpacks to days, harms that process alone; and
a long recording takes nothing from live calls, since it is worked on at the lowest priority. A
process starts with the first recording and ends when none came for a while.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Event, Lock

from tonfall.serve.http.fair_queue import FairQueue
from tonfall.serve.http.problems import Problem, mistake, stops
from tonfall.serve.http.recordings import Failure, Job, Ready, Refusal, work

__all__ = ["Analyses"]

_log = logging.getLogger(__name__)

IDLE_S = 60.0
START_S = 60.0
REAP_S = 1.0
"""Seconds in which the system says how a process ended whose pipe has closed."""
CRASHES = frozenset(
    {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}
)
"""Exit codes that a decoder causes; the system ends a process by others, for want of memory."""


class Analyses:
    """Some processes that analyse recordings, and the queue before them, fair to each tenant.

    Args:
        model: name or folder.
        processes: at most.
        timeout_s: after which a process is ended.
    """

    def __init__(self, model: str, *, processes: int, timeout_s: float) -> None:
        self.done = 0
        self.failed = 0
        self._workers = [_Worker(model) for _ in range(processes)]
        self._queue = FairQueue(self._workers)
        # Of their own: a recording may take minutes, and requests share the threads of the loop.
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="tonfall-analyses")
        self._timeout_s = timeout_s
        self._jobs = 0

    @property
    def jobs(self) -> int:
        """Recordings that are worked on or wait."""
        return self._jobs

    async def run(self, job: Job, *, tenant: str) -> bytes:
        """The answer to a job, as JSON; where this is cancelled, nobody works on it any more.

        Raises:
            AudioError, ConfigError: the recording cannot be used.
            Problem: it takes too long, the decoder crashed, the model failed, or the server stops.
        """
        self._jobs += 1
        try:
            answer = await self._run(job, tenant)
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

    async def _run(self, job: Job, tenant: str) -> bytes:
        worker, given_up = await self._queue.get(tenant), Event()
        working = asyncio.get_running_loop().run_in_executor(
            self._threads, worker.run, job, self._timeout_s, given_up
        )
        # The next recording comes once the thread is back, be this one cancelled before.
        working.add_done_callback(lambda _: self._queue.put(worker))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if not working.done():
                given_up.set()
                worker.kill()
            raise


class _Worker:
    """One process, started when it is needed."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._latest = time.monotonic()
        self._closed = False

    def run(self, job: Job, timeout_s: float, given_up: Event) -> bytes:
        with self._lock:
            self._check(given_up)
            pipe = self._started(given_up)
            self._check(given_up)  # Meanwhile, when there was no process to kill yet.
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
                raise self._ended(given_up) from None
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, Refusal):
            raise answer.error
        _log.error("A recording could not be analysed by a failure of ours: %s", answer.reason)
        raise mistake()

    def rest(self) -> None:
        if time.monotonic() - self._latest > IDLE_S and self._lock.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._lock.release()

    def stop(self) -> None:
        self._closed = True
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does; the thread that waits for it comes back."""
        process = self._process
        if process is not None:
            process.kill()

    def _check(self, given_up: Event) -> None:
        if self._closed or given_up.is_set():
            self._stop()
            raise stops()

    def _ended(self, given_up: Event) -> Problem:
        """Why the process has ended in the middle of a recording."""
        code = self._stop(REAP_S)
        if self._closed or given_up.is_set():
            return stops()
        if code in CRASHES:
            return Problem(
                422, "The recording made its decoder fail; convert it to WAV or FLAC first."
            )
        _log.error("The process that analyses recordings ended with %s.", code)
        return mistake()

    def _started(self, given_up: Event) -> Connection:
        """The pipe to a process that has loaded the model."""
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._stop()
        context = get_context("spawn")
        mine, theirs = context.Pipe()
        process = context.Process(
            target=work, args=(theirs, self._model), name="tonfall-analyses", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe = process, mine
        self._check(given_up)
        try:
            said = mine.recv() if mine.poll(START_S) else None
        except (EOFError, OSError):
            raise self._ended(given_up) from None
        if isinstance(said, Ready):
            return mine
        self._stop()
        reason = said.reason if isinstance(said, Failure) else f"nothing in {START_S:g} s"
        _log.error("The process that analyses recordings did not start: %s", reason)
        raise mistake()

    def _stop(self, reap_s: float = 0.0) -> int | None:
        """End the process; what it ended with, where it ends by itself within ``reap_s``."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.join(reap_s)
        process.kill()
        process.join()
        return process.exitcode
