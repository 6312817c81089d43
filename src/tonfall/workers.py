"""Processes that share work out, and what is said where they cannot be started or were ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread

from tonfall.errors import ConfigError, ServiceError

__all__ = ["worker_pool"]


@contextmanager
def worker_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes for a ``with`` block; they end with it, and where it fails without being awaited.

    Where this process is killed they end with it, too.

    They are spawned: a forked process inherits locks of other threads. A spawned one runs the main
    program again, up to its ``if __name__ == "__main__"``, and so there must be one in a file.

    Args:
        count: processes, at least 1.

    Raises:
        ConfigError: this program cannot start processes, for the reason that is said.
        ServiceError: a process was ended from outside; a retry can help.
    """
    _check_may_start()
    context = get_context("spawn")
    begun = context.Event()
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(begun,))
    try:
        yield pool
    except BrokenExecutor as error:
        pool.shutdown(wait=False, cancel_futures=True)
        raise _reason(started=begun.is_set()) from error
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _begin(begun: Event) -> None:
    begun.set()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker waits for work on a pipe of which it holds both ends: it would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check_may_start() -> None:
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if getattr(current_process(), "_inheriting", False):
        # A worker of this very program, which runs it again. Silent: the process that started it
        # is told that none could be started, and says why.
        raise SystemExit(1)
    if current_process().daemon:
        raise ConfigError(
            "This process is a daemon, as those of multiprocessing.Pool are, and may start no "
            "others. Ask for one process (workers=1)."
        )
    if getattr(main, "__spec__", None) is None and file is not None and not Path(file).is_file():
        raise ConfigError(
            f"Several processes are asked for, but each runs the main program again, and {file} is "
            "no file. Save the program in one, or ask for one process (workers=1)."
        )


def _reason(*, started: bool) -> ConfigError | ServiceError:
    if started:
        return ServiceError(
            "A process that shared the work was ended from outside, for lack of memory perhaps. "
            "Try again with fewer processes (-j 1, or workers=1 in Python).",
            retry=True,
        )
    return ConfigError(
        "No process could be started: each runs the main program again, which fails or asks for "
        'processes itself. Put what it does below `if __name__ == "__main__":`, or ask for one '
        "process (workers=1)."
    )
