"""The pitch of each frame as the cheapest path through its candidates.

The Viterbi algorithm, with a bounded look-ahead: a frame is decided by the path that is cheapest
`LOOK_AHEAD` frames later, and so is the same in a stream as in a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LOOK_AHEAD", "PitchPath"]

LOOK_AHEAD = 30
"""Frames of 10 ms after a frame that have a say in it. On speech, more than 20 change nothing."""

_CUTOFF = 0.7
"""Voicing from which a candidate counts as voiced."""

_Numbers = npt.NDArray[np.float64]
_States = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Costs:
    """Of a path through the candidates; fitted to openSMILE's decisions on real clips."""

    local: float = 5.405
    jump: float = 3.785
    bend: float = 1.369
    switch: float = 6.161
    threshold: float = 5.526
    low: float = 8.49
    high: float = 0.038


_COSTS = _Costs()


class PitchPath:
    """The cheapest path through candidates that arrive a few frames at a time.

    A path pays for candidates of little voicing, for jumps of pitch in octaves and changes of the
    jump, for beginnings and ends of voice, and for going against the threshold of 0.7.

    >>> path = PitchPath()
    >>> steady = np.full((60, 1), 200.0), np.full((60, 1), 0.9)
    >>> path.push(*steady).tolist() == [200.0] * 30, len(path.close())
    (True, 30)
    """

    def __init__(self) -> None:
        self._cost: _Numbers | None = None
        self._leap = np.zeros((0, 1))
        self._octave = np.zeros((0, 0))
        # Of the frames that are not decided yet.
        self._back: _States = np.zeros((0, 0), np.intp)
        self._frequency = np.zeros((0, 0))

    def push(self, frequency: _Numbers, voicing: _Numbers) -> _Numbers:
        """Take the candidates of the next frames; return what they decide.

        Args:
            frequency: (frames, candidates) in Hz, 0 where there are fewer.
            voicing: (frames, candidates), below 1.

        Returns:
            (decided,) float64 in Hz, from the first frame on that was not decided before; 0 where
            there is no voice. `LOOK_AHEAD` frames remain undecided.
        """
        if not len(frequency):
            return np.zeros(0)
        back, best = self._walk(frequency, voicing)
        pending = len(self._frequency)
        self._back = np.concatenate([self._back, back]) if pending else back
        self._frequency = np.concatenate([self._frequency, frequency]) if pending else frequency
        count = max(0, len(self._frequency) - LOOK_AHEAD)
        decided = self._traced(best[len(best) - count :], LOOK_AHEAD)[:count]
        return self._given(decided)

    def close(self) -> _Numbers:
        """Nothing follows: the frames that are left, by the path that is cheapest at the end."""
        count = len(self._frequency)
        if self._cost is None or not count:
            return np.zeros(0)
        states = np.zeros(count, np.intp)
        states[-1] = self._cost.argmin()
        for frame in range(count - 1, 0, -1):
            states[frame - 1] = self._back[frame, states[frame]]
        return self._given(states)

    def _given(self, states: _States) -> _Numbers:
        """The frequencies of the first frames, which are then forgotten."""
        count = len(states)
        padded = np.concatenate([np.zeros((count, 1)), self._frequency[:count]], axis=1)
        self._frequency, self._back = self._frequency[count:].copy(), self._back[count:].copy()
        return np.asarray(padded[np.arange(count), states])

    def _traced(self, last: _States, steps: int) -> _States:
        """Where the paths that end in the last ``len(last)`` frames were ``steps`` before."""
        ends = np.arange(len(self._back) - len(last), len(self._back))
        for step in range(steps):
            last = self._back[ends - step, last]
        return last

    def _walk(self, frequency: _Numbers, voicing: _Numbers) -> tuple[_States, _States]:
        """(frames, states) of where each state came from, and (frames,) of the cheapest one.

        State 0 is no voice, the others are one more than the candidate's place.
        """
        local = _local_costs(frequency, voicing)
        count, states = local.shape
        octave = np.log2(np.where(frequency > 0, frequency, 1))
        before = octave[:1] if self._cost is None else self._octave
        jumps = octave[:, None, :] - np.concatenate([before, octave[:-1]])[:, :, None]
        moves = np.full((count, states, states), _COSTS.switch)
        moves[:, 0, 0] = 0
        moves[:, 1:, 1:] = _COSTS.jump * np.abs(jumps)
        self._octave = octave[-1:]
        back, best = np.zeros(local.shape, np.intp), np.zeros(count, np.intp)
        for frame in range(count):
            back[frame], cost = self._step(local[frame], jumps[frame], moves[frame])
            best[frame] = cost.argmin()
            # Only differences count; the sum would lose digits in an endless stream.
            self._cost = cost - cost[best[frame]]
        return back, best

    def _step(self, local: _Numbers, jump: _Numbers, move: _Numbers) -> tuple[_States, _Numbers]:
        """Where each state came from, and what its path costs."""
        if self._cost is None:
            self._leap = np.zeros((len(jump), 1))
            return np.zeros(len(local), np.intp), local
        move[1:, 1:] += _COSTS.bend * np.abs(jump - self._leap)
        total = self._cost[:, None] + move
        came = total.argmin(axis=0)
        rows = np.arange(len(local))
        voiced = came[1:]
        self._leap = np.where(voiced > 0, jump[voiced - 1, rows[:-1]], 0)[:, None]
        return came, total[came, rows] + local


def _local_costs(frequency: _Numbers, voicing: _Numbers) -> _Numbers:
    """(frames, 1 + candidates): of no voice, and of each candidate."""
    low = np.maximum(0, (100 - frequency) / 100) * _COSTS.low
    high = np.maximum(0, (frequency - 350) / 350) * _COSTS.high
    unlikely = _COSTS.local * (1 - voicing) + _COSTS.threshold * (voicing < _CUTOFF)
    voiced = np.where(frequency > 0, unlikely + low + high, np.inf)
    unvoiced = _COSTS.threshold * (voicing.max(axis=1) >= _CUTOFF)
    return np.concatenate([unvoiced[:, None], voiced], axis=1)
