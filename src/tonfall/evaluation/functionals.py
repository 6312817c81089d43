"""Statistics of whole clips by openSMILE, computed once and kept.

openSMILE is not free software: audEERING allows private, research and educational use, and sells
licences for anything else. Tonfall neither ships nor needs it; the extra ``opensmile`` installs it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.corpora.clips import Clip, clips_of, read_clip
from tonfall.corpora.contents import cache_folder as user_cache
from tonfall.corpora.contents import clip_hash, code_hash
from tonfall.evaluation.extras import load
from tonfall.timeline import SAMPLING_RATE

__all__ = ["NOTICE", "Degrade", "FeatureSet", "Progress", "clip_functionals", "default_cache"]

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016"]
"""88 and 6,373 numbers a clip."""

Degrade = Callable[[FloatArray, str], FloatArray]
"""Takes a (samples,) waveform at 16 kHz and the item's name; gives back the worse one."""

Progress = Callable[[int, int], None]
"""Called with the clips done and all."""

NOTICE = (
    "Features by openSMILE (audEERING GmbH): free for private, research and educational use; "
    "anything else needs its own licence."
)

_AT_ONCE = 16  # clips that a worker takes at a time
_IN_MEMORY = 16_384  # clips; 400 MB of the larger set


_READING = ("arrays.py", "audio", "corpora/clips.py")
"""The code between a file and openSMILE."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done with every clip."""

    feature_set: FeatureSet
    folder: Path
    worsen: Degrade | None

    def path(self, clip: Clip) -> Path:
        """Where a clip's features are kept: by content; degraded ones by their item too."""
        key = clip_hash(clip)
        if self.worsen is not None:  # noise is drawn by the item's name
            key += "-" + hashlib.sha256(clip.item.encode()).hexdigest()[:16]
        return self.folder / key[:2] / f"{key}.npy"


def default_cache() -> Path:
    """Where features are kept: $TONFALL_CACHE, or the user's cache folder."""
    return user_cache() / "functionals"


def clip_functionals(
    items: pd.DataFrame,
    *,
    feature_set: FeatureSet,
    cache_folder: Path,
    degrade: tuple[str, Degrade] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> FloatArray:
    """Functionals of every item's audio at 16 kHz, channels averaged.

    What was computed before is read from ``cache_folder``, where a clip is known by its file's
    SHA-256 and its place in it; another version of openSMILE, or of the code that reads clips,
    starts afresh.

    Args:
        items: columns file, and start and end in seconds where an item is a part of its file.
        feature_set: which of openSMILE's sets.
        cache_folder: made where it is absent.
        degrade: what the clips go through first, and a name of it that changes whenever it would
            give another sound.
        workers: processes.
        progress: called as clips are done.

    Returns:
        (items, features) float32; NaN where openSMILE finds a clip too short.

    Raises:
        ConfigError: openSMILE is not installed.
        ManifestError: an item has no audio.
        AudioError: a clip cannot be read.
    """
    version = load("opensmile", extra="opensmile").__version__
    name, worsen = degrade or ("", None)
    parts = (feature_set, version, code_hash(*_READING)[:12], name)
    work = _Work(feature_set, cache_folder / "-".join(part for part in parts if part), worsen)
    clips = clips_of(items)
    paths = [work.path(clip) for clip in clips]
    missing = [
        clip for path, clip in dict(zip(paths, clips, strict=True)).items() if not path.exists()
    ]
    done = len(clips) - len(missing)
    for count in _computed(missing, work, workers):
        done += count
        if progress is not None:
            progress(done, len(clips))
    return np.stack([_kept(path) for path in paths])


@lru_cache(maxsize=_IN_MEMORY)
def _kept(path: Path) -> FloatArray:
    """A clip's features; folds ask for the same ones again and again."""
    return np.asarray(np.load(path, allow_pickle=False))


def _computed(clips: Sequence[Clip], work: _Work, workers: int) -> Iterator[int]:
    """Compute and keep; yields how many clips each share had."""
    shares = [clips[first : first + _AT_ONCE] for first in range(0, len(clips), _AT_ONCE)]
    with ExitStack() as stack:
        # A forked process inherits locks of other threads; a spawned one starts clean.
        spread = map if workers < 2 or len(shares) < 2 else _pool(stack, workers)
        yield from spread(_keep_share, shares, [work] * len(shares))


def _pool(stack: ExitStack, workers: int) -> Any:
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    return stack.enter_context(executor).map


def _keep_share(clips: Sequence[Clip], work: _Work) -> int:
    smile = _smile(work.feature_set)
    for clip in clips:
        signal = read_clip(clip)
        if work.worsen is not None:
            signal = work.worsen(signal, clip.item)
        row = smile.process_signal(signal, SAMPLING_RATE).to_numpy(np.float32)[0]
        _write(work.path(clip), row)
    return len(clips)


def _write(path: Path, row: FloatArray) -> None:
    """Whole or not at all, so that a killed run leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, row)
    partial.replace(path)


@cache
def _smile(feature_set: FeatureSet) -> Any:
    opensmile = load("opensmile", extra="opensmile")
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)
