"""Who is speaking, as a mono call goes on: decided a second later, and never taken back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.diarization.attribution import Attribution, confidence_of
from tonfall.diarization.cluster import MOST_SPEAKERS, SpeakerSettings, find_voices
from tonfall.diarization.model import EMBEDDING, SpeakerJob
from tonfall.diarization.track import VOICE_HOP, VOICE_WINDOW, VoiceWindowTrack
from tonfall.diarization.voices import VoiceWindow, VoiceWindows
from tonfall.vad import VoiceSettings

__all__ = ["OnlineSpeakers", "SpeakerRun"]

_CERTAIN = VOICE_HOP + (VOICE_WINDOW - VOICE_HOP) // 2
"""Chunks after a window's start up to which it decides; the rest waits for the next window."""

_REMEMBERED = 320
"""Windows with speech that are clustered; when there are more, every second old one is dropped."""

_EAGER, _EVERY = 20, 4
"""Windows up to which each is clustered at once, and after how many later on."""


class OnlineSpeakers:
    """The voices of one call, as far as they are known; it outlives gaps in the audio.

    Voices are found by clustering what was heard so far, again and again; a voice keeps its
    number as long as it keeps most of what was attributed to it.

    Args:
        settings: what counts as a speaker; those of ``SpeakerSettings.live`` by default.
        ordered: True where it matters who spoke first: nothing is sure until two voices are
            known, nor while it is not the first of them that was heard first.
    """

    def __init__(self, settings: SpeakerSettings | None = None, *, ordered: bool = False) -> None:
        self.settings = settings or SpeakerSettings.live()
        self.unsure = ordered
        self._ordered = ordered
        self._missed = False
        self.voices: FloatArray = np.zeros((0, EMBEDDING), np.float32)
        self.slots: list[int] = []  # the speaker's number of each voice
        self._memory = VoiceWindows()
        self._numbers: list[int] = []  # the speaker that each remembered window was given
        self._since = 0

    def start(self, voice_settings: VoiceSettings | None = None) -> SpeakerRun:
        """A stretch of audio without a gap; runs are to be taken from one after the other."""
        return SpeakerRun(self, voice_settings or VoiceSettings())

    def miss(self) -> None:
        """Speech was missed: if fewer than two voices are known, who was first is not known."""
        self._missed = self._missed or len(self.slots) < 2

    def learn(self, window: VoiceWindow) -> None:
        """Take in a window; one with too little speech shapes no voice."""
        if window.speech < self.settings.least_speech:
            return
        self._memory.add(window)
        self._numbers.append(self._nearest(window.embedding))
        self._since += 1
        if len(self._memory) > _REMEMBERED:
            self._thin()
        if len(self._memory) <= _EAGER or self._since >= _EVERY:
            self._since = 0
            self._cluster()

    def _nearest(self, embedding: FloatArray) -> int:
        return self.slots[int((self.voices @ embedding).argmax())] if self.slots else 0

    def _thin(self) -> None:
        """Forget every second window of the older half."""
        half = len(self._memory) // 2
        kept = [*range(0, half, 2), *range(half, len(self._memory))]
        old, chunks, speech = self._memory.embeddings(), self._memory.chunks, self._memory.speech
        thinned = VoiceWindows()
        for row in kept:
            thinned.add(VoiceWindow(int(chunks[row]), float(speech[row]), old[row]))
        self._memory, self._numbers = thinned, [self._numbers[row] for row in kept]

    def _cluster(self) -> None:
        rows = self._memory.embeddings()
        self.voices = find_voices(rows, self._memory.speech, settings=self.settings)
        labels = (rows @ self.voices.T).argmax(axis=1)
        self.slots = self._matched(labels, len(self.voices))
        self._numbers = [self.slots[label] for label in labels.tolist()]
        in_order = len(self.slots) > 1 and self._numbers[0] == 0 and not self._missed
        self.unsure = self._ordered and not in_order

    def _matched(self, labels: npt.NDArray[np.int64], voices: int) -> list[int]:
        """The number of each voice: that of the speaker whose windows it takes over most of."""
        from scipy.optimize import linear_sum_assignment

        shared = np.zeros((voices, MOST_SPEAKERS))
        np.add.at(shared, (labels, np.array(self._numbers)), 1)
        # Where nothing is shared, the lowest number that is free.
        shared -= 1e-3 * np.arange(MOST_SPEAKERS)
        _, numbers = linear_sum_assignment(-shared)
        return [int(number) for number in numbers]


