"""The protocol ``site`` for a recipe: fitted anew without each tested corpus."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.evaluation.items import silent_note, without_silent
from tonfall.evaluation.nested import Trial, without_corpus
from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN, Protocol
from tonfall.evaluation.sites import COUNTS, SiteDraw, draw_sites, sites_hash
from tonfall.lab.calls_recipe import four_columns, left_out_protocol
from tonfall.lab.progress import Progress, stage
from tonfall.lab.recipe_models import watched_model
from tonfall.lab.site_clips import SiteClips, judge_sites
from tonfall.learn.clips import Pooled
from tonfall.learn.degrade import Degradation
from tonfall.learn.fit import Fitted
from tonfall.learn.fold import heard_alone
from tonfall.learn.recipe import BaselineRecipe, Recipe

__all__ = ["LeftOutSites", "fitted_clips", "left_out_sites", "recipe_clips", "site_trial"]


def recipe_clips(
    recipe: Recipe,
    rows: pd.DataFrame,
    degradation: Degradation | None,
    progress: Progress,
    *,
    protocol: Protocol | None = None,
    kept: MutableMapping[str, Fitted] | None = None,
) -> Iterator[SiteClips]:
    """The clips of each corpus, to be judged by the recipe fitted on the others.

    Args:
        recipe: how to fit.
        rows: clips of all corpora, from `tonfall.lab.call_clips.call_items`.
        degradation: what tested clips go through.
        progress: called with each step.
        protocol: the folds; each corpus left out by default.
        kept: what was fitted, which others may share.

    Raises:
        ConfigError: the recipe has no baseline, so no prior.
    """
    if recipe.baseline is None:
        raise ConfigError(
            f"The recipe {recipe.name} has no baseline, so there is no prior that a site could "
            "give; add one, as recipes/medium.yaml has."
        )
    protocol = protocol or left_out_protocol(rows)
    for fold in protocol.folds:
        train, development, test = (
            rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)
        )
        with stage(f"{recipe.name} without {fold}", progress) as steps:
            model = watched_model(recipe, steps, degrade=degradation, kept=kept)
            fitted = model.fit(train, development)
            clips = fitted_clips(fitted, model.pool(test, fitted), test, recipe.baseline)
        yield clips


def fitted_clips(
    fitted: Fitted, tested: Pooled, rows: pd.DataFrame, baseline: BaselineRecipe
) -> SiteClips:
    """Clips of one corpus, ready to be judged by a fitted head against any prior."""

    def probabilities(features: FloatArray, mean: FloatArray) -> FloatArray:
        return fitted.probabilities(features, np.broadcast_to(mean, features.shape).copy())

    def judge(chosen: Sequence[int], mean: FloatArray) -> FloatArray:
        return four_columns(fitted, probabilities(tested.features[list(chosen)], mean))

    heard = heard_alone(fitted, tested, baseline)
    return SiteClips(list(rows["item"]), heard, judge)


@dataclass(frozen=True)
class LeftOutSites:
    """Corpora that stand for sites, each to be left out.

    Attributes:
        rows: their clips, from `tonfall.lab.call_clips.call_items`, without silent ones.
        draws: who is heard and who is judged.
        protocol: which corpus is left out of what.
        silent: items that were left out.
    """

    rows: pd.DataFrame
    draws: Sequence[SiteDraw]
    protocol: Protocol
    silent: Sequence[str]

    @property
    def hash(self) -> str:
        """SHA-256, hexadecimal, of who is heard and judged."""
        return sites_hash(self.draws)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for a report."""
        return (silent_note(self.silent),) if self.silent else ()


def left_out_sites(clips: pd.DataFrame, *, seed: int) -> LeftOutSites:
    """Draw the sites of these clips, as `tonfall.lab.site_protocol.evaluate_site` does."""
    rows, silent = without_silent(clips)
    draws = draw_sites(rows.reset_index(drop=True), seed=seed)
    return LeftOutSites(rows, draws, left_out_protocol(rows), silent)


def site_trial(recipe: Recipe, sites: LeftOutSites, *, chosen_by: int, progress: Progress) -> Trial:
    """Every corpus judged by fits without it, and by fits without another one as well.

    Args:
        recipe: how to fit.
        sites: the corpora.
        chosen_by: the number of unlabelled clips by which recipes are compared.
        progress: called with each step.
    """
    kept: dict[str, Fitted] = {}

    def judged(protocol: Protocol, counts: Sequence[int]) -> dict[str, pd.DataFrame]:
        clips = recipe_clips(recipe, sites.rows, None, progress, protocol=protocol, kept=kept)
        return judge_sites(clips, sites.rows, sites.draws, counts=counts)[0]

    plain = judged(sites.protocol, COUNTS)
    inner = {
        corpus: judged(without_corpus(sites.protocol, corpus), [chosen_by])[f"{chosen_by} clips"]
        for corpus in sites.protocol.folds
    }
    return Trial(plain, inner)
