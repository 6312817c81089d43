"""The one place where models run for streams: batches across channels, calls and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.diarization import SpeakerJob, SpeakerModel
from tonfall.errors import BundleError
from tonfall.runtime import Judgement, Predictor
from tonfall.streaming.engine import Engine
from tonfall.streaming.jobs import PieceJob, WindowJob
from tonfall.vad import Job, VoiceModel

__all__ = ["Scorer"]

_Job = TypeVar("_Job", PieceJob, WindowJob)
_Handed = TypeVar("_Handed", Job, SpeakerJob, PieceJob, WindowJob)


class Scorer:
    """Does the work that engines hand out.

    Args:
        predictor: the emotion model; every engine served must be made for the same.
        voice_model: voice activity; loaded if not given.
        speaker_model: loaded once an engine needs it, if not given.
        from_prior: True to judge each window against the model's prior, whatever its voice
            sounded like before. The baselines learn all the same: a site's prior is made of them.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        voice_model: VoiceModel | None = None,
        speaker_model: SpeakerModel | None = None,
        from_prior: bool = False,
    ) -> None:
        self.predictor = predictor
        self._voice_model = voice_model or VoiceModel.load()
        self._speaker_model = speaker_model
        self._from_prior = from_prior

    def serve(
        self, engines: Sequence[Engine], *, broken: dict[Engine, Exception] | None = None
    ) -> None:
        """Do all that is due, in batches; the events then lie ready in each engine.

        Args:
            engines: made for this scorer's predictor.
            broken: takes up the engines that raised an error of their own, in place of raising
                it; they are of no use any more, and the others are served.

        Raises:
            BundleError: a model failed. What it failed on is given up: nothing is said of it, the
                baselines are as they were, and the streams can go on. All else was done.
        """
        failures: list[BundleError] = []
        voices = _collect(engines, Engine.voice_jobs, broken)
        try:
            self._voice_model.score(voices)
        except BundleError as error:
            failures.append(error)
        self._tell_apart([each for each in engines if each.separates], broken, failures)
        _do(_collect(engines, Engine.piece_jobs, broken), self._encoded, failures)
        while windows := _collect(engines, Engine.window_jobs, broken):
            _do(windows, self._judged, failures)
        if failures:
            raise failures[0]

    def _tell_apart(
        self,
        engines: Sequence[Engine],
        broken: dict[Engine, Exception] | None,
        failures: list[BundleError],
    ) -> None:
        for job in _collect(engines, Engine.speaker_jobs, broken):
            try:
                self._speaker_model = self._speaker_model or SpeakerModel.load()
                self._speaker_model.score([job])
            except BundleError as error:
                job.shed()
                failures.append(error)

    def _encoded(self, jobs: Sequence[PieceJob]) -> Sequence[FloatArray]:
        frames = np.stack([job.frames for job in jobs])
        weights = np.stack([job.weights for job in jobs])
        return list(self.predictor.encode(frames, weights))

    def _judged(self, jobs: Sequence[WindowJob]) -> Sequence[Judgement]:
        """Those that a prior is learnt from are judged against the model's own as well.

        So what is learnt does not hang on what was learnt before: a prior that drifted towards
        anger would let more of it through its gate.
        """
        learning = [number for number, job in enumerate(jobs) if job.learns]
        rows = [self.predictor.combine(job.pieces) for job in jobs]
        rows += [rows[each] for each in learning]
        baselines = [None if self._from_prior else job.baseline for job in jobs]
        judged = self.predictor.judge_windows(np.stack(rows), baselines + [None] * len(learning))
        told = judged[: len(jobs)]
        for number, by_prior in zip(learning, judged[len(jobs) :], strict=True):
            told[number] = replace(told[number], prior_gate=by_prior.gate)
        return told


def _collect(
    engines: Sequence[Engine],
    ask: Callable[[Engine], list[_Handed]],
    broken: dict[Engine, Exception] | None,
) -> list[_Handed]:
    """What all engines hand out."""
    if broken is None:
        return [job for engine in engines for job in ask(engine)]
    jobs: list[_Handed] = []
    for engine in engines:
        try:
            jobs += ask(engine) if engine not in broken else []
        except Exception as error:
            broken[engine] = error
    return jobs


def _do(
    jobs: Sequence[_Job],
    compute: Callable[[Sequence[_Job]], Sequence[Any]],
    failures: list[BundleError],
) -> None:
    """Do the jobs together; where the model fails, one by one, and give up those it fails on."""
    if not jobs:
        return
    try:
        results = compute(jobs)
    except BundleError as error:
        if len(jobs) == 1:
            jobs[0].shed()
            failures.append(error)
        else:
            for job in jobs:
                _do([job], compute, failures)
        return
    for job, result in zip(jobs, results, strict=True):
        job.deliver(result)
