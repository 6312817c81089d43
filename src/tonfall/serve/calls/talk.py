"""Who spoke for how long, who at the same time, and when nobody did."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.timeline import SAMPLING_RATE, Segment

__all__ = ["Talk", "TalkTime"]

_Edges = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Talk:
    """Seconds of speech of a call.

    Attributes:
        speakers: seconds of each.
        overlap_s: while more than one spoke.
        silence_s: while nobody did.
    """

    speakers: dict[str, float]
    overlap_s: float
    silence_s: float

    def ratio(self, speaker: str) -> float:
        """In [0, 1]: the speaker's part of all speech."""
        total = sum(self.speakers.values())
        return self.speakers.get(speaker, 0.0) / total if total else 0.0


class TalkTime:
    """Collects turns: 16 bytes each.

    >>> talk = TalkTime()
    >>> talk.add("S1", Segment(0, 32000))
    >>> talk.add("S2", Segment(16000, 48000))
    >>> talk.compute(samples=64000)
    Talk(speakers={'S1': 2.0, 'S2': 2.0}, overlap_s=1.0, silence_s=1.0)
    """

    def __init__(self) -> None:
        self._starts: dict[str, array[int]] = {}
        self._ends: dict[str, array[int]] = {}

    def add(self, speaker: str, turn: Segment) -> None:
        """A turn is over; turns of one speaker do not overlap."""
        self._starts.setdefault(speaker, array("q")).append(turn.start)
        self._ends.setdefault(speaker, array("q")).append(turn.end)

    def compute(self, *, samples: int) -> Talk:
        """The sums over a call that is ``samples`` (16 kHz) long so far."""
        speakers = {
            speaker: (sum(self._ends[speaker]) - sum(self._starts[speaker])) / SAMPLING_RATE
            for speaker in self._starts
        }
        starts, ends = self._sorted(self._starts), self._sorted(self._ends)
        spoken, overlap = _times(starts, ends)
        silence = max(0, samples - spoken) / SAMPLING_RATE
        return Talk(speakers, overlap / SAMPLING_RATE, silence)

    @staticmethod
    def _sorted(edges: dict[str, array[int]]) -> _Edges:
        every = [np.frombuffer(each, np.int64) for each in edges.values()]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *every]))


def _times(starts: _Edges, ends: _Edges) -> tuple[int, int]:
    """Samples in which at least one, and at least two, of the stretches are open."""
    edges = np.concatenate([starts, ends])
    steps = np.concatenate([np.ones(len(starts), np.int64), np.full(len(ends), -1)])
    order = np.argsort(edges, kind="stable")
    open_after = np.cumsum(steps[order])[:-1]
    lengths = np.diff(edges[order])
    return int(lengths[open_after >= 1].sum()), int(lengths[open_after >= 2].sum())
