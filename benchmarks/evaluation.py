"""How long measuring takes: preparing corpora, features, a bundle on RAVDESS, the bootstrap.

    python -m benchmarks.evaluation [--data ../shared/data]

Without the corpora, what needs them is left out. 10,000 WAV files of a second stand in for a corpus
of IEMOCAP's size. CPU seconds are of all processes; a shared machine makes wall time worse.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from benchmarks.machine import heading
from tonfall.corpora import prepare
from tonfall.corpora.clips import clips_of
from tonfall.corpora.sounds import ClipSound
from tonfall.evaluation.additive import unweighted_recall
from tonfall.evaluation.bootstrap import Resampling
from tonfall.evaluation.items import pool
from tonfall.features.rows import functionals
from tonfall.lab.bundle_scores import bundle_scores

MANY = 10_000
LABELS = ("neutral", "happiness", "sadness", "anger")


def timed(step: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of a step, its child processes included."""
    before, start = cpu(), time.perf_counter()
    step()
    return time.perf_counter() - start, cpu() - before


def cpu() -> float:
    """CPU seconds of this process and of the children that ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def bootstrap() -> None:
    """1,000 draws of unweighted recall on 10,000 items of 100 speakers."""
    rng = np.random.default_rng(0)
    truth, prediction = (rng.choice(LABELS, MANY).tolist() for _ in range(2))
    resampling = Resampling([f"s{n % 100}" for n in range(MANY)], rng=rng)
    resampling.interval(unweighted_recall(truth, prediction, labels=LABELS))


def many_files(folder: Path) -> Path:
    """10,000 WAV files in a folder a class, each with sound of its own."""
    rng = np.random.default_rng(0)
    for number in range(MANY):
        path = folder / LABELS[number % 4] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, rng.integers(-3000, 3000, 16_000).astype(np.int16), 16_000)
    return folder


def steps(ravdess: Path | None, folder: Path) -> dict[str, tuple[Callable[[], object], float]]:
    """Name of each step, what it does, and the seconds that it may take."""
    made = many_files(folder / "many")
    found: dict[str, tuple[Callable[[], object], float]] = {
        f"prepare {MANY} files, headers only": (
            lambda: prepare("folders", made, silence=False),
            60,
        ),
        f"bootstrap, 1,000 draws on {MANY} items": (bootstrap, 5),
    }
    if ravdess is None:
        return found
    items = pool([prepare("ravdess", ravdess)[0]])
    return {
        "prepare RAVDESS, 1,440 clips": (lambda: prepare("ravdess", ravdess), 10),
        **found,
        "medium on RAVDESS, two processes": (lambda: bundle_scores("medium", items, workers=2), 60),
        "small on RAVDESS, two processes": (lambda: bundle_scores("small", items, workers=2), 60),
        "eGeMAPS of 200 clips, none kept": (features(items[:200], folder), float("inf")),
        "eGeMAPS of 200 clips, all kept": (features(items[:200], folder), float("inf")),
    }


def features(items: pd.DataFrame, folder: Path) -> Callable[[], object]:
    """Functionals with a cache in ``folder``."""
    sounds = [ClipSound(clip) for clip in clips_of(items)]
    return lambda: functionals(sounds, "egemaps", folder=folder / "kept", workers=2)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    ravdess = parser.parse_args().data / "ravdess"
    print(heading("Measuring", packages=("numpy", "pandas", "onnxruntime", "scikit-learn")))
    print("| step | wall, s | CPU, s | to keep under, s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = steps(ravdess if ravdess.is_dir() else None, Path(folder))
        for name, (step, limit) in work.items():
            wall, used = timed(step)
            bound = "" if limit == float("inf") else f"{limit:g}"
            print(f"| {name} | {wall:.1f} | {used:.1f} | {bound} |", flush=True)


if __name__ == "__main__":
    main()
