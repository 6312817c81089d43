"""The protocol ``calls`` for a recipe: fitted anew without each tested corpus."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tonfall.adaptation import PRIOR_WEIGHT_S
from tonfall.arrays import FloatArray
from tonfall.evaluation.protocols import (
    DEVELOPMENT,
    FOUR_CLASSES,
    TEST,
    TRAIN,
    Protocol,
    Sources,
    find_protocol,
)
from tonfall.evaluation.protocols.registry import FOUR
from tonfall.lab.call_clips import LABELS, JudgedClips, judged_table
from tonfall.lab.calls_site import CallSites
from tonfall.lab.progress import Progress, stage
from tonfall.lab.recipe_models import watched_model
from tonfall.learn.clips import Pooled
from tonfall.learn.degrade import Degradation
from tonfall.learn.fit import Fitted
from tonfall.learn.fold import heard_alone, judge_calls
from tonfall.learn.recipe import BaselineRecipe, Recipe

__all__ = ["FoldJudge", "four_columns", "judge_recipe", "left_out_protocol"]


def judge_recipe(
    recipe: Recipe,
    rows: pd.DataFrame,
    calls: pd.DataFrame,
    sites: CallSites | None,
    degradation: Degradation | None,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """A judged table for each way: the same recipe trained without histories, baseline off, on.

    With sites there are two more: each clip against the site's prior, and calls that start there.

    Args:
        recipe: how to fit.
        rows: clips of all corpora, from `tonfall.lab.call_clips.call_items`.
        calls: composed of them.
        sites: of the calls, or None.
        degradation: what tested clips go through.
        progress: called with each step.
    """
    protocol = left_out_protocol(rows)
    parts: dict[str, list[pd.DataFrame]] = {}
    for fold in protocol.folds:
        own = calls[calls["corpus"] == fold]
        train, development, test = (
            rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)
        )
        with stage(f"{recipe.name} without {fold}", progress) as steps:
            model = watched_model(recipe, steps, degrade=degradation)
            fitted = model.fit(train, development)
            judge = FoldJudge(fitted, model.pool(test, fitted), test, own)
        ways = {"baseline off": judge.table()}
        if recipe.baseline is not None:
            with stage(f"{recipe.name} without {fold}, without histories", progress) as steps:
                plain = watched_model(recipe.model_copy(update={"baseline": None}), steps)
                alone = replace(judge, fitted=plain.fit(train, development))
            ways = {
                "trained without": alone.table(),
                **ways,
                "baseline on": judge.table(baseline=recipe.baseline),
            }
        if recipe.baseline is not None and sites is not None:
            ways |= judge.site_tables(sites, recipe.baseline)
        for way, table in ways.items():
            parts.setdefault(way, []).append(table)
    return {way: pd.concat(tables, ignore_index=True) for way, tables in parts.items()}


@dataclass(frozen=True)
class FoldJudge:
    """Calls of one corpus, judged by a head that was fitted without it.

    Attributes:
        fitted: the head.
        tested: the corpus's clips as the model sees them, in the order of ``rows``.
        rows: of these clips.
        calls: of the corpus.
    """

    fitted: Fitted
    tested: Pooled
    rows: pd.DataFrame
    calls: pd.DataFrame

    def table(
        self,
        *,
        baseline: BaselineRecipe | None = None,
        priors: FloatArray | None = None,
        prior_weight_s: float | None = None,
    ) -> pd.DataFrame:
        """The judged table; the arguments are those of `tonfall.learn.fold.judge_calls`."""
        order = [self._place(own["item"]) for _, own in self.calls.groupby("call", sort=False)]
        scores = judge_calls(
            self.fitted,
            self.tested,
            order,
            baseline=baseline,
            priors=priors,
            prior_weight_s=prior_weight_s,
        )
        four = four_columns(self.fitted, np.concatenate(scores))
        seconds = self.tested.seconds[np.concatenate(order)]
        return judged_table(self.rows, self.calls, JudgedClips(four, seconds))

    def site_tables(self, sites: CallSites, baseline: BaselineRecipe) -> dict[str, pd.DataFrame]:
        """Against the site's prior alone, and with the call's baseline that starts there."""
        heard = dict(
            zip(self.rows["item"], heard_alone(self.fitted, self.tested, baseline), strict=True)
        )
        names = [str(name) for name in self.calls["call"].unique()]
        priors = sites.priors(names, self.fitted.prior, heard.__getitem__)
        return {
            "site": self.table(priors=priors),
            "site and call": self.table(
                baseline=baseline, priors=priors, prior_weight_s=PRIOR_WEIGHT_S
            ),
        }

    def _place(self, items: pd.Series[str]) -> list[int]:
        place = {item: number for number, item in enumerate(self.rows["item"])}
        return [place[item] for item in items]


def left_out_protocol(rows: pd.DataFrame) -> Protocol:
    """``loco`` over the corpora of these clips, whose items are written corpus/item."""
    corpora = tuple(dict.fromkeys(rows["corpus"]))
    name = "four" if set(corpora) == set(FOUR) else "+".join(corpora)
    bare = rows.assign(
        item=[
            item.removeprefix(f"{corpus}/")
            for item, corpus in zip(rows["item"], rows["corpus"], strict=True)
        ]
    )
    return find_protocol(f"loco/{name}", Sources(items=bare.reset_index(drop=True)))


def four_columns(fitted: Fitted, probabilities: FloatArray) -> FloatArray:
    """Columns in the order of ``LABELS``, scaled to sum to 1; what training lacked has 0."""
    result = np.zeros((len(probabilities), len(LABELS)), np.float32)
    for column, label in enumerate(fitted.labels):
        name = FOUR_CLASSES.name(label)
        if name is not None:
            result[:, LABELS.index(name)] += probabilities[:, column]
    scaled: FloatArray = result / np.maximum(result.sum(axis=1, keepdims=True), 1e-12)
    return scaled
