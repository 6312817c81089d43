"""Many recordings, on all cores; what is finished stays, whatever happens to the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from tonfall.analysis.analyze import analyze
from tonfall.analysis.outputs import output_stem, write_outputs
from tonfall.analysis.summary import SpeakerSummary
from tonfall.errors import TonfallError
from tonfall.workers import worker_pool

__all__ = ["Order", "Outcome", "analyze_files", "distinct_stems"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with every file of a batch."""

    model: str
    baseline: bool
    folder: Path
    formats: tuple[str, ...]
    plots: tuple[str, ...]
    customer: int | None = None
    speakers: int | None = None
    denoise: bool = False
    channels: str = "auto"
    features: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file of a batch went.

    Attributes:
        error: one sentence, or None.
        seconds: length of the recording.
    """

    file: str
    error: str | None = None
    seconds: float = 0.0
    speakers: tuple[SpeakerSummary, ...] = ()


def analyze_files(
    files: Sequence[str], order: Order, *, workers: int | None = None
) -> Iterator[Outcome]:
    """Analyse files and write their outputs; outcomes come as they are done.

    Args:
        files: paths; one that is named twice is analysed once.
        order: what to do with each.
        workers: processes; as many as there are cores by default.

    Raises:
        ConfigError: no process can be started from this program.
        ServiceError: a process was ended from outside; what is finished stays.
    """
    files = list(dict.fromkeys(files))
    stems = distinct_stems(files)
    count = min(workers or os.cpu_count() or 1, len(files))
    if count <= 1:
        for file in files:
            yield _analyze_one(file, stems[file], order)
        return
    with worker_pool(count) as pool:
        waiting = [pool.submit(_analyze_one, file, stems[file], order) for file in files]
        for future in as_completed(waiting):
            yield future.result()


def distinct_stems(files: Sequence[str]) -> dict[str, str]:
    """A name for each file's outputs, numbered where two files would share one.

    Names that differ in case only count as one, since some systems take them so.
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for file in files:
        stem = wanted = output_stem(file)
        number = 2
        while stem.casefold() in taken:
            stem = f"{wanted}-{number}"
            number += 1
        taken.add(stem.casefold())
        stems[file] = stem
    return stems


def _analyze_one(file: str, stem: str, order: Order) -> Outcome:
    try:
        analysis = analyze(
            file,
            model=order.model,
            baseline=order.baseline,
            customer=order.customer,
            speakers=order.speakers,
            denoise=order.denoise,
            channels=order.channels,
            features=order.features,
        )
        write_outputs(analysis, order.folder, formats=order.formats, plots=order.plots, stem=stem)
    except TonfallError as error:
        return Outcome(file, error=str(error))
    return Outcome(file, seconds=analysis.timeline.recording.duration, speakers=analysis.summary())
