"""How much of one connection is worked off at a time, and how many empty frames it may send.

All connections share one event loop. What a read brought may be hundreds of thousands of frames:
were they worked off in one go, every other call would wait for them.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["TICK_S", "Allowance", "Turn"]

TICK_S = 0.02
"""Seconds that a connection rests when its turn is over and more of it waits."""
LEAST_FRAMES = 32
"""Frames that a turn has however long they take: 1,600 a second, 16 times what a call needs.

Else, on a machine that is busy with other things, a call would not get through its own audio.
"""
MOST_FRAMES = 256
TURN_S = 0.002
"""Seconds for those beyond the least."""
LOOK = 16
"""Frames between two looks at the clock."""
EMPTY_AT_ONCE = 2_000
EMPTY_A_SECOND = 500
"""A stream of two channels that come apart has 50 a second: each second frame brings no audio."""


class Turn:
    """One go at what waits of a connection: so many frames, so much time.

    It costs next to nothing where few frames wait, as in an ordinary call.

    Args:
        clock: seconds that never go back.

    >>> turn = Turn(lambda: 0.0)
    >>> sum(1 for _ in iter(turn.is_over, True))
    256
    """

    __slots__ = ("_clock", "_frames", "_until")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._frames = 0
        self._until = 0.0

    def is_over(self) -> bool:
        """Ask before each frame: True where what is left must wait."""
        self._frames = frames = self._frames + 1
        return frames > LEAST_FRAMES and self._is_over(frames)

    def _is_over(self, frames: int) -> bool:
        if frames == LEAST_FRAMES + 1:
            self._until = self._clock() + TURN_S
        if frames > MOST_FRAMES:
            return True
        return frames % LOOK == 0 and self._clock() > self._until


class Allowance:
    """How many frames a connection may send that bring no audio; it grows with time and audio.

    Args:
        now: seconds of a clock that never goes back.

    >>> allowance = Allowance(0.0)
    >>> all(allowance.spend(0.0) for _ in range(2000)), allowance.spend(0.0), allowance.spend(1.0)
    (True, False, True)
    """

    __slots__ = ("_left", "_since")

    def __init__(self, now: float) -> None:
        self._left = float(EMPTY_AT_ONCE)
        self._since = now

    def spend(self, now: float) -> bool:
        """One more of them; False where that is one too many."""
        self.earn(max(0.0, now - self._since))
        self._since = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def earn(self, seconds: float) -> None:
        """Audio came, or time passed."""
        self._left = min(self._left + seconds * EMPTY_A_SECOND, EMPTY_AT_ONCE)
