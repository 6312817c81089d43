"""Progress on standard error, where a person is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tonfall.cli.console import bars

if TYPE_CHECKING:
    from tonfall.learn.loop import Epoch

__all__ = ["TrainingBars", "count_bar", "seconds_bar", "training_bars"]


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


@dataclass(frozen=True)
class TrainingBars:
    """What training tells as it goes on; None where nobody looks.

    Attributes:
        clips: called with clips done and all.
        epochs: called with epochs done, most of them, and the last one that was judged.
    """

    clips: Callable[[int, int], None] | None = None
    epochs: Callable[[float, int, Epoch | None], None] | None = None


@contextmanager
def training_bars(title: str, *, quiet: bool) -> Iterator[TrainingBars]:
    """A bar over clips and one over epochs; none where nobody looks or quiet is asked for."""
    if quiet or not sys.stderr.isatty():
        yield TrainingBars()
        return
    with bars() as shown:
        clips = shown.add_task(f"{title}: clips", total=None)
        epochs = shown.add_task(f"{title}: epochs", total=None, visible=False)

        def count(done: int, total: int) -> None:
            shown.update(clips, completed=done, total=total)

        def learn(done: float, most: int, last: Epoch | None) -> None:
            said = f", recall {last.development_recall:.0%}" if last else ""
            shown.update(
                epochs,
                completed=done,
                total=most,
                visible=done < most,
                description=f"{title}: epoch {int(done) + 1}{said}",
            )

        yield TrainingBars(count, learn)