class SpeakerRun:
    """Decides whose each chunk is, the same however the samples come.

    A chunk is decided at most 1.5 s after it was heard. What was decided stays.

    Args:
        speakers: of the call.
        voice_settings: what counts as speech.
    """

    def __init__(self, speakers: OnlineSpeakers, voice_settings: VoiceSettings) -> None:
        self._speakers = speakers
        self._settings = speakers.settings
        self._offset = voice_settings.offset
        self._cutter = VoiceWindowTrack(voice_settings)
        self._speech: FloatArray = np.zeros(0, np.float32)  # not yet decided
        self._decided = 0
        self._recent: list[VoiceWindow] = []
        self._scores = np.zeros(MOST_SPEAKERS)
        self._owner = 0

    def push(self, samples: FloatArray, speech: FloatArray) -> list[SpeakerJob]:
        """Take samples and the probabilities of the chunks they complete; see ``take`` then.

        Args:
            samples: (n,) float32 at 16 kHz.
            speech: (chunks,) probabilities.
        """
        self._speech = np.concatenate([self._speech, speech])
        return self._cutter.push(samples, speech)

    def close(self) -> list[SpeakerJob]:
        """Nothing follows; the last window."""
        return self._cutter.close()

    @property
    def needed(self) -> int:
        """Chunks since the start that must be there for more to be decided."""
        return self._cutter.needed

    def take(self, *, last: bool = False) -> Attribution:
        """Decide what can be, once all jobs are done.

        Args:
            last: True after :meth:`close`, to decide all that is left.
        """
        parts = [part for window in self._cutter.take() for part in self._take_in(window)]
        end = self._decided + len(self._speech)
        parts.append(self._decide(end if last else self._cutter.settled - VOICE_HOP + _CERTAIN))
        owners = np.concatenate([part.owners for part in parts])
        confidence = np.concatenate([part.confidence for part in parts])
        return Attribution(owners, confidence, self._known)

    @property
    def _known(self) -> int:
        return len(self._speakers.slots) or 1

    def _take_in(self, window: VoiceWindow) -> list[Attribution]:
        """Decide up to where the windows before this one do, then learn from it."""
        before = self._decide(window.chunk - VOICE_HOP + _CERTAIN)
        self._recent = [*self._recent[-2:], window]
        self._speakers.learn(window)
        return [before, self._decide(window.chunk + _CERTAIN)]

    def _decide(self, until: int) -> Attribution:
        """The chunks from where the last decision ended up to ``until``."""
        count = max(0, min(until - self._decided, len(self._speech)))
        speech, self._speech = self._speech[:count], self._speech[count:]
        first, self._decided = self._decided, self._decided + count
        owners = np.full(count, self._owner, np.int8)
        if not self._speakers.slots or not self._recent or not count:
            sure = np.full(count, not self._speakers.unsure, np.float32)
            return Attribution(owners, sure, self._known)
        likeness = self._likeness(first, count)
        for place, own in enumerate(likeness):
            if speech[place] >= self._offset:
                self._step(own)
            owners[place] = self._owner
        return Attribution(owners, self._confidence(likeness, owners), self._known)

    def _likeness(self, first: int, count: int) -> FloatArray:
        """(count, voices): that of the windows over each chunk, weighted by nearness."""
        middles = np.array([window.chunk + VOICE_WINDOW / 2 for window in self._recent])
        rows = np.stack([window.embedding for window in self._recent]) @ self._speakers.voices.T
        away = np.abs(np.arange(first, first + count)[:, None] + 0.5 - middles)
        weights = np.maximum(0, VOICE_WINDOW / 2 - away)
        lost = weights.sum(axis=1) == 0
        weights[lost, away[lost].argmin(axis=1)] = 1
        mixed: FloatArray = (weights @ rows / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        return mixed

    def _step(self, likeness: FloatArray) -> None:
        """One chunk of speech: the same path as offline, followed without looking ahead."""
        slots = np.array(self._speakers.slots)
        kept = np.maximum(self._scores[slots], self._scores.max() - self._settings.stay)
        scores = np.full(MOST_SPEAKERS, -np.inf)
        scores[slots] = kept + self._settings.sharpness * likeness
        self._scores = scores - scores.max()
        self._owner = int(self._scores.argmax())

    def _confidence(self, likeness: FloatArray, owners: npt.NDArray[np.int8]) -> FloatArray:
        if self._speakers.unsure:
            return np.zeros(len(owners), np.float32)
        slots = self._speakers.slots
        places = [slots.index(each) if each in slots else 0 for each in owners.tolist()]
        return confidence_of(likeness, np.array(places))
