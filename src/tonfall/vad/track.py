"""Speech probability of one channel, the same live and from a file.

Time is cut into blocks of 16 s. The probabilities of a block are a function of its own audio and
of the 1.3 s before it, where the network warms up from nothing. So a file's blocks can be scored
side by side, a live stream comes to the same values, and hours of noise cannot wear the network's
state out: it never lives longer than a block.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.vad.model import CHUNK, CONTEXT, Job, fresh_state, spectra

__all__ = ["BLOCK", "WARM_UP", "VoiceTrack"]

BLOCK = 512
"""Chunks (16.4 s) that one state lives for."""

WARM_UP = 40
"""Chunks (1.3 s) before a block that its state is warmed up on."""


class VoiceTrack:
    """Samples of one channel in, jobs out, probabilities back in order."""

    def __init__(self) -> None:
        self._waiting: FloatArray = np.zeros(CONTEXT, np.float32)
        self._due: list[FloatArray] = []
        self._chunks = 0
        self._probabilities: dict[int, FloatArray] = {}
        self._states: dict[int, FloatArray] = {}
        self._taken = 0

    def push(self, samples: FloatArray) -> None:
        """Take (n,) float32 samples at 16 kHz."""
        self._waiting = np.concatenate([self._waiting, samples])
        whole = (len(self._waiting) - CONTEXT) // CHUNK * CHUNK
        if whole:
            self._due.append(spectra(self._waiting[: CONTEXT + whole]))
            self._waiting = self._waiting[whole:].copy()

    def close(self) -> None:
        """Nothing follows: fill the last chunk up with zeros."""
        missing = -(len(self._waiting) - CONTEXT) % CHUNK
        self.push(np.zeros(missing, np.float32))

    def due(self) -> list[Job]:
        """The chunks that came since the last call; score them all before asking again."""
        if not self._due:
            return []
        fresh = np.concatenate(self._due)
        self._due.clear()
        start, end = self._chunks, self._chunks + len(fresh)
        self._chunks = end
        blocks = range(start // BLOCK, (end - 1 + WARM_UP) // BLOCK + 1)
        return [self._job(block, start, fresh) for block in blocks]

    def take(self) -> FloatArray:
        """The (chunks,) probabilities that were delivered since the last call."""
        ready = []
        while (part := self._probabilities.pop(self._taken, None)) is not None:
            ready.append(part)
            self._taken += len(part)
        return np.concatenate(ready) if ready else np.zeros(0, np.float32)

    def _job(self, block: int, start: int, fresh: FloatArray) -> Job:
        """The part of the fresh chunks that belongs to a block or its warm-up."""
        first = max(start, block * BLOCK - WARM_UP)
        last = min(start + len(fresh), (block + 1) * BLOCK)
        state = self._states.pop(block, None)
        return Job(
            spectra=fresh[first - start : last - start],
            state=fresh_state() if state is None else state,
            deliver=partial(self._deliver, block, first),
        )

    def _deliver(
        self, block: int, first: int, probabilities: FloatArray, state: FloatArray
    ) -> None:
        begin = block * BLOCK
        if first + len(probabilities) < begin + BLOCK:
            self._states[block] = state
        own = probabilities[max(0, begin - first) :]
        if len(own):
            self._probabilities[max(first, begin)] = own
