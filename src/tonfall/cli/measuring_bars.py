"""Progress of measuring on standard error: the stage, its folds, and the clips of a step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tonfall.cli.console import bars

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bars", "measuring_bars"]


class Bars:
    """Two bars, or none where nobody looks.

    Args:
        shown: what draws them, or None.
    """

    def __init__(self, shown: Progress | None) -> None:
        self._shown = shown
        self._folds: Any = None
        self._clips: Any = None

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Show the title while something is done."""
        if self._shown is None:
            yield
            return
        self._folds = self._shown.add_task(title, total=None)
        self._clips = self._shown.add_task("clips", total=None, visible=False)
        try:
            yield
        finally:
            self._shown.remove_task(self._folds)
            self._shown.remove_task(self._clips)

    def folds(self, done: int, total: int) -> None:
        """Folds done and all of the stage."""
        if self._shown is not None:
            self._shown.update(self._folds, completed=done, total=total)

    def clips(self, done: int, total: int) -> None:
        """Clips done and all of the step."""
        if self._shown is not None:
            self._shown.update(self._clips, completed=done, total=total, visible=done < total)


@contextmanager
def measuring_bars(*, quiet: bool) -> Iterator[Bars]:
    """Bars on standard error where a person is looking and quiet is not asked for."""
    if quiet or not sys.stderr.isatty():
        yield Bars(None)
        return
    with bars() as shown:
        yield Bars(shown)
