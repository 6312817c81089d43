"""Progress of measuring on standard error: the stage with its folds, and what a step counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from tonfall.cli.console import bars

if TYPE_CHECKING:
    from rich.progress import Progress

    from tonfall.lab import Step

__all__ = ["Bars", "measuring_bars"]


class Bars:
    """Shows steps as bars where a person is looking.

    Call it with each `tonfall.lab.Step`.

    Args:
        shown: what draws the bars, or None.
        quiet: True to say nothing either.
    """

    def __init__(self, shown: Progress | None, *, quiet: bool) -> None:
        self._shown = shown
        self._quiet = quiet
        self._tasks: dict[str, Any] = {}

    def __call__(self, step: Step) -> None:
        """Show where it is."""
        if self._shown is None:
            return
        if step.unit != "stage":
            self._update(self._shown, step)
        elif step.done < step.total:
            self._tasks["folds"] = self._shown.add_task(step.title, total=None)
        else:
            for task in self._tasks.values():
                self._shown.remove_task(task)
            self._tasks = {}

    def say(self, sentence: str) -> None:
        """A line on standard error."""
        if not self._quiet:
            typer.echo(sentence, err=True)

    def _update(self, shown: Progress, step: Step) -> None:
        if step.unit not in self._tasks:
            self._tasks[step.unit] = shown.add_task(step.unit, total=None)
        shown.update(
            self._tasks[step.unit],
            completed=step.done,
            total=step.total,
            visible=step.unit == "folds" or step.done < step.total,
            description=None if step.unit == "folds" else _described(step),
        )


def _described(step: Step) -> str:
    """The bar's own words: those of the stage stand above it."""
    if step.unit == "epochs":
        return f"epoch {int(step.done) + 1}" + (f", {step.note}" if step.note else "")
    return step.unit


@contextmanager
def measuring_bars(*, quiet: bool) -> Iterator[Bars]:
    """Bars on standard error where a person is looking and quiet is not asked for."""
    if quiet or not sys.stderr.isatty():
        yield Bars(None, quiet=quiet)
        return
    with bars() as shown:
        yield Bars(shown, quiet=quiet)
