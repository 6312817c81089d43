"""Stopping within one deadline, even where the database hangs.

A thread that waits for a database that hangs cannot be ended. So no step waits for a thread
without a limit, none uses the pool of threads that requests use, which may all hang, and a process
whose ordered end takes too long is ended by force.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from tonfall.serve.http import Services

__all__ = ["Deadline", "drain", "end_by_force", "in_time"]

_log = logging.getLogger(__name__)

AFTER_DRAIN_S = 13.0
LONGEST_S = 28.0
FORCE_S = 1.5
"""Seconds after the deadline until the process is ended by force: within 30 s in all."""
CLOSING_S = 2.0
"""Seconds that connections have to say goodbye."""
JUDGING_S = 3.0
"""Seconds in which what was heard is judged, once connections are closed."""
WRITING_S = 6.0
"""Seconds in which what was judged is written while clients can still be told of it."""
TOLD_S = 0.1
"""Seconds in which what was written is passed on to those who listen."""
LOOK_S = 0.02


class Deadline:
    """When a server that stops must have ended; it counts from now.

    Args:
        drain_s: seconds that calls have to end by themselves.
        clock: seconds that never go back.

    >>> Deadline(15).seconds, Deadline(25).seconds, Deadline(1).seconds
    (28.0, 28.0, 14.0)
    """

    def __init__(self, drain_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = min(drain_s + AFTER_DRAIN_S, LONGEST_S)
        self._clock = clock
        self._until = clock() + self.seconds

    @property
    def left_s(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self._until - self._clock())

    def part_s(self, most_s: float, *, keep_s: float) -> float:
        """Seconds for one step, which leaves ``keep_s`` to those that follow."""
        return max(0.0, min(most_s, self.left_s - keep_s))


async def drain(services: Services, deadline: Deadline) -> int:
    """Let calls and recordings end by themselves for a while; judge and write what was heard.

    Returns:
        Calls that there was no time to judge to their end.
    """
    desk, switchboard, writer = services.desk, services.switchboard, services.writer
    analyses, drain_s = services.analyses, services.settings.server.drain_s
    _log.info("The server stops: %d calls are live.", desk.statistics().calls)
    desk.stop_accepting()
    switchboard.ask_to_reconnect()
    await _until(lambda: not (desk.live() or analyses.jobs), deadline.part_s(drain_s, keep_s=3))
    cut_short = sum(not call.ended for call in desk.live())
    switchboard.stop_all()
    await _until(lambda: not len(switchboard), deadline.part_s(CLOSING_S, keep_s=2.5))
    seconds = deadline.part_s(JUDGING_S, keep_s=2)
    await in_time(lambda: desk.drain(seconds / 2), seconds)
    await _until(lambda: not writer.counters().waiting, deadline.part_s(WRITING_S, keep_s=1))
    await asyncio.sleep(TOLD_S)
    unjudged = len(desk.live())
    _log.info(
        "Calls are over after %.1f s: %d were cut short, since the server stops; %d are not judged "
        "to their end, and %d changes wait to be written.",
        deadline.seconds - deadline.left_s,
        cut_short,
        unjudged,
        writer.counters().waiting,
    )
    return unjudged


async def in_time(work: Callable[[], object], seconds: float) -> bool:
    """Do something that blocks, on a thread of its own; False where it takes longer.

    The thread goes on then, but holds up nobody: not even the end of the process.
    """
    future: Future[object] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="tonfall-stopping", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.wrap_future(future)
    except TimeoutError:
        return False
    return True


def end_by_force(seconds: float, unfinished: Callable[[], Sequence[str]]) -> None:
    """End the process after that time with status 1, unless it has ended by itself.

    Args:
        seconds: from now.
        unfinished: names of the parts that have not ended; asked when the time is over.
    """
    timer = threading.Timer(seconds, _end, (unfinished,))
    timer.daemon = True
    timer.start()


def _end(unfinished: Callable[[], Sequence[str]]) -> None:
    """Say what the process does not end by; a thread that is no daemon keeps it alive."""
    threads = [each.name for each in threading.enumerate() if _holds(each)]
    _log.error(
        "The server ends by force. What has not ended: %s; threads that run: %s.",
        ", ".join(unfinished()) or "nothing that is known",
        ", ".join(threads) or "none",
    )
    os._exit(1)


def _holds(thread: threading.Thread) -> bool:
    return not thread.daemon and thread is not threading.main_thread()


async def _until(true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true, but not for longer than that."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        await asyncio.sleep(LOOK_S)
