"""Rows of numbers of recordings: computed once, kept by content, on several processes.

What is computed is known by the content of the file, of the code and of the libraries, by the set
and by what a row stands for. So nothing that is out of date is ever found, a copy under another
name is found, and a run that was killed goes on where it was.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache, lru_cache
from pathlib import Path
from threading import get_ident
from typing import cast
from zipfile import BadZipFile

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.contents import code_hash, joint_hash, library_versions
from tonfall.errors import AudioError, ConfigError, ServiceError, TonfallError
from tonfall.features.feature_set import FeatureSet
from tonfall.features.framing import RATE, STEP
from tonfall.features.row_tasks import Order, Parts, Per, Rows, Sound, Task
from tonfall.features.sets import find_set
from tonfall.workers import worker_pool

__all__ = ["Progress", "functionals", "rows_of"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with what is done and all."""

_WINDOW_S = 3
_HOP_S = 1
_AHEAD = 4
"""Recordings a process that may be under way while an earlier one is waited for."""
_IN_MEMORY = 16_384
"""Clips whose numbers are held; 400 MB of openSMILE's largest set."""


def rows_of(
    tasks: Sequence[Task], order: Order, *, workers: int = 1
) -> Iterator[Rows | TonfallError]:
    """The rows of each recording in turn, or why there are none.

    Args:
        tasks: the recordings.
        order: what is done with each.
        workers: processes; none is started where all is kept already.

    Raises:
        ConfigError: no such set, openSMILE is not installed, no process can be started, or the
            cache cannot be written.
        ServiceError: a process was ended from outside.
    """
    _say_notice(find_set(order.feature_set).notice)
    with ExitStack() as stack:
        start = _starter(stack, order, workers)
        under_way: deque[Callable[[], Rows | TonfallError]] = deque()
        for task in tasks:
            under_way.append(start(task))
            if workers < 2 or len(under_way) > _AHEAD * workers:
                yield under_way.popleft()()
        while under_way:
            yield under_way.popleft()()


@cache
def _say_notice(notice: str) -> None:
    """Once a process."""
    if notice:
        log.warning(notice)


def _starter(
    stack: ExitStack, order: Order, workers: int
) -> Callable[[Task], Callable[[], Rows | TonfallError]]:
    """Begins a recording; what it gives waits for the result."""

    @cache
    def pool() -> ProcessPoolExecutor:
        return stack.enter_context(worker_pool(workers))

    def start(task: Task) -> Callable[[], Rows | TonfallError]:
        if workers < 2 or _is_kept(task, order):
            return lambda: _outcome(task, order)
        return pool().submit(_outcome, task, order).result

    return start


def _is_kept(task: Task, order: Order) -> bool:
    try:
        place = _place(task, order)
    except TonfallError:
        return True  # nothing will be computed
    return place is not None and _is_there(place)


def _is_there(place: Path) -> bool:
    """False of an empty file, too: that is what a loss of power leaves of one just written."""
    return place.is_file() and place.stat().st_size > 0


def _outcome(task: Task, order: Order) -> Rows | TonfallError:
    try:
        place = _place(task, order)
        kept = _kept(place) if place is not None else None
        if kept is not None:
            return kept
        rows = _computed(task, order)
    except TonfallError as error:
        return error
    if place is not None:
        _keep(place, rows)
    return rows


def _place(task: Task, order: Order) -> Path | None:
    """Where the rows of a recording are kept; None where they are not to be."""
    if order.folder is None:
        return None
    chosen = find_set(order.feature_set)
    made_by = joint_hash([code_hash(*chosen.code), library_versions(*chosen.libraries)])[:16]
    cut = order.split.key if order.split else order.per
    key = joint_hash([task.sound.key(), cut, repr(task.parts)])
    name = f"{chosen.name.replace('/', '-')}-{made_by}"
    return order.folder / name / key[:2] / f"{key}.npz"


