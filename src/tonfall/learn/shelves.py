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
from tonfall.corpora.contents import clip_hash
from tonfall.corpora.shares import SHARE, in_shares

__all__ = ["Progress", "clip_names", "kept_rows", "open_shelves", "shared_out"]

Made = TypeVar("Made", bound=Sequence[object] | FloatArray)

Progress = Callable[[int, int], object]
"""Called with the clips done and all."""


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


def clip_names(clips: Sequence[Clip]) -> list[str]:
    """What is made of clips is kept under these: item and content."""
    return [f"{clip.item}/{clip_hash(clip)}" for clip in clips]


def kept_rows(
    folder: Path,
    clips: Sequence[Clip],
    prepare: Callable[[], Callable[[Sequence[Clip]], FloatArray]],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """(clips, numbers): what is made of each clip; what was made before is taken from the folder.

    Args:
        folder: of a name that says everything but the clip that decides the numbers.
        clips: which.
        prepare: called once, with the folder there, where anything is to be made; gives what makes
            (clips, numbers) of some clips and is sent to other processes.
        workers: processes; as many as there are cores by default.
        progress: called with clips done and all; not at all where all are kept.

    Raises:
        AudioError: as making does.
        ManifestError: a clip's file is not there.
    """
    shelves, names = open_shelves(folder), clip_names(clips)
    missing = {
        name: clip for name, clip in zip(names, clips, strict=True) if name not in shelves.rows
    }
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        counted = _counted(progress, kept=len(names) - len(missing), total=len(names))
        for share, rows in shared_out(missing, prepare(), workers=workers, progress=counted):
            shelves.add(share, rows)
    return np.stack([shelves.rows[name] for name in names])


def shared_out(
    clips: Mapping[str, Clip],
    make: Callable[[Sequence[Clip]], Made],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[list[str], Made]]:
    """Names of each share of the clips, and what was made of it, as they are done.

    Args:
        clips: by the name that what is made of them is kept under.
        make: as `tonfall.corpora.shares.in_shares` takes it, like workers and progress.
        workers: processes.
        progress: called as shares are done.
    """
    names = list(clips)
    firsts = range(0, len(names), SHARE)
    made = in_shares(list(clips.values()), make, workers=workers, progress=progress)
    yield from zip((names[first : first + SHARE] for first in firsts), made, strict=True)


def _counted(progress: Progress | None, *, kept: int, total: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(kept + done, total)
