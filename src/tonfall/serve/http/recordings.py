"""What the process does that analyses uploads: a recording in, JSON out."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tonfall.errors import AudioError, ConfigError, TonfallError

if TYPE_CHECKING:
    from tonfall.arrays import FloatArray
    from tonfall.audio import AudioReader
    from tonfall.runtime import Predictor

__all__ = ["Failure", "Job", "Ready", "Refusal", "work"]

NICE = 10
"""A long recording takes nothing from live calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do with a recording.

    Attributes:
        kind: "analyze" gives a timeline, "predict" a judgement of one clip.
        path: of the upload.
        name: how the client calls it.
        longest_s: seconds; a longer recording is refused while it is decoded.
        customer: channel that is judged, or of one channel the speaker; all by default.
        speakers: how many there are in a recording of one channel; found out by default.
        channels: "auto", "mix" or "each".
        baseline: False to judge every window alone.
    """

    kind: Literal["analyze", "predict"]
    path: Path
    name: str
    longest_s: float
    customer: int | None = None
    speakers: int | None = None
    channels: str = "auto"
    baseline: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded: jobs may come."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The recording, or what was asked of it, cannot be used."""

    error: AudioError | ConfigError


@dataclass(frozen=True, slots=True)
class Failure:
    """A model or a line of ours failed; ``reason`` is for the log, and holds nothing of a user."""

    reason: str


def work(pipe: Connection, model: str) -> None:
    """Jobs in, answers out, until the pipe closes.

    The first thing that is sent is :class:`Ready`, or the :class:`Failure` that ends the process.
    """
    from tonfall.runtime import load

    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
    try:
        predictor = load(model)
    except TonfallError as error:
        pipe.send(Failure(str(error)))
        return
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        pipe.send(Ready())
        while True:
            pipe.send(answer(pipe.recv(), predictor))


def answer(job: Job, predictor: Predictor) -> bytes | Refusal | Failure:
    """The answer to a job, as JSON, or why there is none."""
    try:
        return (_analyze if job.kind == "analyze" else _predict)(job, predictor)
    except (AudioError, ConfigError) as error:
        return Refusal(type(error)(_without_path(error, job)))
    except TonfallError as error:
        return Failure(_without_path(error, job))
    except Exception as error:
        return Failure(type(error).__name__)


def _without_path(error: TonfallError, job: Job) -> str:
    """An error's text, with the client's name of the file in place of ours."""
    return str(error).replace(str(job.path), job.name)


def _analyze(job: Job, predictor: Predictor) -> bytes:
    """What ``tonfall analyze`` does, once it is known how long the recording is."""
    from tonfall.analysis import analyze
    from tonfall.analysis.exports import export
    from tonfall.audio import open_audio

    with open_audio(job.path) as reader:
        for _ in _bounded(reader, job):
            pass
    analysis = analyze(
        job.path,
        model=predictor,
        baseline=job.baseline,
        customer=job.customer,
        speakers=job.speakers,
        channels=job.channels,
    )
    timeline = analysis.timeline
    named = replace(timeline.recording, file=job.name)
    return export(replace(timeline, recording=named), "json")


def _predict(job: Job, predictor: Predictor) -> bytes:
    from tonfall.audio import open_audio

    with open_audio(job.path) as reader:
        rate = reader.info.sampling_rate
        affect = predictor.predict_blocks(_bounded(reader, job), sampling_rate=rate)
        seconds = reader.position / rate
    found: dict[str, Any] = {
        "label": affect.label,
        "guess": affect.guess,
        "confidence": affect.confidence,
        "probabilities": dict(zip(affect.labels, affect.probabilities, strict=True)),
        "arousal": affect.arousal,
        "valence": affect.valence,
        "dominance": affect.dominance,
        "seconds": seconds,
        "model": predictor.name,
        "model_hash": predictor.hash,
    }
    return json.dumps(found).encode()


def _bounded(reader: AudioReader, job: Job) -> Iterator[FloatArray]:
    """Blocks, until there are more seconds than may be: headers can lie."""
    most = int(job.longest_s * reader.info.sampling_rate)
    told = reader.info.samples
    if told is not None and told > most:
        raise _too_long(job)
    passed = 0
    for block in reader:
        passed += block.shape[1]
        if passed > most:
            raise _too_long(job)
        yield block


def _too_long(job: Job) -> AudioError:
    return AudioError(
        f"{job.name}: the recording is longer than {job.longest_s:g} s, the limit; send a part."
    )
