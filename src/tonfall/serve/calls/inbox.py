"""What waits to be heard of one call: bounded, and filled without waiting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

from tonfall.serve.codecs import Audio, CallEnded, Event, Gap, StreamRestarted

__all__ = ["Inbox", "Waiting"]

Waiting = Audio | Gap | StreamRestarted | CallEnded
"""What a call is made of; all else that a carrier tells is not for the engine."""


@dataclass(slots=True)
class _Depth:
    samples: int = 0
    since: float | None = None


class Inbox:
    """Events of one call between the thread that receives and the one that scores.

    Where more audio waits than fits, the oldest is shed: its time passes as a gap, and it is
    counted.

    Args:
        samples: that fit.

    Attributes:
        shed_samples: that were given up.
    """

    def __init__(self, *, samples: int) -> None:
        self._most = samples
        self._lock = Lock()
        self._waiting: deque[Waiting] = deque()
        self._depth = _Depth()
        self.shed_samples = 0

    @property
    def samples(self) -> int:
        """Samples that wait."""
        return self._depth.samples

    @property
    def since(self) -> float | None:
        """When the oldest that waits came; None where nothing does."""
        return self._depth.since

    @property
    def urgent(self) -> bool:
        """True where something other than audio came last."""
        with self._lock:
            return bool(self._waiting) and not isinstance(self._waiting[-1], Audio)

    def put(self, event: Event, *, now: float) -> None:
        """Add an event; ``now`` is in seconds of a clock that never goes back."""
        if not isinstance(event, Waiting):
            return
        with self._lock:
            self._waiting.append(event)
            if self._depth.since is None:
                self._depth.since = now
            if isinstance(event, Audio):
                self._depth.samples += event.samples.shape[1]
                if self._depth.samples > self._most:
                    self._shed()

    def take(self) -> deque[Waiting]:
        """All that waits, in order; nothing waits then."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            self._depth.samples, self._depth.since = 0, None
            return waiting

    def _shed(self) -> None:
        """Drop the oldest audio; what follows tells by its position how much is missing."""
        kept: deque[Waiting] = deque()
        while self._depth.samples > self._most:
            event = self._waiting.popleft()
            if isinstance(event, Audio):
                self._depth.samples -= event.samples.shape[1]
                self.shed_samples += event.samples.shape[1]
            elif not isinstance(event, Gap):
                kept.append(event)
        self._waiting.extendleft(reversed(kept))
