"""How much audio an RTP sender may bring: datagrams cannot be slowed down, only dropped."""

from __future__ import annotations

__all__ = ["BURST_S", "ArrivalRate"]

BURST_S = 10.0
"""Seconds of audio that may come at once, such as after the network stood still."""
LEAST_S = 0.0025
"""Seconds that a packet counts for at least, so that empty ones are not free; RTP's are 10 ms and
longer."""


class ArrivalRate:
    """A budget of audio (a token bucket) that time refills, in seconds of audio.

    Args:
        fastest: times real time at which packets are taken for good.
    """

    def __init__(self, fastest: float) -> None:
        self._fastest = fastest
        self._left_s = BURST_S
        self._then: float | None = None

    def allows(self, audio_s: float, *, now: float) -> bool:
        """True where a packet may be taken, which is then counted.

        Args:
            audio_s: seconds of audio in it.
            now: seconds of the receiver's clock.
        """
        passed = 0.0 if self._then is None else max(0.0, now - self._then)
        self._then = now
        self._left_s = min(BURST_S, self._left_s + self._fastest * passed)
        cost = max(audio_s, LEAST_S)
        if cost > self._left_s:
            return False
        self._left_s -= cost
        return True
