"""Features of files as a table on audformat's segmented index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tonfall.errors import ConfigError, TonfallError
from tonfall.features.framing import RATE
from tonfall.features.recordings import Recording, read_samples
from tonfall.features.row_tasks import Order, Parts, Per, Rows, Task
from tonfall.features.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Per", "Stretches", "as_table", "extract", "read_samples"]

Stretches = Mapping[str | Path, Sequence[tuple[float, float]]]
"""Starts and ends in seconds, by file."""


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
        feature_set: "egemaps", "prosody", "spectrum" or "mfcc"; with openSMILE (extra
            ``opensmile``, which has a licence of its own) also "opensmile/eGeMAPSv02",
            "opensmile/GeMAPSv01b" or "opensmile/ComParE_2016".
        per: "file" for a row a file, "window" for one every second over 3 s of it (the last one
            ends with the file), "frame" for contours of 10 ms.
        stretches: in place of ``per``: a row for each of these parts of a file, such as its turns;
            a file that is not named has none, and what ends after its file is cut there.
        cache_folder: where results are kept by the content of a file and of this code.
        workers: processes.
        progress: called with the files done and all.

    Returns:
        Float columns on the levels file, start and end (timedeltas), as audformat has them. What
        is undefined is NaN: too short, or no voice where a descriptor needs one.

    Raises:
        ConfigError: no such set, no such ``per``, a stretch that is none or of another file, or
            openSMILE is not installed; or the cache cannot be written, or no process be started.
        AudioError: a file cannot be read, or ends before a stretch begins; the message names it.
    """
    if per not in ("file", "window", "frame"):
        raise ConfigError(f"Rows per {per!r} are asked for, expected file, window or frame.")
    paths = _paths(files)
    order = Order(feature_set, per if stretches is None else "file", folder=cache_folder)
    parts = _parts_by_file(stretches, paths)
    tasks = [
        Task(Recording(Path(path)), parts.get(str(Path(path)), ()) if parts is not None else None)
        for path in paths
    ]
    tables = []
    for done, rows in enumerate(rows_of(tasks, order, workers=workers), 1):
        if isinstance(rows, TonfallError):
            raise rows
        tables.append((paths[done - 1], 0.0, rows))
        if progress is not None:
            progress(done, len(paths))
    return as_table(tables, order.columns)


def _paths(files: object) -> list[str | Path]:
    listed = [files] if isinstance(files, str | Path) else files
    if isinstance(listed, Sequence) and all(isinstance(each, str | Path) for each in listed):
        return list(listed)
    raise ConfigError(
        f"{type(files).__name__} was given for the files, but a path or a list of paths was "
        "expected; for samples there are the functions on arrays, such as tonfall.features.pitch."
    )


def _parts_by_file(
    stretches: Stretches | None, paths: Sequence[str | Path]
) -> Mapping[str, Parts] | None:
    """The stretches by the name that each file goes by here, in order; none reversed or unknown."""
    if stretches is None:
        return None
    asked = {str(Path(file)): _listed(file, parts) for file, parts in stretches.items()}
    known = {str(Path(path)) for path in paths}
    if unknown := sorted(set(asked) - known):
        raise ConfigError(
            f"{unknown[0]}: stretches are given for a file that is not among those to be measured; "
            "name each as it is named there."
        )
    for file, parts in asked.items():
        for part in parts:
            start, end = _seconds(file, part)
            if not 0 <= start < end < float("inf"):
                raise ConfigError(
                    f"{file}: a stretch from {start} to {end} s is none; its start must be 0 s or "
                    "later and come before its end."
                )
    return asked


def _listed(file: object, parts: object) -> Parts:
    if not isinstance(parts, Iterable) or isinstance(parts, str):
        raise ConfigError(f"{file}: stretches are {parts!r}, expected a list of starts and ends.")
    return tuple(parts)


def _seconds(file: str, part: object) -> tuple[float, float]:
    values = tuple(part) if isinstance(part, Iterable) else ()
    if len(values) == 2 and all(isinstance(each, Real) for each in values):
        return values[0], values[1]
    raise ConfigError(
        f"{file}: a stretch is {part!r}, expected two numbers, its start and its end in seconds."
    )


def as_table(
    found: Sequence[tuple[str | Path, float, Rows]], columns: Sequence[str]
) -> pd.DataFrame:
    """Rows of recordings as a table.

    Args:
        found: file, seconds in it at which the rows' count begins, and the rows.
        columns: names of the numbers.
    """
    import pandas as pd

    bounds = [rows.bounds / RATE + start for _, start, rows in found] or [np.zeros((0, 2))]
    seconds = np.concatenate(bounds)
    names = [str(file) for file, _, rows in found for _ in range(len(rows.values))]
    index = pd.MultiIndex.from_arrays(
        [
            pd.Index(names, dtype=object),
            pd.to_timedelta(seconds[:, 0], unit="s"),
            pd.to_timedelta(seconds[:, 1], unit="s"),
        ],
        names=["file", "start", "end"],
    )
    values = [rows.values for *_, rows in found] or [np.zeros((0, len(columns)))]
    return pd.DataFrame(np.concatenate(values), index=index, columns=list(columns))
