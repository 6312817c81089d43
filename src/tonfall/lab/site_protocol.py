"""The protocol ``site``: what the mean of other speakers of a corpus gives a model.

A recipe is fitted anew without each tested corpus; a bundle is judged as it is. The prior is that
of `tonfall.adaptation`, as ``tonfall adapt`` writes it, each clip being a recording of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.corpora.clips import clips_of
from tonfall.evaluation.items import without_silent
from tonfall.evaluation.running import ModelFacts
from tonfall.evaluation.sites import SITE_DRAWS, draw_sites, sites_hash
from tonfall.evaluation.sites_report import SiteReport, site_figures
from tonfall.lab.call_clips import (
    LABELS,
    bundle_facts,
    call_items,
    four_classes,
    tested_corpora,
)
from tonfall.lab.progress import Progress, no_progress, stage
from tonfall.lab.site_clips import SiteClips, judge_sites
from tonfall.learn.degrade import Degradation
from tonfall.learn.encoded import bundle_statistics
from tonfall.runtime import Predictor

if TYPE_CHECKING:
    from tonfall.learn.recipe import Recipe

__all__ = ["evaluate_site"]


def evaluate_site(
    model: Recipe | Predictor,
    items: pd.DataFrame,
    *,
    facts: ModelFacts,
    corpora: Sequence[str] | None = None,
    degradation: Degradation | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> SiteReport:
    """Measure a model with priors from 0, 10, 30, 100 and 400 clips of other speakers.

    Four classes, each clip alone, as `tonfall.lab.calls_protocol.evaluate_calls` has them; the
    arguments are the same.

    Raises:
        BundleError: the model has no baseline, so no prior.
        ProtocolError: a corpus is not in ``items`` or has one speaker, or one alone for a recipe.
        AudioError: a clip cannot be read, or is silent.
    """
    recipe = None if isinstance(model, Predictor) else model
    rows = call_items(items, tested_corpora(items, corpora, recipe=recipe is not None))
    rows, silent = without_silent(rows)
    draws = draw_sites(rows.reset_index(drop=True), seed=seed)
    parts: Iterable[SiteClips]
    if isinstance(model, Predictor):
        facts = bundle_facts(facts, model)
        groups = rows.groupby("corpus", sort=True)
        parts = (_bundle_clips(model, own, degradation, progress) for _, own in groups)
    else:
        from tonfall.lab.site_recipe import recipe_clips  # imports PyTorch

        parts = recipe_clips(model, rows, degradation, progress)
    judged, used = judge_sites(parts, rows, draws)
    return SiteReport(
        model=facts,
        corpora=tuple(dict.fromkeys(draw.corpus for draw in draws)),
        left_out=recipe is not None,
        labels=LABELS,
        seed=seed,
        draws=SITE_DRAWS,
        hash=sites_hash(draws),
        degradation=degradation.name if degradation else "",
        used=used,
        ways={way: site_figures(table, seed=seed) for way, table in judged.items()},
        silent=tuple(silent),
    )


def _bundle_clips(
    model: Predictor, rows: pd.DataFrame, degradation: Degradation | None, progress: Progress
) -> SiteClips:
    start = model.baseline()
    with stage(f"{model.spec.name}: clips of {rows['corpus'].iloc[0]}", progress) as steps:
        statistics, seconds = bundle_statistics(
            model, clips_of(rows), degradation, progress=steps.clips
        )
    alone = model.judge_windows(statistics, [None] * len(statistics))

    def judge(chosen: Sequence[int], mean: FloatArray) -> FloatArray:
        baseline = replace(start, prior=mean.astype(np.float64))
        judged = model.judge_windows(statistics[list(chosen)], [baseline] * len(chosen))
        affects = [judgement.affect for judgement in judged]
        return np.stack([four_classes(each.labels, each.probabilities) for each in affects])

    heard = [
        start.updated(judgement.pooled, seconds=float(speech), gate=judgement.gate)
        for judgement, speech in zip(alone, seconds, strict=True)
    ]
    return SiteClips(list(rows["item"]), heard, judge)
