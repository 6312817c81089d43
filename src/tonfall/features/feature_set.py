"""What a set of descriptors is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.features.descriptors import DESCRIPTORS, Descriptor

__all__ = ["FeatureSet"]

_Table = npt.NDArray[np.float64] | FloatArray


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A set of descriptors.

    Attributes:
        name: as the command line knows it.
        what: in a sentence.
        statistics: how its numbers come from its contours, and what their names end with.
        frame_columns: names of its contours.
        columns: names of its numbers over a stretch.
        frames: (samples,) at 16 kHz to (frames, contours), a frame every 10 ms.
        summary: (samples,) at 16 kHz to (numbers,).
        code: files and folders of this package that decide what comes out.
        libraries: distributions whose versions do.
        notice: of its licence, where that is not Tonfall's.
    """

    name: str
    what: str
    statistics: str
    frame_columns: tuple[str, ...]
    columns: tuple[str, ...]
    frames: Callable[[FloatArray], _Table]
    summary: Callable[[FloatArray], _Table]
    code: tuple[str, ...] = ("arrays.py", "audio", "features")
    libraries: tuple[str, ...] = ("numpy", "scipy", "soundfile", "soxr")
    notice: str = ""

    @property
    def descriptors(self) -> list[Descriptor]:
        """What its contours are, in order, and then its numbers that are no statistics of one."""
        names = dict.fromkeys((*self.frame_columns, *self.columns))
        return [DESCRIPTORS[name] for name in names if name in DESCRIPTORS]
