"""The protocol ``site``: unlabelled clips of some speakers of a corpus, clips of the others judged.

A corpus stands for a site: one room, one language, one kind of speaker. In each draw half of its
speakers give clips of which only the sound is used, 70 % of them neutral, and each clip of the
other half is judged alone. Every second draw swaps the halves, so that all speakers are judged
equally often.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.errors import ProtocolError

__all__ = ["COUNTS", "NEUTRAL_SHARE", "SITE_DRAWS", "SiteDraw", "draw_sites", "sites_hash"]

COUNTS = (0, 10, 30, 100, 400)
"""Unlabelled clips that a site gives; 0 is the model as it is."""

NEUTRAL_SHARE = 0.7
"""Of the site's clips, as of most calls."""

SITE_DRAWS = 8


@dataclass(frozen=True, slots=True)
class SiteDraw:
    """One way to part the speakers of a corpus.

    Attributes:
        corpus: which.
        number: of the draw, from 0.
        judged: items of the speakers who are judged.
        neutral, others: items of the other speakers, in the order in which they are taken.
    """

    corpus: str
    number: int
    judged: tuple[str, ...]
    neutral: tuple[str, ...]
    others: tuple[str, ...]

    def heard(self, count: int) -> tuple[str, ...]:
        """The site's first ``count`` clips: those of a smaller count are among them.

        Fewer where there are not enough for 70 % neutral.
        """
        most = min(
            count,
            int(len(self.neutral) / NEUTRAL_SHARE),
            int(len(self.others) / (1 - NEUTRAL_SHARE)),
        )
        neutral = round(most * NEUTRAL_SHARE)
        return self.neutral[:neutral] + self.others[: most - neutral]


def draw_sites(items: pd.DataFrame, *, seed: int = 0, draws: int = SITE_DRAWS) -> list[SiteDraw]:
    """Part the speakers of each corpus, ``draws`` times.

    Args:
        items: item, corpus, speaker and label (neutral and others) of each clip.
        seed: the same seed and items give the same draws.
        draws: for each corpus.

    Raises:
        ProtocolError: a corpus has one speaker.
    """
    made = []
    for corpus, own in items.sort_values("item").groupby("corpus", sort=True):
        for number in range(draws):
            # A draw and the next one part the speakers alike, and swap the halves.
            rng = np.random.default_rng([seed, number // 2, _number(str(corpus))])
            made.append(_drawn(str(corpus), own, number, rng))
    return made


def sites_hash(draws: Sequence[SiteDraw]) -> str:
    """SHA-256, hexadecimal, of which clips are heard and judged in which draw."""
    lines = [
        f"{draw.corpus}|{draw.number}|{part}|{' '.join(items)}"
        for draw in draws
        for part, items in (
            ("judged", draw.judged),
            ("neutral", draw.neutral),
            ("others", draw.others),
        )
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _drawn(corpus: str, items: pd.DataFrame, number: int, rng: np.random.Generator) -> SiteDraw:
    speakers = sorted(items["speaker"].astype(str).unique())
    if len(speakers) < 2:
        raise ProtocolError(
            f"{corpus}: it has one speaker, but a site needs speakers to hear and others to judge; "
            "give a corpus with two or more."
        )
    order = rng.permutation(speakers)
    half = len(order) // 2
    parts = (order[:half], order[half:])
    heard = items["speaker"].astype(str).isin(parts[number % 2])
    shuffled = items[heard].iloc[rng.permutation(int(heard.sum()))]
    neutral = shuffled["label"] == "neutral"
    return SiteDraw(
        corpus,
        number,
        judged=tuple(items.loc[~heard, "item"]),
        neutral=tuple(shuffled.loc[neutral, "item"]),
        others=tuple(shuffled.loc[~neutral, "item"]),
    )


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
