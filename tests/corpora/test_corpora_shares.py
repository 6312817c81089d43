"""Many clips are gone over in shares, in their order, on one process or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tonfall.corpora.clips import Clip
from tonfall.corpora.shares import SHARE, in_shares

CLIPS = [Clip(str(number), Path("nothing.wav")) for number in range(SHARE + 3)]


def names(clips: Sequence[Clip]) -> list[str]:
    return [clip.item for clip in clips]


@pytest.mark.parametrize("workers", [1, 2])
def test_shares_come_in_order_and_are_counted_once_they_are_taken(workers: int) -> None:
    told: list[tuple[int, int]] = []
    shares = in_shares(
        CLIPS, names, workers=workers, progress=lambda *counted: told.append(counted)
    )
    assert next(shares) == names(CLIPS[:SHARE])
    assert told == []
    assert list(shares) == [names(CLIPS[SHARE:])]
    assert told == [(SHARE, SHARE + 3), (SHARE + 3, SHARE + 3)]


def test_no_clips_give_nothing() -> None:
    assert list(in_shares([], names)) == []
