"""Whose clips give the prior of a composed call: other speakers of its corpus, without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.adaptation import gated_mean
from tonfall.arrays import FloatArray
from tonfall.evaluation.sites import SiteDraw, draw_sites
from tonfall.runtime import Baseline

__all__ = ["SITE_CLIPS", "CallSites", "call_sites"]

SITE_CLIPS = 100
"""Unlabelled clips of other speakers that give the prior, as far as a corpus has them."""


@dataclass(frozen=True)
class CallSites:
    """Sites of calls: the speakers of each corpus in two halves, each the site of the other.

    Attributes:
        heard: for each site the items that give its prior, and the corpus.
        of_call: the site of each call, by the call's name.
    """

    heard: Sequence[tuple[str, tuple[str, ...]]]
    of_call: Mapping[str, int]

    @property
    def items(self) -> list[str]:
        """Every item that gives a prior, once."""
        return list(dict.fromkeys(item for _, items in self.heard for item in items))

    @property
    def used(self) -> dict[str, float]:
        """Clips that gave a prior, as a mean over the halves, by corpus."""
        counts = pd.DataFrame(
            [(corpus, len(items)) for corpus, items in self.heard], columns=["corpus", "clips"]
        )
        means = counts.groupby("corpus")["clips"].mean()
        return {str(corpus): float(count) for corpus, count in means.items()}

    def priors(
        self, calls: Sequence[str], own: FloatArray, hear: Callable[[str], Baseline]
    ) -> FloatArray:
        """(calls, pooled) float64: where each of these calls starts.

        Args:
            calls: their names.
            own: (pooled,) the model's own prior, for a site without clips.
            hear: the baseline of a clip, by its item, judged against that prior.
        """
        wanted = sorted({self.of_call[call] for call in calls})
        means = {
            site: gated_mean([hear(item) for item in self.heard[site][1]])
            if self.heard[site][1]
            else own.astype(np.float64)
            for site in wanted
        }
        return np.stack([means[self.of_call[call]] for call in calls])


def call_sites(rows: pd.DataFrame, calls: pd.DataFrame, *, seed: int) -> CallSites | None:
    """Part the speakers of each corpus in two halves.

    Args:
        rows: item, corpus, speaker and label of every clip.
        calls: composed of them.
        seed: the same seed and clips give the same halves.

    Returns:
        None where a corpus has one speaker, who would be the site of nobody.
    """
    rows = rows.reset_index(drop=True)
    if (rows.groupby("corpus")["speaker"].nunique() < 2).any():
        return None
    draws = draw_sites(rows, seed=seed, draws=2)
    voices = [_judged_voices(rows, draw) for draw in draws]
    named = calls.drop_duplicates("call")
    of_call = {
        str(row.call): next(
            site for site, voice in enumerate(voices) if (row.corpus, str(row.speaker)) in voice
        )
        for row in named.itertuples()
    }
    return CallSites([(draw.corpus, draw.heard(SITE_CLIPS)) for draw in draws], of_call)


def _judged_voices(rows: pd.DataFrame, draw: SiteDraw) -> set[tuple[str, str]]:
    judged = rows[rows["item"].isin(list(draw.judged))]
    return set(zip(judged["corpus"], judged["speaker"].astype(str), strict=True))
