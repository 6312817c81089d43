"""One stream, live or from a file: samples in, events out, work handed out between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, check_channels, check_sampling_rate, check_waveform
from tonfall.diarization import SpeakerJob
from tonfall.errors import AudioError, ConfigError
from tonfall.runtime import Baseline, Predictor
from tonfall.streaming.events import ChannelsMerged, Event, StreamEnded
from tonfall.streaming.jobs import PieceJob, WindowJob
from tonfall.streaming.run import Run
from tonfall.streaming.speakers import Speakers
from tonfall.streaming.voice import Voice
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import Job, VoiceSettings

__all__ = ["SHORTEST_GAP_S", "Engine"]

SHORTEST_GAP_S = 0.5
"""Seconds: a shorter gap is filled with silence; a longer one breaks windows and turns."""


class Engine:
    """Turns one stream into events; knows no socket, no clock and no task.

    It hands out work (voice activity, then pieces, then windows) and takes back results, so that
    one :class:`~tonfall.streaming.Scorer` serves many engines in batches. What comes out does not
    depend on how samples or work were cut.

    Args:
        predictor: gives the label space, windows and prior baseline; not called here.
        sampling_rate: of the samples, in Hz.
        channels: 1 to 8; each is one speaker.
        baseline: True to judge each voice against what was heard of it before.
        scored: for each channel, False where it is heard for its turns only; all by default.
        settings: of voice activity, for whatever depends on what is speech: turns, speakers,
            echo, and the level of speech over its background.
        speakers: tells the speakers of a single channel apart; ``scored`` is then a value for
            each of them, and each has a baseline of its own.
        prior: where each voice's baseline starts; the bundle's by default.

    Raises:
        AudioError: a sampling rate or number of channels that cannot be used.
        ConfigError: ``scored`` has another length than there are voices, or ``speakers`` came with
            more than one channel.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        sampling_rate: int,
        channels: int,
        baseline: bool = True,
        scored: Sequence[bool] | None = None,
        settings: VoiceSettings | None = None,
        speakers: Speakers | None = None,
        prior: Baseline | None = None,
    ) -> None:
        check_sampling_rate(sampling_rate)
        check_channels(channels)
        _check_speakers(speakers, channels)
        self._speakers = speakers
        self._rate = sampling_rate
        self._channels = self._heard = channels
        self._scored = _check_scored(scored, speakers.voices if speakers else channels)
        self._settings = settings or VoiceSettings()
        self._front_end = predictor.spec.front_end
        self._resampler = Resampler(source_rate=sampling_rate, channels=channels)
        self._spec = predictor.spec
        with_baseline = baseline and predictor.spec.baseline is not None
        # Called for voices that are scored only: for nobody else is a baseline built.
        self._new_baseline = (lambda: prior or predictor.baseline()) if with_baseline else None
        self._own_prior = predictor.baseline
        self._retired: list[Voice] = []
        self._voices = self._new_voices()
        self._merged: list[Event] = []
        self._era = 0
        self._runs = [self._new_run(0)]
        self._waiting: list[FloatArray] = []
        self._passed = 0
        self._closed = False
        self._told_end = False

    @property
    def samples(self) -> int:
        """Samples at 16 kHz between the stream's start and its end so far."""
        return round(self._passed * SAMPLING_RATE / self._rate)

    @property
    def missing(self) -> int:
        """Samples at the stream's own rate that must come until a window can be due, at least.

        Serving an engine before gains nothing but news of turns; 0 where it is time.
        """
        waiting = sum(len(part[0]) for part in self._waiting)
        return max(0, self._runs[-1].missing * self._rate // SAMPLING_RATE - waiting)

    @property
    def separates(self) -> bool:
        """True where the speakers of a single channel are told apart."""
        return self._speakers is not None

    @property
    def shed(self) -> int:
        """Windows that were given up so far, over all channels."""
        return sum(voice.shed for voice in (*self._retired, *self._voices))

    @property
    def baselines(self) -> tuple[Baseline | None, ...]:
        """What was learnt of each channel or speaker so far; None where it is not judged."""
        return tuple(voice.baseline for voice in self._voices)

    @property
    def learnt(self) -> tuple[Baseline, ...]:
        """What each voice that :meth:`learn` named adds to a prior, of which anything was heard."""
        voices = (*self._retired, *self._voices)
        return tuple(voice.learnt for voice in voices if voice.learnt and voice.learnt.weight > 0)

    def learn(self, voices: Sequence[bool], *, start: int) -> None:
        """Sum up what is heard of some voices from a time on, to make a prior of many streams.

        Their windows are judged against the model's own prior for it, as
        :func:`tonfall.analysis.hear_voices` does. Voices that :meth:`merge` makes are not learnt.

        Args:
            voices: a value for each voice, True for those that are meant; none that is not scored
                is learnt.
            start: sample at 16 kHz since the stream's start; of a window that begins before it
                nothing is taken.

        Raises:
            BundleError: the model has no baseline.
        """
        for voice, scored, meant in zip(self._voices, self._scored, voices, strict=True):
            if scored and meant and voice.learnt is None:
                voice.learnt, voice.learn_from = self._own_prior(), start

    def feed(self, samples: FloatArray) -> None:
        """Take (channels, n) float32 samples in [-1, 1] at the stream's own rate.

        They are copied and checked; all else is left to the next :meth:`voice_jobs`, so that a
        call which comes in packets of 20 ms costs no more than one that is served less often.

        Raises:
            AudioError: closed, wrong shape, or samples that are not finite; nothing was taken.
        """
        self._check_open()
        if samples.ndim != 2 or samples.shape[0] != self._channels:
            raise AudioError(
                f"The samples have shape {samples.shape}, but this stream takes "
                f"({self._channels}, n); put channels first."
            )
        if samples.shape[1]:
            check_waveform(samples, self._rate)
            self._waiting.append(samples[: self._heard].copy())
            self._passed += samples.shape[1]

    def skip(self, samples: int) -> None:
        """A gap of ``samples`` at the stream's own rate: lost packets, or a pause.

        Up to half a second is filled with silence; a longer one breaks windows and turns. Either
        way time moves on, and the baselines stay.

        Raises:
            AudioError: closed, or a negative length.
        """
        self._check_open()
        if samples < 0:
            raise AudioError(f"A gap of {samples} samples was given, but a gap is 0 or more.")
        if samples <= SHORTEST_GAP_S * self._rate:
            self.feed(np.zeros((self._channels, samples), np.float32))
            return
        self._break(samples)

    def restart(self) -> None:
        """Another source took the place of the one before: its voices may be others.

        Windows and turns break, and every baseline begins anew.

        Raises:
            AudioError: closed.
        """
        self._check_open()
        self._era += 1
        self._break(0)

    def merge(
        self, *, scored: Sequence[bool] | None = None, speakers: Speakers | None = None
    ) -> None:
        """All channels hold one sound: what follows is heard once, on the first of them.

        Windows and turns break. What the channels were heard as stays; the voices that follow are
        numbered after those, since it is not known which of them is whose.

        Args:
            scored: a value for each speaker, or one where they are not told apart; all by default.
            speakers: tells them apart; None where all that follows is one voice.

        Raises:
            AudioError: closed.
            ConfigError: ``scored`` has another length than there are voices.
        """
        self._check_open()
        checked = _check_scored(scored, speakers.voices if speakers else 1)
        self._end_run()
        self._heard, self._speakers, self._scored = 1, speakers, checked
        self._retired += self._voices
        self._voices = self._new_voices()
        self._merged = [ChannelsMerged(self.samples)]
        self._begin_run(0)

    def close(self) -> None:
        """No more audio will come; what is left becomes due."""
        if not self._closed:
            self._end_run()
            self._closed = True

    def voice_jobs(self) -> list[Job]:
        """Chunks whose speech probability is due."""
        self._take_in()
        return [job for run in self._runs for job in run.voice_jobs()]

    def speaker_jobs(self) -> list[SpeakerJob]:
        """Windows whose speaker is due, once the voice jobs are done."""
        return [job for run in self._runs for job in run.speaker_jobs()]

    def piece_jobs(self) -> list[PieceJob]:
        """Pieces to be encoded, once the voice jobs and the speaker jobs are done."""
        jobs = [job for run in self._runs for job in run.hear()]
        del self._runs[:-1]
        return jobs

    def window_jobs(self) -> list[WindowJob]:
        """At most one window a voice: the next is due when this one is judged or shed."""
        voices = (*self._retired, *self._voices)
        return [job for voice in voices if (job := voice.window_job())]

    def take_events(self) -> list[Event]:
        """What happened since the last call, once all work is done: by time, then channel."""
        events = _taken(self._retired, ended=True)
        events += self._merged
        events += _taken(self._voices, ended=self._closed and not self._told_end)
        self._merged = []
        if self._closed and not self._told_end:
            events.append(StreamEnded(self.samples))
            self._told_end = True
        return events

    def _take_in(self) -> None:
        """Resample what was fed since the last time, and hand it to the current run."""
        if self._waiting:
            parts, self._waiting = self._waiting, []
            samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            self._runs[-1].push(self._resampler.push(samples))

    def _break(self, samples: int) -> None:
        """A new run, ``samples`` at the stream's own rate later."""
        self._end_run()
        self._begin_run(samples)

    def _begin_run(self, samples: int) -> None:
        self._resampler = Resampler(source_rate=self._rate, channels=self._heard)
        self._passed += samples
        self._runs.append(self._new_run(round(self._passed * SAMPLING_RATE / self._rate)))

    def _end_run(self) -> None:
        self._take_in()
        self._runs[-1].push(self._resampler.close())
        self._runs[-1].close()

    def _check_open(self) -> None:
        if self._closed:
            raise AudioError("The stream is closed; open a new one for more audio.")

    def _new_voices(self) -> list[Voice]:
        first = len(self._retired)
        return [
            Voice(
                spec=self._spec,
                channel=0 if self._speakers else number,
                speaker=f"S{first + number + 1}",
                prior=self._new_baseline() if told and self._new_baseline else None,
            )
            for number, told in enumerate(self._scored)
        ]

    def _new_run(self, origin: int) -> Run:
        return Run(
            origin=origin,
            voices=self._voices,
            scored=self._scored,
            front_end=self._front_end,
            settings=self._settings,
            era=self._era,
            separation=(
                self._speakers.start(self._era, self._settings) if self._speakers else None
            ),
        )


def _taken(voices: Sequence[Voice], *, ended: bool) -> list[Event]:
    """What voices have to tell: by time, then channel; all of it where they say nothing more."""
    for voice in voices:
        voice.settle()
        if ended:
            voice.close()
    events = [event for voice in voices for event in voice.events]
    for voice in voices:
        voice.events.clear()
    return sorted(events, key=lambda event: (event.time, event.channel))


def _check_speakers(speakers: Speakers | None, channels: int) -> None:
    if speakers is not None and channels != 1:
        raise ConfigError(
            f"Speakers can be told apart in a stream of one channel, but this one has {channels}; "
            "leave speakers out: each channel is a speaker."
        )


def _check_scored(scored: Sequence[bool] | None, voices: int) -> tuple[bool, ...]:
    if scored is None:
        return (True,) * voices
    if len(scored) != voices:
        raise ConfigError(
            f"There are {len(scored)} values in scored, but the stream has {voices} channels or "
            "speakers; give one for each."
        )
    return tuple(scored)
