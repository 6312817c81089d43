"""Rows of numbers by clip, made on all cores and kept in files that are only ever added."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.corpora.clips import Clip
from tonfall.workers import worker_pool

__all__ = ["Shelves", "open_shelves", "shared_out"]

Made = TypeVar("Made")

_SHARE = 64
"""Clips that a worker takes at a time."""


class Shelves:
    """What a folder keeps.

    Attributes:
        folder: of the files.
        rows: by name, each (numbers,) float32.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, FloatArray] = {}
        for file in sorted(folder.glob("*.npz")):
            with np.load(file, allow_pickle=False) as content:
                self.rows.update(zip(content["names"].tolist(), content["rows"], strict=True))

    def add(self, names: Sequence[str], rows: FloatArray) -> None:
        """Keep rows; written whole or not at all, so that a killed run loses one share."""
        self.rows.update(zip(names, rows, strict=True))
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        partial = self.folder / f".{digest}.{os.getpid()}.part"
        with partial.open("wb") as file:
            np.savez(file, names=np.asarray(names), rows=rows)
        partial.replace(self.folder / f"{digest}.npz")


@lru_cache(maxsize=8)
def open_shelves(folder: Path) -> Shelves:
    """The shelves of a folder, which need not be there yet; read once a process."""
    return Shelves(folder)


def shared_out(
    clips: Mapping[str, Clip],
    make: Callable[[Sequence[Clip]], Made],
    *,
    workers: int | None = None,
) -> Iterator[tuple[list[str], Made]]:
    """Names of each share of the clips, and what was made of it, as they are done.

    Args:
        clips: by the name that what is made of them is kept under.
        make: of some clips, such as (clips, numbers); it is sent to other processes.
        workers: processes; as many as there are cores by default.

    Raises:
        ConfigError: no process can be started from this program.
        ServiceError: a process was ended from outside.
    """
    names, every = list(clips), list(clips.values())
    firsts = range(0, len(names), _SHARE)
    shares = [names[first : first + _SHARE] for first in firsts]
    parts = [every[first : first + _SHARE] for first in firsts]
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(shares) == 1:
        yield from zip(shares, map(make, parts), strict=True)
        return
    with worker_pool(workers) as pool:
        yield from zip(shares, pool.map(make, parts), strict=True)
