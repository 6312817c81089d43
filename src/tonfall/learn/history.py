"""Baselines that a training clip might be judged against: none to minutes of its speaker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.adaptation import SHIPPED_WEIGHT_S
from tonfall.arrays import FloatArray, IntArray
from tonfall.learn.recipe import BaselineRecipe, SiteRecipe

__all__ = ["Histories", "Sites", "draw_histories", "prior_mean"]

_Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]

_SITES = 8
"""Sites drawn for each speaker; the baselines of that speaker's clips share them, because a mean of
hundreds of clips for each clip would take longer than the fit."""

# How surely a history's clips would have been told apart by the gate: what is neutral moves the
# baseline nearly in full, what the gate holds back hardly at all (docs/experiments/baseline.md).
_OPEN, _HELD, _OTHER = (0.6, 1.0), (0.02, 0.3), (0.3, 1.0)


@dataclass(frozen=True)
class Sites:
    """Drawn priors of sites, each made of clips of other speakers of one corpus.

    Attributes:
        rows: (baselines,) the site that each drawn baseline starts from; -1 for the model's prior.
        members: for each site, the indices of the clips that it is made of.
        weights: for each site, the seconds each member counts for.
        prior_weight_s: seconds of speech that a site's prior counts for.
    """

    rows: IntArray
    members: tuple[IntArray, ...]
    weights: tuple[FloatArray, ...]
    prior_weight_s: float

    def means(self, pooled: FloatArray, *, prior: FloatArray) -> FloatArray:
        """(sites, pooled) float32: what `tonfall adapt` would have learnt from these clips."""
        result = np.empty((len(self.members), pooled.shape[1]), np.float32)
        for site, (members, weights) in enumerate(zip(self.members, self.weights, strict=True)):
            total = weights @ pooled[members] + SHIPPED_WEIGHT_S * prior
            result[site] = total / (weights.sum() + SHIPPED_WEIGHT_S)
        return result


@dataclass(frozen=True)
class Histories:
    """Drawn baselines, a row each; made into vectors by :meth:`baselines`.

    Attributes:
        clips: (rows,) index of the clip that is judged.
        members: for each row, the indices of the clips its baseline is made of.
        weights: for each row, the seconds each member counts for.
        sites: priors of sites that some rows start from; None for none.
    """

    clips: IntArray
    members: tuple[IntArray, ...]
    weights: tuple[FloatArray, ...]
    sites: Sites | None = None

    def baselines(
        self, pooled: FloatArray, *, prior: FloatArray, prior_weight_s: float
    ) -> FloatArray:
        """(rows, pooled) float32: the shrunk mean that the runtime would have come to."""
        result = np.empty((len(self.clips), pooled.shape[1]), np.float32)
        means = prior[None] if self.sites is None else self.sites.means(pooled, prior=prior)
        for row, (members, weights) in enumerate(zip(self.members, self.weights, strict=True)):
            start, start_weight_s = prior, prior_weight_s
            if self.sites is not None and self.sites.rows[row] >= 0:
                start, start_weight_s = means[self.sites.rows[row]], self.sites.prior_weight_s
            total = weights @ pooled[members] + start_weight_s * start
            result[row] = total / (weights.sum() + start_weight_s)
        return result


def prior_mean(pooled: FloatArray, corpora: pd.Series[str]) -> FloatArray:
    """Mean over the corpora's means, each corpus weighing the same."""
    frame = pd.DataFrame(pooled).groupby(corpora.to_numpy()).mean()
    return frame.mean().to_numpy(np.float32)


