"""From samples and speech probabilities to windows whose voice is wanted."""

from __future__ import annotations

from collections import deque
from functools import partial

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.diarization.model import SpeakerJob
from tonfall.diarization.voices import VoiceWindow
from tonfall.vad import CHUNK, VoiceSettings

__all__ = ["VOICE_HOP", "VOICE_WINDOW", "VoiceWindowTrack"]

VOICE_WINDOW = 47
"""Chunks of 512 samples (1.5 s) of one window."""

VOICE_HOP = 24
"""Chunks (0.77 s) from window to window."""

_LEAST_SPEECH = 0.25
"""Part of a window that must be speech; less says nothing of a voice."""


class VoiceWindowTrack:
    """Cuts one channel into windows, the same however samples and probabilities come.

    Window *k* covers chunks ``[24 k, 24 k + 47)`` since the start; the last may be shorter.

    Args:
        settings: of voice activity: from its onset on, a chunk counts as speech.
    """

    def __init__(self, settings: VoiceSettings) -> None:
        self._onset = settings.onset
        self._samples: list[FloatArray] = []
        self._first = 0  # chunk at which the kept samples begin
        self._speech: FloatArray = np.zeros(0, np.float32)
        self._next = 0
        self._open: deque[_Slot] = deque()

    def push(self, samples: FloatArray, speech: FloatArray) -> list[SpeakerJob]:
        """Take what follows; return the windows whose voice is now wanted.

        Args:
            samples: (n,) float32 at 16 kHz.
            speech: (chunks,) probabilities; never more than there are samples for.
        """
        self._samples.append(samples)
        self._speech = np.concatenate([self._speech, speech])
        jobs = []
        while self._first + len(self._speech) >= self._next + VOICE_WINDOW:
            jobs += self._cut(VOICE_WINDOW)
        return jobs

    def close(self) -> list[SpeakerJob]:
        """Nothing follows: the last window, if there is as much as half of one."""
        left = self._first + len(self._speech) - self._next
        return self._cut(left) if left > VOICE_WINDOW // 2 else []

    def take(self) -> list[VoiceWindow]:
        """The windows that were delivered, in order, up to the first that is still out."""
        taken = []
        while self._open and self._open[0].done:
            slot = self._open.popleft()
            if slot.window:
                taken.append(slot.window)
        return taken

    @property
    def needed(self) -> int:
        """Chunks since the start that the next window needs."""
        return self._next + VOICE_WINDOW

    @property
    def settled(self) -> int:
        """Chunk up to whose window's start all that can be known of voices was delivered."""
        return self._open[0].chunk if self._open else self._next

    def _cut(self, chunks: int) -> list[SpeakerJob]:
        start, self._next = self._next, self._next + VOICE_HOP
        kept = np.concatenate(self._samples)
        offset = start - self._first
        speech = float((self._speech[offset : offset + chunks] >= self._onset).mean())
        samples = kept[offset * CHUNK : (offset + chunks) * CHUNK].copy()
        self._forget(kept)
        if speech < _LEAST_SPEECH or not samples.any():
            return []
        slot = _Slot(start, speech)
        self._open.append(slot)
        return [SpeakerJob(samples, slot.fill, partial(slot.finish, None))]

    def _forget(self, kept: FloatArray) -> None:
        gone = self._next - self._first
        self._samples = [kept[gone * CHUNK :]]
        self._speech = self._speech[gone:]
        self._first = self._next


class _Slot:
    """A window that is out, or back."""

    def __init__(self, chunk: int, speech: float) -> None:
        self.chunk = chunk
        self.done = False
        self.window: VoiceWindow | None = None
        self._speech = speech

    def fill(self, embedding: FloatArray) -> None:
        self.finish(VoiceWindow(self.chunk, self._speech, embedding))

    def finish(self, window: VoiceWindow | None) -> None:
        self.done, self.window = True, window
