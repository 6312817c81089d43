"""The protocol ``site`` for a recipe: fitted anew without each tested corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.bundle import BaselineSpec
from tonfall.errors import ConfigError
from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN
from tonfall.learn.calls_recipe import four_columns, left_out_protocol
from tonfall.learn.clips import Pooled
from tonfall.learn.degrade import Degradation
from tonfall.learn.fit import Fitted
from tonfall.learn.fold import RecipeModel
from tonfall.learn.recipe import BaselineRecipe, Recipe
from tonfall.learn.site import SiteClips
from tonfall.runtime import Baseline, gate_weight, prior_baseline

__all__ = ["recipe_clips"]


def recipe_clips(
    recipe: Recipe,
    rows: pd.DataFrame,
    degradation: Degradation | None,
    say: Callable[[str], object],
) -> Iterator[SiteClips]:
    """The clips of each corpus, to be judged by the recipe fitted on the others.

    Args:
        recipe: how to fit.
        rows: clips of all corpora, from `tonfall.learn.calls.call_items`.
        degradation: what tested clips go through.
        say: called before each corpus.

    Raises:
        ConfigError: the recipe has no baseline, so no prior.
    """
    if recipe.baseline is None:
        raise ConfigError(
            f"The recipe {recipe.name} has no baseline, so there is no prior that a site could "
            "give; add one, as recipes/medium.yaml has."
        )
    protocol = left_out_protocol(rows)
    model = RecipeModel(recipe, degrade=degradation)
    for fold in protocol.folds:
        train, development, test = (
            rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)
        )
        say(f"{recipe.name} without {fold}")
        yield _clips(model.fit(train, development), model.pool(test), test, recipe.baseline)


def _clips(
    fitted: Fitted, tested: Pooled, rows: pd.DataFrame, baseline: BaselineRecipe
) -> SiteClips:
    def probabilities(features: FloatArray, mean: FloatArray) -> FloatArray:
        return fitted.probabilities(features, np.broadcast_to(mean, features.shape).copy())

    def judge(chosen: Sequence[int], mean: FloatArray) -> FloatArray:
        return four_columns(fitted, probabilities(tested.features[list(chosen)], mean))

    spec = BaselineSpec(
        prior_mean=tuple(fitted.prior.tolist()),
        prior_weight_s=baseline.prior_weight_s,
        gate=baseline.gate,
    )
    start = prior_baseline(spec, "fitted")
    scores = probabilities(tested.features, fitted.prior)
    heard: list[Baseline] = [
        start.updated(
            pooled,
            seconds=float(seconds),
            gate=gate_weight(baseline.gate, fitted.labels, tuple(row)),
        )
        for pooled, seconds, row in zip(tested.features, tested.seconds, scores, strict=True)
    ]
    return SiteClips(list(rows["item"]), heard, judge)
