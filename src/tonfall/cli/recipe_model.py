"""A recipe that is fitted once a fold, however many degradations it is then measured under."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.learn.fold import RecipeModel

if TYPE_CHECKING:
    from tonfall.cli.candidates import Setting
    from tonfall.learn.fit import Fitted
    from tonfall.learn.recipe import Recipe

__all__ = ["Kept", "KeptRecipe"]


class Kept(dict[str, "Fitted"]):
    """What was fitted, by what it was fitted on."""


class KeptRecipe(RecipeModel):
    """The recipe in one setting.

    Args:
        recipe: how to fit.
        setting: gives the degradation of test clips, and the progress.
        kept: shared by the models of one recipe.
    """

    def __init__(self, recipe: Recipe, setting: Setting, kept: Kept) -> None:
        super().__init__(recipe, degrade=setting.degradation, progress=setting.progress)
        self._kept = kept

    def fit(self, train: pd.DataFrame, development: pd.DataFrame) -> Fitted:
        """Fit on a fold, or take what was fitted on the same rows."""
        key = _key(train, development)
        if key not in self._kept:
            self._kept[key] = super().fit(train, development)
        return self._kept[key]


def _key(*parts: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"part")
        for row in part[["item", "label"]].astype(str).itertuples(index=False, name=None):
            digest.update("\x1f".join(row).encode() + b"\n")
    return digest.hexdigest()
