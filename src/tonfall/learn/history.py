"""Baselines that a training clip might be judged against: none to minutes of its speaker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray, IntArray
from tonfall.learn.recipe import BaselineRecipe

__all__ = ["Histories", "draw_histories", "prior_mean"]

# How surely a history's clips would have been told apart by the gate: what is neutral moves the
# baseline nearly in full, what the gate holds back hardly at all (docs/experiments/baseline.md).
_OPEN, _HELD, _OTHER = (0.6, 1.0), (0.02, 0.3), (0.3, 1.0)


@dataclass(frozen=True)
class Histories:
    """Drawn baselines, a row each; made into vectors by :meth:`baselines`.

    Attributes:
        clips: (rows,) index of the clip that is judged.
        members: for each row, the indices of the clips its baseline is made of.
        weights: for each row, the seconds each member counts for.
    """

    clips: IntArray
    members: tuple[IntArray, ...]
    weights: tuple[FloatArray, ...]

    def baselines(
        self, pooled: FloatArray, *, prior: FloatArray, prior_weight_s: float
    ) -> FloatArray:
        """(rows, pooled) float32: the shrunk mean that the runtime would have come to."""
        result = np.empty((len(self.clips), pooled.shape[1]), np.float32)
        for row, (members, weights) in enumerate(zip(self.members, self.weights, strict=True)):
            total = weights @ pooled[members] + prior_weight_s * prior
            result[row] = total / (weights.sum() + prior_weight_s)
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
    neutral = (clips["label"] == "neutral").to_numpy()
    held = clips["label"].isin(_clearly_held(recipe)).to_numpy()
    seconds = clips["seconds"].to_numpy(np.float32)
    chosen, members, weights = [], [], []
    for indices in clips.groupby(["corpus", "speaker"]).indices.values():
        own = np.asarray(indices, np.int64)
        for clip in np.repeat(own, recipe.draws):
            drawn = _members(own, neutral, recipe, rng)
            drawn = drawn[drawn != clip]
            chosen.append(clip)
            members.append(drawn)
            weights.append(seconds[drawn] * _openness(neutral[drawn], held[drawn], rng))
    return Histories(np.asarray(chosen, np.int64), tuple(members), tuple(weights))


def _clearly_held(recipe: BaselineRecipe) -> list[str]:
    return [label for label, strength in recipe.gate.held.items() if strength > 0.9]


def _members(
    own: IntArray,
    neutral: np.ndarray[tuple[int], np.dtype[np.bool_]],
    recipe: BaselineRecipe,
    rng: np.random.Generator,
) -> IntArray:
    count = int(rng.choice(recipe.histories))
    of_neutral = int(rng.binomial(count, rng.uniform(*recipe.neutral_share)))
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
    neutral: np.ndarray[tuple[int], np.dtype[np.bool_]],
    held: np.ndarray[tuple[int], np.dtype[np.bool_]],
    rng: np.random.Generator,
) -> FloatArray:
    count = len(neutral)
    other = rng.uniform(*_OTHER, count)
    gated = np.where(held, rng.uniform(*_HELD, count), other)
    return np.where(neutral, rng.uniform(*_OPEN, count), gated).astype(np.float32)
