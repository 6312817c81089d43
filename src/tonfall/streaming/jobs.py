"""Work that an engine hands out, and takes back with its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tonfall.arrays import FloatArray
from tonfall.runtime import Baseline, Judgement

__all__ = ["PieceJob", "WindowJob"]


@dataclass(frozen=True, slots=True)
class PieceJob:
    """A piece of frames to be encoded.

    Attributes:
        frames: (context + piece frames, width) of the bundle's front end.
        weights: (context + piece frames,) in [0, 1].
        deliver: takes the row of the encoder.
        shed: gives the piece up, and with it every window that it belongs to.
    """

    frames: FloatArray
    weights: FloatArray
    deliver: Callable[[FloatArray], None]
    shed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class WindowJob:
    """A window to be judged against what its voice sounded like so far.

    Attributes:
        pieces: rows of the encoder, one for each of the window's pieces with speech.
        baseline: None where the window is judged alone.
        deliver: takes the judgement.
        shed: gives the window up: nothing is said of it, and the baseline stays as it was.
        learns: True where the judgement's ``prior_gate`` is wanted too.
    """

    pieces: tuple[FloatArray, ...]
    baseline: Baseline | None
    deliver: Callable[[Judgement], None]
    shed: Callable[[], None]
    learns: bool = False
