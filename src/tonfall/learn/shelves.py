"""Rows of numbers by name, kept in files that are only ever added."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from tonfall.arrays import FloatArray

__all__ = ["Shelves", "open_shelves"]


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
