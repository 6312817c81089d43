"""What is opened once a process, whichever thread asks for it first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["OncePerProcess"]

_Opened = TypeVar("_Opened")


class OncePerProcess(Generic[_Opened]):
    """Opens each thing when it is first asked for, and keeps it.

    Threads that ask for the same thing at once wait for one opening. A forked process opens anew:
    the lock and the sessions it inherits may be in the hands of threads that it does not have.

    Args:
        most: how many are kept, at least 1; the one not asked for longest is let go.

    >>> letters = OncePerProcess[list[str]](most=2)
    >>> letters.get("a", lambda: ["opened"]) is letters.get("a", lambda: ["opened again"])
    True
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Opened] = {}
        self._inherited: list[dict[Hashable, _Opened]] = []
        if hasattr(os, "register_at_fork"):  # Windows cannot fork.
            os.register_at_fork(after_in_child=self._begin_anew)

    def get(self, key: Hashable, open_it: Callable[[], _Opened]) -> _Opened:
        """The thing of this key; what ``open_it`` raises is raised, and nothing is kept of it."""
        with self._lock:
            opened = self._kept.pop(key) if key in self._kept else open_it()
            self._kept[key] = opened  # At the end: that used last.
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
            return opened

    def _begin_anew(self) -> None:
        # Kept unused: to destroy a session is to wait for its threads, which were not forked.
        self._inherited.append(self._kept)
        self._kept = {}
        self._lock = threading.Lock()
