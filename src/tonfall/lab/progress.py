"""How far a measurement is, for whoever shows it: a command's bars, a notebook, a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tonfall.learn.loop import Epoch

__all__ = ["Progress", "Stage", "Step", "Unit", "no_progress", "stage"]

Unit = Literal["stage", "folds", "clips", "epochs"]
"""What is counted; a stage counts itself, 0 of 1 where it begins and 1 of 1 where it was done."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a measurement is.

    Attributes:
        title: of the stage, such as "medium, loso/emodb, clean".
        unit: what is counted. Clips are those of what is done at the moment, epochs those of the
            network that is trained at the moment; both begin again and again in one stage.
        done: how many are; of epochs also a part of one.
        total: how many there are.
        note: what else there is to say, such as a network's recall on development speakers, or why
            a recording was left out.
    """

    title: str
    unit: Unit
    done: float
    total: int
    note: str = ""


Progress = Callable[[Step], object]
"""Called with each step."""


def no_progress(_step: Step) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Tells of the steps of one stage."""

    title: str
    progress: Progress = no_progress

    def folds(self, done: int, total: int) -> None:
        """Folds done and all."""
        self.progress(Step(self.title, "folds", done, total))

    def clips(self, done: int, total: int, note: str = "") -> None:
        """Clips, or recordings, done and all."""
        self.progress(Step(self.title, "clips", done, total, note))

    def epochs(self, done: float, total: int, last: Epoch | None = None) -> None:
        """Epochs done, the most there can be, and the last one that was judged."""
        note = f"recall {last.development_recall:.0%}" if last else ""
        self.progress(Step(self.title, "epochs", done, total, note))


@contextmanager
def stage(title: str, progress: Progress) -> Iterator[Stage]:
    """Tell where a stage begins, what its steps are, and where it ends; one that fails does not."""
    progress(Step(title, "stage", 0, 1))
    yield Stage(title, progress)
    progress(Step(title, "stage", 1, 1))
