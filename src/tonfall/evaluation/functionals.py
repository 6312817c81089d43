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
from tonfall.audio import read, resample
from tonfall.errors import ManifestError
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


@dataclass(frozen=True, slots=True)
class _Clip:
    """A stretch of a file, known by the file's content; degraded ones by their item too."""

    item: str
    file: Path
    start: float
    end: float | None
    key: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done with every clip."""

    feature_set: FeatureSet
    folder: Path
    worsen: Degrade | None


def default_cache() -> Path:
    """Where features are kept: $TONFALL_CACHE, or the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonfall"
    return Path(os.environ.get("TONFALL_CACHE", user)) / "functionals"


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
    SHA-256 and its place in it; another version of openSMILE starts afresh.

    Args:
        items: columns file, and start and end in seconds where an item is a part of its file.
        feature_set: which of openSMILE's sets.
        cache_folder: made where it is absent.
        degrade: what the clips go through first, and the name that the cache knows it by.
        workers: processes.
        progress: called as clips are done.

    Returns:
        (items, features) float32; NaN where openSMILE finds a clip too short.

    Raises:
        ConfigError: openSMILE is not installed.
        ManifestError: an item has no audio.
        AudioError: a file cannot be read.
    """
    version = load("opensmile", extra="opensmile").__version__
    name, worsen = degrade or ("", None)
    folder = cache_folder / "-".join(part for part in (feature_set, version, name) if part)
    clips = [_clip(*row, degraded=worsen is not None) for row in _places(items)]
    missing = [clip for clip in dict.fromkeys(clips) if not _path(folder, clip).exists()]
    done = len(clips) - len(missing)
    work = _Work(feature_set, folder, worsen)
    for count in _computed(missing, work, workers):
        done += count
        if progress is not None:
            progress(done, len(clips))
    return np.stack([_kept(_path(folder, clip)) for clip in clips])


def _places(items: pd.DataFrame) -> Iterator[tuple[str, str, float, float | None]]:
    columns = items.reindex(columns=["item", "file", "start", "end"])
    for item, file, start, end in columns.itertuples(index=False, name=None):
        if pd.isna(file):
            raise ManifestError(
                f"{item}: the manifest names no audio, but features are made from it. "
                "Prepare the corpus with its audio."
            )
        yield (
            str(item),
            str(file),
            0.0 if pd.isna(start) else float(start),
            None if pd.isna(end) else float(end),
        )


def _clip(item: str, file: str, start: float, end: float | None, *, degraded: bool) -> _Clip:
    path = Path(file)
    if not path.is_file():
        raise ManifestError(f"{path}: no such file. Prepare the corpus again.")
    place = "" if not start and end is None else f"-{start:g}-{end if end is None else f'{end:g}'}"
    if degraded:  # noise is drawn by the item's name
        place += "-" + hashlib.sha256(item.encode()).hexdigest()[:16]
    said = path.stat()
    key = _content(path, said.st_size, said.st_mtime_ns) + place
    return _Clip(item, path, start, end, key)


@lru_cache(maxsize=_IN_MEMORY)
def _content(path: Path, _size: int, _modified_ns: int) -> str:
    """SHA-256, hexadecimal, of a file; remembered as long as it is not written to."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=_IN_MEMORY)
def _kept(path: Path) -> FloatArray:
    """A clip's features; folds ask for the same ones again and again."""
    return np.asarray(np.load(path, allow_pickle=False))


def _path(folder: Path, clip: _Clip) -> Path:
    return folder / clip.key[:2] / f"{clip.key}.npy"


def _computed(clips: Sequence[_Clip], work: _Work, workers: int) -> Iterator[int]:
    """Compute and keep; yields how many clips each share had."""
    shares = [clips[first : first + _AT_ONCE] for first in range(0, len(clips), _AT_ONCE)]
    with ExitStack() as stack:
        # A forked process inherits locks of other threads; a spawned one starts clean.
        spread = map if workers < 2 or len(shares) < 2 else _pool(stack, workers)
        yield from spread(_keep_share, shares, [work] * len(shares))


def _pool(stack: ExitStack, workers: int) -> Any:
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    return stack.enter_context(executor).map


def _keep_share(clips: Sequence[_Clip], work: _Work) -> int:
    smile = _smile(work.feature_set)
    for clip in clips:
        signal = _waveform(clip)
        if work.worsen is not None:
            signal = work.worsen(signal, clip.item)
        row = smile.process_signal(signal, SAMPLING_RATE).to_numpy(np.float32)[0]
        _write(_path(work.folder, clip), row)
    return len(clips)


def _waveform(clip: _Clip) -> FloatArray:
    """(samples,) at 16 kHz, channels averaged."""
    waveform, rate = read(clip.file)
    end = None if clip.end is None else round(clip.end * rate)
    part = waveform.mean(axis=0, keepdims=True)[:, round(clip.start * rate) : end]
    return np.asarray(resample(part, source_rate=rate)[0], np.float32)


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
