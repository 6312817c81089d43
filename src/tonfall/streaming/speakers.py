"""One channel, several speakers: whose each chunk is, known beforehand or found on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.diarization import (
    MOST_SPEAKERS,
    Attribution,
    OnlineSpeakers,
    SpeakerJob,
    SpeakerRun,
    SpeakerSettings,
)
from tonfall.vad import CHUNK, Job, VoiceSettings, VoiceTrack

__all__ = ["KnownSpeakers", "LiveSpeakers", "Separation", "Speakers"]


class Separation(Protocol):
    """Samples of one unbroken run in, the speech of each of its speakers out."""

    @property
    def missing(self) -> int:
        """Samples that are still to come until more can be decided; 0 or less if none."""

    def push(self, samples: FloatArray) -> None:
        """Take (n,) samples at 16 kHz."""

    def close(self) -> None:
        """Nothing follows in this run."""

    def voice_jobs(self) -> list[Job]:
        """Chunks whose speech probability is due."""

    def speaker_jobs(self) -> list[SpeakerJob]:
        """Windows whose voice is due, once the voice jobs are done."""

    def take(self) -> tuple[FloatArray, FloatArray]:
        """What is decided since the last call, once all jobs are done.

        Returns:
            (speakers, chunks) probabilities of speech: for turns, and for what is judged, where
            an unsure chunk is nobody's.
        """


class Speakers(Protocol):
    """What an engine needs to tell several speakers of one channel apart."""

    @property
    def voices(self) -> int:
        """How many there are at most."""

    def start(self, era: int, settings: VoiceSettings) -> Separation:
        """A new run of a stream with these settings; a new era may have other speakers."""


@dataclass(frozen=True)
class KnownSpeakers:
    """Speakers of a recording that was heard before (``tonfall.diarization.Diarizer``).

    Args:
        attribution: the speaker of each chunk.
        speech: (chunks,) probabilities; voice activity is not computed again.
        sure: confidence in [0, 1] below which speech is not judged.
    """

    attribution: Attribution
    speech: FloatArray = field(repr=False)
    sure: float = 0.0

    @property
    def voices(self) -> int:
        """As many as there are."""
        return self.attribution.speakers

    def start(self, era: int, settings: VoiceSettings) -> Separation:  # noqa: ARG002
        """The recording is one run; what is speech in it was settled when it was heard."""
        assert era == 0, era
        return _Known(self)


class LiveSpeakers:
    """Speakers of a call that goes on; each is known a second and a half after it was heard.

    Args:
        settings: what counts as a speaker.
        sure: confidence in [0, 1] below which speech is not judged.
        ordered: True where a speaker is meant by the order in which they speak: what is not known
            to be in order is not sure. That is all of it until two are known, and all that comes
            after the source of the stream changed.
    """

    def __init__(
        self, settings: SpeakerSettings | None = None, *, sure: float = 0.0, ordered: bool = False
    ) -> None:
        self._settings = settings
        self._sure = sure
        self._ordered = ordered
        self._online = OnlineSpeakers(settings, ordered=ordered)
        self._era = 0

    @property
    def voices(self) -> int:
        """As many as can be told apart."""
        return MOST_SPEAKERS

    def start(self, era: int, settings: VoiceSettings) -> Separation:
        """A gap leaves the speakers who they are; a new era does not."""
        if era != self._era:
            self._era = era
            self._online = OnlineSpeakers(self._settings, ordered=self._ordered)
            self._online.miss()
        return _Live(self._online.start(settings), self._sure)


class _Known:
    def __init__(self, speakers: KnownSpeakers) -> None:
        self._speakers = speakers
        self._samples = self._taken = 0
        self._ended = False

    @property
    def missing(self) -> int:
        return 0

    def push(self, samples: FloatArray) -> None:
        self._samples += len(samples)

    def close(self) -> None:
        self._ended = True

    def voice_jobs(self) -> list[Job]:
        return []

    def speaker_jobs(self) -> list[SpeakerJob]:
        return []

    def take(self) -> tuple[FloatArray, FloatArray]:
        speech, known = self._speakers.speech, self._speakers.attribution
        end = len(speech) if self._ended else self._samples // CHUNK
        part, self._taken = slice(self._taken, end), end
        attribution = Attribution(known.owners[part], known.confidence[part], known.speakers)
        return _speech_of_each(
            speech[part], attribution, voices=self._speakers.voices, sure=self._speakers.sure
        )


class _Live:
    def __init__(self, run: SpeakerRun, sure: float) -> None:
        self._activity = VoiceTrack()
        self._run = run
        self._sure = sure
        self._unheard: list[FloatArray] = []
        self._speech: list[FloatArray] = []
        self._samples = 0
        self._ended = self._told_end = False

    @property
    def missing(self) -> int:
        return self._run.needed * CHUNK - self._samples

    def push(self, samples: FloatArray) -> None:
        self._samples += len(samples)
        self._activity.push(samples)
        self._unheard.append(samples)

    def close(self) -> None:
        self._activity.close()
        self._ended = True

    def voice_jobs(self) -> list[Job]:
        return self._activity.due()

    def speaker_jobs(self) -> list[SpeakerJob]:
        speech = self._activity.take()
        self._speech.append(speech)
        samples: Sequence[FloatArray] = [np.zeros(0, np.float32), *self._unheard]
        self._unheard = []
        jobs = self._run.push(np.concatenate(samples), speech)
        if self._ended and not self._told_end:
            self._told_end = True
            jobs += self._run.close()
        return jobs

    def take(self) -> tuple[FloatArray, FloatArray]:
        attribution = self._run.take(last=self._told_end)
        speech = np.concatenate([np.zeros(0, np.float32), *self._speech])
        count = len(attribution.owners)
        self._speech = [speech[count:]]
        return _speech_of_each(speech[:count], attribution, voices=MOST_SPEAKERS, sure=self._sure)


def _speech_of_each(
    speech: FloatArray, attribution: Attribution, *, voices: int, sure: float
) -> tuple[FloatArray, FloatArray]:
    """(voices, chunks) twice; what was given up is NaN for all, as for a single speaker."""
    own = attribution.owners == np.arange(voices)[:, None]
    turns = np.where(own | np.isnan(speech), speech, np.float32(0))
    if sure <= 0:
        return turns, turns
    return turns, np.where(attribution.confidence >= sure, turns, np.float32(0))
