"""A recording as descriptors hear it: 16 kHz, one channel, however long it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, open_audio
from tonfall.contents import content_hash
from tonfall.errors import AudioError
from tonfall.features.framing import RATE

__all__ = ["Recording", "read_samples"]

_HELD = 600 * RATE
"""Samples that are held in memory; what is longer is put into a temporary file."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, of which features are computed; see `tonfall.features.row_tasks.Sound`."""

    file: Path
    start: float = 0.0

    def key(self) -> str:
        """The file's content.

        Raises:
            AudioError: it cannot be read.
        """
        try:
            return content_hash(self.file)
        except FileNotFoundError as error:
            raise AudioError(f"{self.file}: there is no such file; check the path.") from error
        except OSError as error:
            raise AudioError(f"{self.file}: it cannot be read ({error.strerror}).") from error

    def samples(self) -> FloatArray:
        """As `read_samples` reads it."""
        return read_samples(self.file)


def read_samples(path: str | Path) -> FloatArray:
    """A file as (samples,) float32 at 16 kHz, channels averaged.

    It is read in blocks. What is longer than ten minutes lies in a temporary file, and the array is
    a view of it; so ten hours take 2.3 GB of disk there, and hardly any memory.

    Raises:
        AudioError: it cannot be read.
    """
    blocks: list[FloatArray] = []
    held = 0
    with tempfile.TemporaryFile() as spool:
        for block in _blocks(path):
            blocks.append(block)
            held += len(block)
            if held > _HELD:
                _spill(blocks, spool)
                held = 0
        if not spool.tell():
            return np.concatenate(blocks)
        _spill(blocks, spool)
        return np.asarray(np.memmap(spool, np.float32, "r"))


def _spill(blocks: list[FloatArray], spool: BinaryIO) -> None:
    for block in blocks:
        spool.write(block.tobytes())
    blocks.clear()
    spool.flush()


def _blocks(path: str | Path) -> Iterator[FloatArray]:
    with open_audio(path) as reader:
        resampler = Resampler(source_rate=reader.info.sampling_rate, channels=1)
        for block in reader:
            mono = block.mean(axis=0, keepdims=True)
            yield np.asarray(resampler.push(mono)[0], np.float32)
        yield np.asarray(resampler.close()[0], np.float32)
