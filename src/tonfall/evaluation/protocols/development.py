"""Development data, taken from train by speaker, so that nothing is chosen on test data."""

from __future__ import annotations

import hashlib

import pandas as pd

from tonfall.evaluation.protocols.protocol import DEVELOPMENT, TRAIN

__all__ = ["SHARE", "carve_development", "stable_order"]

SHARE = 0.2
"""Part of a fold's train speakers, of each corpus, that go to development."""


def carve_development(
    table: pd.DataFrame, items: pd.DataFrame, *, seed: int, share: float = SHARE
) -> pd.DataFrame:
    """The table with whole speakers of each fold's train part moved to development.

    Speakers are ordered by a hash of seed, fold, corpus and name, which no library's random
    numbers can change. A corpus with one train speaker keeps it; items without a speaker stay.

    Args:
        table: columns item, fold, part.
        items: columns item, corpus, speaker.
        seed: another one chooses other speakers.
        share: rounded to whole speakers, at least one of each corpus.
    """
    who = items.set_index("item")[["corpus", "speaker"]]
    rows = table.join(who, on="item")
    moved = pd.Series(False, index=table.index)
    train = rows[(rows["part"] == TRAIN) & rows["speaker"].notna()]
    for (fold, corpus), group in train.groupby(["fold", "corpus"], sort=False):
        chosen = _chosen(f"{seed}/{fold}/{corpus}", set(group["speaker"]), share)
        moved |= moved.index.isin(group.index[group["speaker"].isin(chosen)])
    return table.assign(part=table["part"].mask(moved, DEVELOPMENT))


def _chosen(salt: str, speakers: set[str], share: float) -> list[str]:
    count = min(max(1, round(share * len(speakers))), len(speakers) - 1)
    return sorted(speakers, key=lambda name: stable_order(f"{salt}/{name}"))[:count]


def stable_order(text: str) -> str:
    """A key that sorts names at random, the same way on every machine and for ever."""
    return hashlib.sha256(text.encode()).hexdigest()
