"""The one way to go over many clips: in shares, on several processes, with progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tonfall.corpora.clips import Clip
from tonfall.workers import worker_pool

__all__ = ["SHARE", "in_shares"]

Made = TypeVar("Made")

SHARE = 64
"""Clips that a worker takes at a time, and that are lost where a run is killed."""


def in_shares(
    clips: Sequence[Clip],
    make: Callable[[Sequence[Clip]], Made],
    *,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Iterator[Made]:
    """What is made of each share of the clips, in their order.

    Args:
        clips: of which `SHARE` make a share.
        make: of the clips of a share; sent to other processes where there are several.
        workers: processes; as many as there are cores by default.
        progress: called with clips done and all once a share was taken.

    Raises:
        ConfigError: no process can be started from this program.
        ServiceError: a process was ended from outside.
    """
    shares = [clips[first : first + SHARE] for first in range(0, len(clips), SHARE)]
    done = 0
    for share, made in zip(shares, _made(shares, make, workers), strict=True):
        yield made
        done += len(share)
        if progress:
            progress(done, len(clips))


def _made(
    shares: Sequence[Sequence[Clip]],
    make: Callable[[Sequence[Clip]], Made],
    workers: int | None,
) -> Iterator[Made]:
    count = min(workers or os.cpu_count() or 1, len(shares))
    if count < 2:
        yield from map(make, shares)
        return
    with worker_pool(count) as pool:
        yield from pool.map(make, shares)
