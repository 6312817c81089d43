"""Features of files as a table on audformat's segmented index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.errors import AudioError, ConfigError
from tonfall.features.framing import RATE, STEP
from tonfall.features.sets import FeatureSet, find_set

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Per", "Stretches", "extract", "read_samples"]

Per = Literal["file", "window", "frame"]
"""What a row stands for."""

Stretches = Mapping[str, Sequence[tuple[float, float]]]
"""Starts and ends in seconds, by file."""

_WINDOW_S = 3
_HOP_S = 1
_CODE = ("arrays.py", "audio", "features")
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class _Order:
    """What is done with each file; small enough to be sent to a worker."""

    name: str
    per: Per
    cache: Path | None


@dataclass(frozen=True, slots=True)
class _Rows:
    """What came out of a file: bounds in samples at 16 kHz, and values."""

    bounds: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


def extract(
    files: str | Path | Sequence[str | Path],
    feature_set: str = "egemaps",
    *,
    per: Per = "file",
    stretches: Stretches | None = None,
    cache_folder: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Features of recordings.

    Each is resampled to 16 kHz, and its channels are averaged.

    Args:
        files: one path or more, of any format that Tonfall reads.
        feature_set: "egemaps", "prosody", "spectrum" or "mfcc".
        per: "file" for a row a file, "window" for one every second over 3 s of it (the last one
            shorter), "frame" for contours of 10 ms.
        stretches: in place of ``per``: a row for each of these parts of a file, such as its turns.
        cache_folder: where results are kept by the content of a file and of this code.
        workers: processes.
        progress: called with the files done and all.

    Returns:
        Float columns on the levels file, start and end (timedeltas), as audformat has them. What
        is undefined is NaN: too short, or no voice where a descriptor needs one.

    Raises:
        ConfigError: no such set, or no such ``per``.
        AudioError: a file cannot be read; the message names it.
    """
    chosen = find_set(feature_set)
    if per not in ("file", "window", "frame"):
        raise ConfigError(f"Rows per {per!r} are asked for, expected file, window or frame.")
    paths = [files] if isinstance(files, str | Path) else list(files)
    order = _Order(feature_set, per, cache_folder)
    parts = [tuple((stretches or {}).get(str(path), ())) if stretches else None for path in paths]
    results = []
    for done, rows in enumerate(_each(paths, parts, order, workers), 1):
        results.append(rows)
        if progress is not None:
            progress(done, len(paths))
    frame_wise = per == "frame" and stretches is None
    return _table(paths, results, chosen.frame_columns if frame_wise else chosen.columns)


_Part = tuple[tuple[float, float], ...] | None


def _each(
    paths: Sequence[str | Path], parts: Sequence[_Part], order: _Order, workers: int
) -> Iterator[_Rows]:
    orders = [order] * len(paths)
    if workers < 2 or len(paths) < 2:
        yield from map(_rows_of, paths, parts, orders)
        return
    with ExitStack() as stack:
        # A forked process inherits locks of other threads; a spawned one starts clean.
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        yield from stack.enter_context(pool).map(_rows_of, paths, parts, orders)


def _rows_of(path: str | Path, part: _Part, order: _Order) -> _Rows:
    if order.cache is None:
        return _computed(path, part, order)
    kept = order.cache / f"{_key(path, part, order)}.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            return _Rows(stored["bounds"], stored["values"])
    rows = _computed(path, part, order)
    _keep(kept, rows)
    return rows


def _key(path: str | Path, part: _Part, order: _Order) -> str:
    digest = hashlib.sha256(f"{order.name} {order.per} {part} {_code()} ".encode())
    try:
        digest.update(Path(path).read_bytes())
    except OSError as error:
        raise AudioError(
            f"{path}: no such file, or none that can be read ({error.strerror}). Check the path."
        ) from error
    return digest.hexdigest()


@cache
def _code() -> str:
    """Of what computes features, so that another version of it computes them anew."""
    digest = hashlib.sha256()
    for part in _CODE:
        place = _PACKAGE / part
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _keep(path: Path, rows: _Rows) -> None:
    """Whole or not at all, so that a killed run leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, bounds=rows.bounds, values=rows.values)
    partial.replace(path)


def read_samples(path: str | Path) -> FloatArray:
    """A file as (samples,) float32 at 16 kHz, channels averaged.

    Raises:
        AudioError: it cannot be read.
    """
    waveform, rate = read(path)
    mono = waveform.mean(axis=0, keepdims=True)
    return np.asarray(resample(mono, source_rate=rate)[0], np.float32)


def _computed(path: str | Path, part: _Part, order: _Order) -> _Rows:
    samples, chosen = read_samples(path), find_set(order.name)
    if part is None and order.per == "frame":
        return _frames(samples, chosen)
    bounds = _bounds(len(samples), part, order.per)
    values = [chosen.summary(samples[start:end]) for start, end in bounds]
    table = np.stack(values) if values else np.zeros((0, len(chosen.columns)))
    return _Rows(np.asarray(bounds, np.int64).reshape(-1, 2), table)


def _frames(samples: FloatArray, chosen: FeatureSet) -> _Rows:
    values = chosen.frames(samples)
    starts = np.arange(len(values), dtype=np.int64) * STEP
    return _Rows(np.stack([starts, np.minimum(starts + STEP, len(samples))], axis=1), values)


def _bounds(count: int, part: _Part, per: Per) -> list[tuple[int, int]]:
    if part is not None:
        return [(round(start * RATE), min(count, round(end * RATE))) for start, end in part]
    if per == "file" or count <= _WINDOW_S * RATE:
        return [(0, count)]
    last = count - _WINDOW_S * RATE
    starts = [*range(0, last, _HOP_S * RATE), last]
    return [(start, start + _WINDOW_S * RATE) for start in starts]


def _table(
    paths: Sequence[str | Path], results: Sequence[_Rows], columns: tuple[str, ...]
) -> pd.DataFrame:
    import pandas as pd

    counts = [len(rows.values) for rows in results]
    bounds = np.concatenate([rows.bounds for rows in results] or [np.zeros((0, 2), np.int64)])
    index = pd.MultiIndex.from_arrays(
        [
            np.repeat([str(path) for path in paths], counts) if paths else [],
            pd.to_timedelta(bounds[:, 0] / RATE, unit="s"),
            pd.to_timedelta(bounds[:, 1] / RATE, unit="s"),
        ],
        names=["file", "start", "end"],
    )
    values = [rows.values for rows in results] or [np.zeros((0, len(columns)))]
    return pd.DataFrame(np.concatenate(values), index=index, columns=list(columns))