def _kept(path: Path) -> Rows | None:
    """What was kept there; None where nothing was, or where it is spoilt."""
    if not _is_there(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Rows(stored["bounds"], stored["values"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None


def _keep(path: Path, rows: Rows) -> None:
    """Whole or not at all, so that a killed run leaves no half file.

    Raises:
        ConfigError: it cannot be written.
    """
    partial = path.with_suffix(f".{os.getpid()}-{get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, bounds=rows.bounds, values=rows.values)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path.parent}: what was computed cannot be kept there ({error.strerror}). Set "
            "TONFALL_CACHE to another folder, or keep nothing (--no-cache)."
        ) from error


def _computed(task: Task, order: Order) -> Rows:
    samples, chosen = task.sound.samples(), find_set(order.feature_set)
    parts = order.split.cut(samples) if order.split else task.parts
    if parts is None and order.per == "frame":
        return _frames(samples, chosen)
    bounds = _bounds(len(samples), parts, order.per)
    if parts is not None and (outside := [at for at, _ in bounds if at >= len(samples)]):
        raise AudioError(
            f"{task.sound.file}: a stretch begins at {outside[0] / RATE:g} s, but the sound ends "
            f"at {len(samples) / RATE:g} s. Give stretches inside of it."
        )
    values = [chosen.summary(samples[start:end]) for start, end in bounds]
    table = np.asarray(values).reshape(-1, len(chosen.columns))
    return Rows(np.asarray(bounds, np.int64).reshape(-1, 2), cast("FloatArray", table))


def _frames(samples: FloatArray, chosen: FeatureSet) -> Rows:
    values = chosen.frames(samples)
    starts = np.arange(len(values), dtype=np.int64) * STEP
    return Rows(np.stack([starts, np.minimum(starts + STEP, len(samples))], axis=1), values)


def _bounds(count: int, parts: Parts | None, per: Per) -> list[tuple[int, int]]:
    if parts is not None:
        return [(round(start * RATE), min(count, round(end * RATE))) for start, end in parts]
    if per == "file" or count <= _WINDOW_S * RATE:
        return [(0, count)]
    last = count - _WINDOW_S * RATE
    starts = [*range(0, last, _HOP_S * RATE), last]
    return [(start, start + _WINDOW_S * RATE) for start in starts]


def functionals(
    sounds: Sequence[Sound],
    feature_set: str,
    *,
    folder: Path,
    workers: int = 1,
    progress: Progress | None = None,
) -> FloatArray:
    """One row of numbers for each sound, for those who ask for the same ones again and again.

    Args:
        sounds: what to describe.
        feature_set: see `tonfall.features.sets.find_set`.
        folder: where rows are kept.
        workers: processes.
        progress: called as sounds are done; not at all where all are kept.

    Returns:
        (sounds, numbers) float32; NaN where something is undefined.

    Raises:
        TonfallError: no such set, or a sound that cannot be read.
    """
    order = Order(feature_set, folder=folder)
    places = [_place(Task(sound), order) for sound in sounds]
    missing = {
        place: Task(sound)
        for place, sound in zip(places, sounds, strict=True)
        if place is not None and not _is_held(place)
    }
    done = len(sounds) - len(missing)
    for rows in rows_of(list(missing.values()), order, workers=workers):
        if isinstance(rows, TonfallError):
            raise rows
        done += 1
        if progress is not None:
            progress(done, len(sounds))
    if not places:
        return np.zeros((0, len(order.columns)), np.float32)
    return np.stack([_held(place) for place in places if place is not None])


def _is_held(place: Path) -> bool:
    """False of a file that is not there or spoilt, which is then made anew."""
    try:
        _held(place)
    except ServiceError:
        return False
    return True


@lru_cache(maxsize=_IN_MEMORY)
def _held(place: Path) -> FloatArray:
    rows = _kept(place)
    if rows is None:
        raise ServiceError(f"{place}: cannot be read. Delete it and try again.", retry=True)
    return np.asarray(rows.values[0], np.float32)
