"""The one place where models run for streams: batches across channels, calls and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.runtime import Judgement, Predictor
from tonfall.streaming.engine import Engine
from tonfall.streaming.jobs import PieceJob, WindowJob
from tonfall.vad import VoiceModel

__all__ = ["Scorer"]

_Job = TypeVar("_Job", PieceJob, WindowJob)


class Scorer:
    """Does the work that engines hand out.

    Args:
        predictor: the emotion model; every engine served must be made for the same.
        voice_model: voice activity; loaded if not given.
    """

    def __init__(self, predictor: Predictor, *, voice_model: VoiceModel | None = None) -> None:
        self.predictor = predictor
        self._voice_model = voice_model or VoiceModel.load()

    def serve(self, engines: Sequence[Engine]) -> None:
        """Do all that is due, in batches; the events then lie ready in each engine.

        Raises:
            BundleError: a model failed. What it failed on is given up: nothing is said of it, the
                baselines are as they were, and the streams can go on. All else was done.
        """
        failures: list[BundleError] = []
        self._hear(engines, failures)
        self._encode(engines, failures)
        while self._judge(engines, failures):
            pass
        if failures:
            raise failures[0]

    def _hear(self, engines: Sequence[Engine], failures: list[BundleError]) -> None:
        try:
            self._voice_model.score([job for engine in engines for job in engine.voice_jobs()])
        except BundleError as error:
            failures.append(error)

    def _encode(self, engines: Sequence[Engine], failures: list[BundleError]) -> None:
        jobs = [job for engine in engines for job in engine.piece_jobs()]
        if jobs:
            _do(jobs, self._encoded, failures)

    def _judge(self, engines: Sequence[Engine], failures: list[BundleError]) -> bool:
        """Judge the next window of every voice; False once none is left."""
        jobs = [job for engine in engines for job in engine.window_jobs()]
        if jobs:
            _do(jobs, self._judged, failures)
        return bool(jobs)

    def _encoded(self, jobs: Sequence[PieceJob]) -> Sequence[FloatArray]:
        frames = np.stack([job.frames for job in jobs])
        weights = np.stack([job.weights for job in jobs])
        return list(self.predictor.encode(frames, weights))

    def _judged(self, jobs: Sequence[WindowJob]) -> Sequence[Judgement]:
        statistics = np.stack([job.statistics for job in jobs])
        return self.predictor.judge_windows(statistics, [job.baseline for job in jobs])


def _do(
    jobs: Sequence[_Job],
    compute: Callable[[Sequence[_Job]], Sequence[Any]],
    failures: list[BundleError],
) -> None:
    """Do the jobs together; where the model fails, one by one, and give up those it fails on."""
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
