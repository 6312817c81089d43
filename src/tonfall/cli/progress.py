"""Progress on standard error, where a person is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tonfall.cli.console import bars

__all__ = ["count_bar", "seconds_bar"]


@contextmanager
def count_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar over things that are counted; None where nobody looks or quiet is asked for."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with bars() as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def seconds_bar(
    title: str, *, quiet: bool
) -> Iterator[Callable[[float, float | None], None] | None]:
    """The same over seconds of a recording, whose length may not be known."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with bars() as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
