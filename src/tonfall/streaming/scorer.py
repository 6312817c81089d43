"""The one place where models run for streams: batches across channels, calls and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from tonfall.errors import BundleError
from tonfall.runtime import Predictor
from tonfall.streaming.engine import Engine
from tonfall.streaming.jobs import PieceJob, WindowJob
from tonfall.vad import VoiceModel

__all__ = ["Scorer"]


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
            BundleError: a model failed. What it was to score is given up: nothing is said of it,
                the baselines are as they were, and the streams can go on.
        """
        self._voice_model.score([job for engine in engines for job in engine.voice_jobs()])
        self._encode(engines)
        while self._judge(engines):
            pass

    def _encode(self, engines: Sequence[Engine]) -> None:
        jobs = [job for engine in engines for job in engine.piece_jobs()]
        if not jobs:
            return
        frames = np.stack([job.frames for job in jobs])
        weights = np.stack([job.weights for job in jobs])
        with _shedding(jobs):
            encoded = self.predictor.encode(frames, weights)
        for job, statistics in zip(jobs, encoded, strict=True):
            job.deliver(statistics)

    def _judge(self, engines: Sequence[Engine]) -> bool:
        """Judge the next window of every voice; False once none is left."""
        jobs = [job for engine in engines for job in engine.window_jobs()]
        if not jobs:
            return False
        statistics = np.stack([job.statistics for job in jobs])
        with _shedding(jobs):
            judgements = self.predictor.judge_windows(statistics, [job.baseline for job in jobs])
        for job, judgement in zip(jobs, judgements, strict=True):
            job.deliver(judgement)
        return True


@contextmanager
def _shedding(jobs: Sequence[PieceJob] | Sequence[WindowJob]) -> Iterator[None]:
    """Give the jobs up where the model fails on them."""
    try:
        yield
    except BundleError:
        for job in jobs:
            job.shed()
        raise
