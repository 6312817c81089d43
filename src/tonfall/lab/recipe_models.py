"""Recipes as models that are measured, with what is told of their training."""

from __future__ import annotations

from collections.abc import MutableMapping

from tonfall.lab.progress import Stage
from tonfall.learn.encode import Degrade
from tonfall.learn.fit import Fitted
from tonfall.learn.fold import RecipeModel
from tonfall.learn.recipe import Recipe
from tonfall.learn.stage import Runs

__all__ = ["watched_model"]


def watched_model(
    recipe: Recipe,
    steps: Stage,
    *,
    degrade: Degrade | None = None,
    kept: MutableMapping[str, Fitted] | None = None,
    calibrated: bool = True,
) -> RecipeModel:
    """The model of a recipe that tells of its clips and of its networks' epochs.

    The arguments are those of `tonfall.learn.fold.RecipeModel`.
    """
    return RecipeModel(
        recipe,
        degrade=degrade,
        progress=steps.clips,
        runs=Runs(epochs=steps.epochs),
        kept=kept,
        calibrated=calibrated,
    )