def draw_histories(
    clips: pd.DataFrame, *, recipe: BaselineRecipe, rng: np.random.Generator
) -> Histories:
    """Draw ``recipe.draws`` baselines for each clip, from other clips of the same speaker.

    Args:
        clips: corpus, speaker, label and seconds (of speech) of each clip; its index is 0, 1, ...
        recipe: lengths, make-up and gate.
        rng: for all draws.
    """
    gated = _Gated(
        neutral=(clips["label"] == "neutral").to_numpy(),
        held=clips["label"].isin(_clearly_held(recipe)).to_numpy(),
        seconds=clips["seconds"].to_numpy(np.float32),
    )
    chosen, members, weights = [], [], []
    for indices in clips.groupby(["corpus", "speaker"]).indices.values():
        own = np.asarray(indices, np.int64)
        for clip in np.repeat(own, recipe.draws):
            drawn = _members(own, gated.neutral, recipe, rng)
            drawn = drawn[drawn != clip]
            chosen.append(clip)
            members.append(drawn)
            weights.append(gated.weights(drawn, rng))
    rows = np.asarray(chosen, np.int64)
    # Last, so that a recipe without sites draws what it always drew.
    sites = None
    if recipe.site is not None:
        sites = _draw_sites(clips, rows, gated, recipe.site, rng)
    return Histories(rows, tuple(members), tuple(weights), sites)


@dataclass(frozen=True)
class _Gated:
    """What the gate makes of each clip: (clips,) neutral, clearly held back, seconds of speech."""

    neutral: _Flags
    held: _Flags
    seconds: FloatArray

    def weights(self, drawn: IntArray, rng: np.random.Generator) -> FloatArray:
        return self.seconds[drawn] * _openness(self.neutral[drawn], self.held[drawn], rng)


def _draw_sites(
    clips: pd.DataFrame,
    rows: IntArray,
    gated: _Gated,
    recipe: SiteRecipe,
    rng: np.random.Generator,
) -> Sites:
    """For each speaker some sites of others, and for a share of the rows one of these each."""
    starts = np.full(len(rows), -1, np.int64)
    chosen = rng.random(len(rows)) < recipe.share
    corpora, speakers = (clips[name].to_numpy() for name in ("corpus", "speaker"))
    members: list[IntArray] = []
    for own in clips.groupby(["corpus", "speaker"]).indices.values():
        here, voice = corpora == corpora[own[0]], speakers != speakers[own[0]]
        others = np.flatnonzero(here & voice)
        if not len(others):
            continue
        of_speaker = np.flatnonzero(chosen & np.isin(rows, own))
        starts[of_speaker] = len(members) + rng.integers(_SITES, size=len(of_speaker))
        members += [_site_members(others, gated.neutral, recipe, rng) for _ in range(_SITES)]
    weights = tuple(gated.weights(each, rng) for each in members)
    return Sites(starts, tuple(members), weights, recipe.prior_weight_s)


def _site_members(
    others: IntArray, neutral: _Flags, recipe: SiteRecipe, rng: np.random.Generator
) -> IntArray:
    count = int(rng.integers(*recipe.clips, endpoint=True))
    return _blend(others, neutral, count, rng.uniform(*recipe.neutral_share), rng)


def _clearly_held(recipe: BaselineRecipe) -> list[str]:
    return [label for label, strength in recipe.gate.held.items() if strength > 0.9]


def _members(
    own: IntArray,
    neutral: _Flags,
    recipe: BaselineRecipe,
    rng: np.random.Generator,
) -> IntArray:
    count = int(rng.choice(recipe.histories))
    return _blend(own, neutral, count, rng.uniform(*recipe.neutral_share), rng)


def _blend(
    own: IntArray, neutral: _Flags, count: int, neutral_share: float, rng: np.random.Generator
) -> IntArray:
    """So many of these clips, drawn with replacement, about that share of them neutral."""
    of_neutral = int(rng.binomial(count, neutral_share))
    parts = [
        rng.choice(pool, wanted)
        for pool, wanted in (
            (own[neutral[own]], of_neutral),
            (own[~neutral[own]], count - of_neutral),
        )
        if len(pool)
    ]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _openness(
    neutral: _Flags,
    held: _Flags,
    rng: np.random.Generator,
) -> FloatArray:
    count = len(neutral)
    other = rng.uniform(*_OTHER, count)
    gated = np.where(held, rng.uniform(*_HELD, count), other)
    return np.where(neutral, rng.uniform(*_OPEN, count), gated).astype(np.float32)
