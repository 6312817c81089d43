"""What waits to be heard of one call: bounded, and filled without waiting."""

from __future__ import annotations

from collections import deque
from threading import Lock
from time import monotonic

from tonfall.serve.codecs import Audio, CallEnded, Gap, StreamRestarted

__all__ = ["Inbox", "Waiting"]

Waiting = Audio | Gap | StreamRestarted | CallEnded
"""What a call is made of; all else that a carrier tells is not for the engine."""


class Inbox:
    """Events of one call between the thread that receives and the one that scores.

    Where more audio waits than fits, the oldest is shed: its time passes as a gap, and it is
    counted.

    Args:
        samples: that fit.

    Attributes:
        samples: that wait.
        since: when the oldest that waits came, in seconds of ``time.monotonic``; None where
            nothing does.
        shed_samples: that were given up.
        marks: that wait of what is no audio.
    """

    def __init__(self, *, samples: int) -> None:
        self._most = samples
        self._lock = Lock()
        self._waiting: deque[Waiting] = deque()
        self.samples = 0
        self.since: float | None = None
        self.shed_samples = 0
        self.marks = 0

    @property
    def urgent(self) -> bool:
        """True where something other than audio waits."""
        return self.marks > 0

    def hear(self, audio: Audio, samples: int) -> None:
        """Add audio of that many samples."""
        with self._lock:
            self._waiting.append(audio)
            if self.since is None:
                self.since = monotonic()
            self.samples += samples
            if self.samples > self._most:
                self._shed()

    def put(self, event: Gap | StreamRestarted | CallEnded) -> None:
        """Add what is no audio."""
        with self._lock:
            self._waiting.append(event)
            if self.since is None:
                self.since = monotonic()
            self.marks += 1

    def take(self) -> deque[Waiting]:
        """All that waits, in order; nothing waits then."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            self.samples, self.since, self.marks = 0, None, 0
            return waiting

    def _shed(self) -> None:
        """Drop the oldest audio; what follows tells by its position how much is missing."""
        kept: deque[Waiting] = deque()
        while self.samples > self._most:
            event = self._waiting.popleft()
            if isinstance(event, Audio):
                self.samples -= event.samples.shape[1]
                self.shed_samples += event.samples.shape[1]
            elif not isinstance(event, Gap):
                kept.append(event)
        self._waiting.extendleft(reversed(kept))
