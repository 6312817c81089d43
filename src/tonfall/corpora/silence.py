"""Clips that hold no sound: every sample has the same value, on average over the channels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np

from tonfall.audio import open_audio
from tonfall.corpora.clips import Clip
from tonfall.errors import AudioError

__all__ = ["silent_clips"]

_BLOCK_SECONDS = 0.25
"""Read at a time: nearly every clip has sound in its first quarter of a second."""

Progress = Callable[[int, int], object]


def silent_clips(clips: Iterable[Clip], *, progress: Progress | None = None) -> list[Clip]:
    """Those of the clips in which nothing is to be heard; files that cannot be read have none.

    Each file is read once, and only until all of its clips were found to sound.

    Args:
        clips: stretches of files.
        progress: called with files done and all.
    """
    ordered = sorted(clips, key=lambda clip: str(clip.file))
    files = [(file, list(own)) for file, own in groupby(ordered, key=lambda clip: clip.file)]
    silent: list[Clip] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, found in enumerate(pool.map(lambda pair: _silent(*pair), files), start=1):
            silent += found
            if progress:
                progress(done, len(files))
    return silent


def _silent(file: Path, clips: Sequence[Clip]) -> list[Clip]:
    """The clips of one file that are silent."""
    waiting: dict[Clip, float | None] = dict.fromkeys(clips)
    try:
        with open_audio(file, block_seconds=_BLOCK_SECONDS) as reader:
            rate = reader.info.sampling_rate
            for block in reader:
                before = reader.position - block.shape[1]
                _strike_out(waiting, block.mean(axis=0), before=before, rate=rate)
                if not waiting:
                    break
    except AudioError:
        return []
    return [clip for clip, value in waiting.items() if value is not None]


def _strike_out(
    waiting: dict[Clip, float | None], block: np.ndarray, *, before: int, rate: int
) -> None:
    """Take out the clips that sound in a block; of the others remember their one value."""
    for clip, value in list(waiting.items()):
        first = max(0, round(clip.start * rate) - before)
        last = None if clip.end is None else max(0, round(clip.end * rate) - before)
        part = block[first:last]
        if not part.size:
            continue
        if part.min() == part.max() and value in (None, float(part[0])):
            waiting[clip] = float(part[0])
        else:
            del waiting[clip]
