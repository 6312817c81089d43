"""The likeliest path through candidates of pitch, by the Viterbi algorithm with a short look-ahead.

The costs are those of openSMILE's smoother with the weights of eGeMAPS; how it counts was found by
feeding it candidates of our own and looking for the weight at which its decision turns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["LOOK_AHEAD", "PitchPath"]

LOOK_AHEAD = 39
"""Frames that are seen before one is decided."""

_CUTOFF = 0.7
"""Voicing from which a candidate counts as voiced."""
_LOCAL = 2.0
_THRESHOLD = 4.0
_JUMP = 10.0
_SWITCH = 10.0
_STAY_UNVOICED = 1.0
_LOW_HZ, _HIGH_HZ, _VERY_HIGH_HZ = 100.0, 350.0, 600.0
_HIGH_RANGE_HZ = 250.0
_VERY_HIGH = 1.2

_Array = npt.NDArray[np.float64]


class PitchPath:
    """The cheapest path through candidates that arrive a few frames at a time.

    A path pays for candidates of little voicing and beyond 100 to 350 Hz, for jumps of pitch, for
    beginnings and ends of voice, and for going against the threshold of voicing, 0.7.

    >>> path = PitchPath()
    >>> steady = np.full((60, 1), 200.0), np.full((60, 1), 0.9)
    >>> path.push(*steady).tolist() == [200.0] * 21, len(path.close())
    (True, 39)
    """

    def __init__(self) -> None:
        self._cost: _Array | None = None
        self._last = np.zeros((1, 0))
        self._back = np.zeros((0, 0), np.intp)
        self._ends = np.zeros(0, np.intp)
        self._frequency = np.zeros((0, 0))

    def push(self, frequency: _Array, voicing: _Array) -> _Array:
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
        costs, back = self._forward(frequency, voicing)
        states = np.pad(frequency, ((0, 0), (1, 0)))
        if len(self._ends):
            back, states = np.vstack([self._back, back]), np.vstack([self._frequency, states])
        ends = np.concatenate([self._ends, costs.argmin(axis=1)])
        decided = max(0, len(ends) - LOOK_AHEAD)
        chosen = _traced(back, ends[LOOK_AHEAD:], LOOK_AHEAD)
        self._back, self._ends = back[decided:].copy(), ends[decided:].copy()
        self._frequency = states[decided:].copy()
        return np.asarray(states[np.arange(decided), chosen])

    def close(self) -> _Array:
        """Nothing follows: the frames that are left, by the path that is cheapest at the end."""
        count = len(self._ends)
        result, state = np.zeros(count), int(self._ends[-1]) if count else 0
        for frame in range(count - 1, -1, -1):
            result[frame] = self._frequency[frame, state]
            state = int(self._back[frame, state])
        self._ends = self._ends[:0]
        return result

    def _forward(self, frequency: _Array, voicing: _Array) -> tuple[_Array, npt.NDArray[np.intp]]:
        """Costs of each state of each frame, and the state before it on the cheapest path."""
        local = _local_costs(frequency, voicing)
        first = self._cost is None
        before = frequency[:1] if first else self._last
        moves = _moves(np.concatenate([before, frequency])) + local[:, :, None]
        costs = np.empty((len(local) + 1, local.shape[1]))
        costs[0] = 0 if self._cost is None else self._cost
        total = np.empty(moves.shape[1:])
        for frame, move in enumerate(moves):
            np.add(move, costs[frame], out=total)
            np.minimum.reduce(total, axis=1, out=costs[frame + 1])
            if first and not frame:
                costs[1] = local[0]
        self._cost, self._last = costs[-1].copy(), frequency[-1:].copy()
        return costs[1:], (moves + costs[:-1, None, :]).argmin(axis=2)


def _traced(
    back: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], steps: int
) -> npt.NDArray[np.intp]:
    """The states ``steps`` frames before the ends, the first of which is frame ``steps``."""
    frames, state = np.arange(len(ends)), ends
    for step in range(steps, 0, -1):
        state = back[frames + step, state]
    return state


def _local_costs(frequency: _Array, voicing: _Array) -> _Array:
    """(frames, 7): of no voice, and of each candidate; the first state is no voice."""
    low = np.maximum(0, (_LOW_HZ - frequency) / _LOW_HZ)
    high = np.maximum(0, (frequency - _HIGH_HZ) / _HIGH_RANGE_HZ)
    high = np.where(frequency < _VERY_HIGH_HZ, high, _VERY_HIGH)
    unlikely = _THRESHOLD * (voicing < _CUTOFF) - np.log(np.maximum(voicing, 1e-10))
    voiced = np.where(frequency > 0, _LOCAL * unlikely + low + high, np.inf)
    against = _LOCAL * _THRESHOLD * (voicing.max(axis=1, keepdims=True, initial=0) >= _CUTOFF)
    return np.concatenate([against, voiced], axis=1)


def _moves(frequency: _Array) -> _Array:
    """(frames - 1, to 7, from 7): costs of going from state to state.

    From candidate to candidate it is the jump, and how much the jump differs from that from the
    candidate that is listed before (openSMILE means the jump before in time).
    """
    logarithm = np.log(np.where(frequency > 0, frequency, 1))
    jump = logarithm[1:, :, None] - logarithm[:-1, None, :]
    change = np.diff(jump, axis=2, prepend=0)
    result = np.full((len(jump), jump.shape[1] + 1, jump.shape[2] + 1), _SWITCH)
    result[:, 0, 0] = _STAY_UNVOICED
    result[:, 1:, 1:] = _JUMP * (np.abs(jump) + np.abs(change))
    return result
