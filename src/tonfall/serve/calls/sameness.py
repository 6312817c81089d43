"""Whether the channels of a call hold one mix, found out while the call goes on."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import ChannelLikeness

__all__ = ["Sameness", "SamenessWatch"]

_SOON_S = 10
"""Seconds with sound from which on channels of one level are taken for the same."""

_LAST_S = 60
"""Seconds with sound after which it is settled. Until the second person speaks, an echo of the
first is as good a copy as a quieter channel: in a minute, both have most often spoken.
"""

_ONE_LEVEL_DB = 2.0
"""An echo is quieter than its voice by more."""


class Sameness(Enum):
    """What is known of the channels."""

    OPEN = auto()
    SAME = auto()
    DIFFERENT = auto()


class SamenessWatch:
    """Compares the channels of a call second by second, however it is cut.

    Args:
        channels: two or more.
        sampling_rate: in Hz.
    """

    def __init__(self, *, channels: int, sampling_rate: int) -> None:
        self._likeness = ChannelLikeness(channels=channels, sampling_rate=sampling_rate)

    @property
    def missing(self) -> int:
        """Samples that must come until more can be said; with more at once, that is said late."""
        return self._likeness.missing

    def update(self, samples: FloatArray) -> Sameness:
        """Take (channels, n) float32, n up to ``missing``; return what is known then."""
        self._likeness.update(samples)
        likeness = self._likeness
        if likeness.different:
            return Sameness.DIFFERENT
        if likeness.seconds < _SOON_S:
            return Sameness.OPEN
        last = likeness.seconds >= _LAST_S
        if likeness.same and (last or np.abs(likeness.levels_db).max() < _ONE_LEVEL_DB):
            return Sameness.SAME
        return Sameness.DIFFERENT if last else Sameness.OPEN
