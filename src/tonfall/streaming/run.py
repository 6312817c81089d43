"""One unbroken stretch of audio, all channels together: samples in, pieces out."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.diarization import SpeakerJob
from tonfall.features import HOP
from tonfall.runtime import frame_stream, frame_weights, look_ahead, padded_piece, speech_seconds
from tonfall.streaming.background import Background, ChunkLevels
from tonfall.streaming.jobs import PieceJob
from tonfall.streaming.shelf import Shelf
from tonfall.streaming.speakers import Separation
from tonfall.streaming.voice import Piece, Voice
from tonfall.timeline import Segment
from tonfall.vad import CHUNK, EchoSuppressor, Job, TurnFinder, VoiceSettings, VoiceTrack

__all__ = ["Run"]


class Run:
    """Audio without a gap, from ``origin`` on.

    Inside, positions of frames (10 ms) and chunks (32 ms) count from the run's start.

    Args:
        origin: samples at 16 kHz between the stream's start and this run's.
        voices: one a channel, or the speakers of a single channel.
        scored: for each voice, False where it is heard for its turns only.
        front_end: of the bundle.
        settings: of voice activity.
        era: number of the voices' baseline that is learnt from this run on.
        separation: tells the voices of a single channel apart; None where each has its own.
    """

    def __init__(
        self,
        *,
        origin: int,
        voices: Sequence[Voice],
        scored: Sequence[bool],
        front_end: FrontEnd,
        settings: VoiceSettings,
        era: int,
        separation: Separation | None = None,
    ) -> None:
        self._separation = separation
        channels = 1 if separation else len(voices)
        self._era = era
        self._origin = origin
        self._voices = voices
        self._scored = scored
        self._front_end = front_end
        self._tracks = [] if separation else [VoiceTrack() for _ in voices]
        self._finders = [TurnFinder(settings) for _ in voices]
        self._echo = EchoSuppressor(channels=channels, settings=settings)
        self._meter = ChunkLevels(channels=channels)
        self._backgrounds = [Background(settings) for _ in voices]
        self._framed = [0] * any(scored) if separation else np.flatnonzero(scored).tolist()
        rows = range(len(self._framed))
        self._rows = (
            dict.fromkeys(range(len(voices)), 0)
            if separation
            else dict(zip(self._framed, rows, strict=True))
        )
        self._framing = frame_stream(front_end, channels=len(self._framed))
        self._look_ahead = look_ahead(front_end)
        self._unframed: list[FloatArray] = []
        self._frames = Shelf((len(self._framed), 0, front_end.width))
        self._levels = Shelf((channels, 0))
        self._speech = Shelf((len(voices), 0))
        self._anyones = Shelf((channels, 0))
        self._samples = 0
        self._pieces = 0
        self._ended = False

    @property
    def end(self) -> int:
        """Samples between the stream's start and this run's end so far."""
        return self._origin + self._samples

    @property
    def missing(self) -> int:
        """Samples that are still to come until the next piece can be cut; 0 or less if none."""
        piece = (self._pieces + 1) * self._front_end.piece_frames * HOP
        missing = max(piece + self._look_ahead, -(-piece // CHUNK) * CHUNK) - self._samples
        return max(missing, self._separation.missing) if self._separation else missing

    def push(self, samples: FloatArray) -> None:
        """Take (channels, n) samples at 16 kHz."""
        self._samples += samples.shape[1]
        if self._separation:
            self._separation.push(samples[0])
        for track, channel in zip(self._tracks, samples, strict=not self._separation):
            track.push(channel)
        self._levels.append(self._meter.push(samples))
        self._unframed.append(samples[self._framed])
        if self._samples >= self._end_of_next_piece():
            self._make_frames()

    def close(self) -> None:
        """Nothing follows in this run."""
        self._ended = True
        if self._separation:
            self._separation.close()
        for track in self._tracks:
            track.close()
        self._levels.append(self._meter.close())
        self._make_frames()
        # A run too short for a single frame is too short to hold speech.
        if self._samples > CHUNK:
            self._frames.append(self._framing.close())

    def voice_jobs(self) -> list[Job]:
        """Chunks whose speech probability is due."""
        if self._separation:
            return self._separation.voice_jobs()
        return [job for track in self._tracks for job in track.due()]

    def speaker_jobs(self) -> list[SpeakerJob]:
        """Windows whose speaker is due, once the voice jobs are done."""
        return self._separation.speaker_jobs() if self._separation else []

    def hear(self) -> list[PieceJob]:
        """Take in the probabilities that came back; return the pieces to be encoded."""
        if self._separation:
            turns, judged = self._separation.take()
            self._speech.append(judged)
            self._anyones.append(turns.max(axis=0, keepdims=True))
            self._find_turns(turns)
        else:
            self._hear_channels(np.stack([track.take() for track in self._tracks]))
        jobs = self._cut_pieces()
        if self._ended:
            self._end_turns()
        return jobs

    def _hear_channels(self, fresh: FloatArray) -> None:
        if fresh.shape[1]:
            heard = self._speech.end
            levels = self._levels.take(heard, heard + fresh.shape[1])
            self._speech.append(self._echo.suppress(fresh, levels))
            self._anyones.append(fresh)
            # What was given up is NaN and so counts as silence: a turn may end early by it.
            self._find_turns(self._speech.take(heard, self._speech.end))

    def _find_turns(self, speech: FloatArray) -> None:
        for voice, finder, channel in zip(self._voices, self._finders, speech, strict=True):
            self._tell_turns(voice, *finder.push(channel))
            voice.expect_turns(earliest=self._origin + finder.earliest)

    def _end_turns(self) -> None:
        for voice, finder in zip(self._voices, self._finders, strict=True):
            self._tell_turns(voice, *finder.close(self._samples))
            voice.break_off()

    def _tell_turns(self, voice: Voice, started: Sequence[int], ended: Sequence[Segment]) -> None:
        """Openings and closings alternate, so they are told in order of time."""
        closings = {turn.end: turn for turn in ended}
        for sample in sorted([*started, *closings]):
            turn = closings.get(sample)
            if turn is None:
                voice.start_speech(self._origin + sample)
            else:
                voice.end_speech(Segment(self._origin + turn.start, self._origin + turn.end))

    def _cut_pieces(self) -> list[PieceJob]:
        jobs = []
        while count := self._frames_of_next_piece():
            first = self._pieces * self._front_end.piece_frames
            for voice, scored in enumerate(self._scored):
                if not scored:
                    self._voices[voice].pass_over(self._segment(first).end)
                elif job := self._cut(voice, first, count):
                    jobs.append(job)
            self._pieces += 1
        self._forget()
        return jobs

    def _end_of_next_piece(self) -> int:
        """Samples of the run at which the next piece has all its frames."""
        return (self._pieces + 1) * self._front_end.piece_frames * HOP + self._look_ahead

    def _make_frames(self) -> None:
        """A piece at a time: packet by packet, log-mel costs three times as much."""
        if self._unframed:
            self._frames.append(self._framing.push(np.concatenate(self._unframed, axis=1)))
            self._unframed.clear()

    def _frames_of_next_piece(self) -> int:
        """How many frames the next piece has: all, fewer at the end, 0 if not yet complete."""
        first = self._pieces * self._front_end.piece_frames
        there = max(0, min(self._frames.end - first, self._front_end.piece_frames))
        heard = self._speech.end * CHUNK >= (first + self._front_end.piece_frames) * HOP
        complete = there == self._front_end.piece_frames and heard
        return there if complete or self._ended else 0

    def _cut(self, voice: int, first: int, count: int) -> PieceJob | None:
        """Cut a voice's piece; None where it has too little speech to encode."""
        chunks = slice(first * HOP // CHUNK, -(-(first + count) * HOP // CHUNK))
        speech = self._speech.take(chunks.start, chunks.stop)[voice]
        channel = 0 if self._separation else voice
        levels = self._levels.take(chunks.start, chunks.stop)[channel]
        anyones = self._anyones.take(chunks.start, chunks.stop)[channel]
        weights = frame_weights(speech, count, first=first, first_chunk=chunks.start)
        speech_s = speech_seconds(weights)
        given_up = isnan(speech_s)
        piece = Piece(
            segment=self._segment(first),
            speech_s=0.0 if given_up else speech_s,
            snr_db=None if given_up else self._backgrounds[voice].snr_db(levels, speech, anyones),
            given_up=given_up,
            era=self._era,
        )
        self._voices[voice].add_piece(piece)
        if not piece.spoken:
            return None
        frames = self._frames.take(
            max(0, first - self._front_end.context_frames), first + self._front_end.piece_frames
        )[self._rows[voice]]
        padded = padded_piece(frames, weights, front_end=self._front_end)
        return PieceJob(*padded, piece.fill, piece.give_up)

    def _segment(self, first: int) -> Segment:
        start = self._origin + first * HOP
        return Segment(start, min(start + self._front_end.piece_frames * HOP, self.end))

    def _forget(self) -> None:
        """Drop what no later piece needs."""
        first = self._pieces * self._front_end.piece_frames
        self._frames.forget(before=first - self._front_end.context_frames)
        self._speech.forget(before=first * HOP // CHUNK)
        self._anyones.forget(before=first * HOP // CHUNK)
        self._levels.forget(before=first * HOP // CHUNK)
