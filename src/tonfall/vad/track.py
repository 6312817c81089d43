"""Speech probability of one channel, the same live and from a file."""

from __future__ import annotations

from functools import partial

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.vad.model import Job, VoiceState
from tonfall.vad.spectrum import CHUNK, CONTEXT, windows_of

__all__ = ["VoiceTrack"]


class VoiceTrack:
    """Samples of one channel in, jobs out, probabilities back in order.

    Probability *k* is that of samples ``[512 k, 512 (k + 1))`` since the start. It depends on the
    audio up to there, never on how that was cut. Where a job was shed it is NaN, and what
    follows is judged as if the stream began there.

    >>> track = VoiceTrack()
    >>> track.push(np.zeros(1000, np.float32))
    >>> [job.windows.shape for job in track.due()]
    [(1, 576)]
    """

    def __init__(self) -> None:
        self._waiting: list[FloatArray] = [np.zeros(CONTEXT, np.float32)]
        self._samples = 0
        self._state = VoiceState()
        self._out = False
        self._probabilities: list[FloatArray] = []

    def push(self, samples: FloatArray) -> None:
        """Take (n,) float32 samples at 16 kHz."""
        self._waiting.append(samples)
        self._samples += len(samples)

    def close(self) -> None:
        """Nothing follows: fill the last chunk up with zeros."""
        self.push(np.zeros(-self._samples % CHUNK, np.float32))

    def due(self) -> list[Job]:
        """The chunks that are complete, as one job; none while a job is out."""
        if self._out or self._samples < CHUNK:
            return []
        waiting = np.concatenate(self._waiting)
        whole = self._samples // CHUNK * CHUNK
        self._waiting = [waiting[whole:].copy()]
        self._samples -= whole
        self._out = True
        windows = windows_of(waiting[: CONTEXT + whole])
        return [Job(windows, self._state, self._deliver, partial(self._shed, len(windows)))]

    def take(self) -> FloatArray:
        """The (chunks,) probabilities that were delivered since the last call."""
        taken = np.concatenate([np.zeros(0, np.float32), *self._probabilities])
        self._probabilities.clear()
        return taken

    def _deliver(self, probabilities: FloatArray, state: VoiceState) -> None:
        self._probabilities.append(probabilities)
        self._state = state
        self._out = False

    def _shed(self, chunks: int) -> None:
        self._deliver(np.full(chunks, np.nan, np.float32), VoiceState())
