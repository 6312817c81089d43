"""The protocol ``site``: what the mean of other speakers of a corpus gives a model.

A recipe is fitted anew without each tested corpus; a bundle is judged as it is. The prior is that
of `tonfall.adaptation`, as ``tonfall adapt`` writes it, each clip being a recording of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tonfall.adaptation import gated_mean
from tonfall.arrays import FloatArray
from tonfall.corpora.clips import clips_of
from tonfall.evaluation.items import without_silent
from tonfall.evaluation.running import ModelFacts
from tonfall.evaluation.sites import COUNTS, SITE_DRAWS, SiteDraw, draw_sites, sites_hash
from tonfall.evaluation.sites_report import SiteReport, site_figures
from tonfall.lab.calls_protocol import (
    LABELS,
    Progress,
    bundle_facts,
    call_items,
    four_classes,
    tested_corpora,
)
from tonfall.learn.degrade import Degradation
from tonfall.learn.encoded import bundle_statistics
from tonfall.runtime import Baseline, Predictor

if TYPE_CHECKING:
    from tonfall.learn.recipe import Recipe

__all__ = ["SiteClips", "evaluate_site", "judge_sites"]


@dataclass(frozen=True)
class SiteClips:
    """Clips of one corpus, ready to be judged against any prior.

    Attributes:
        items: of the clips, in order.
        heard: a baseline a clip: the model's prior and this clip, as the gate weighs it.
        judge: indices of clips and a (features,) mean to (clips, labels of ``LABELS``).
    """

    items: Sequence[str]
    heard: Sequence[Baseline]
    judge: Callable[[Sequence[int], FloatArray], FloatArray]


def evaluate_site(
    model: Recipe | Predictor,
    items: pd.DataFrame,
    *,
    facts: ModelFacts,
    corpora: Sequence[str] | None = None,
    degradation: Degradation | None = None,
    seed: int = 0,
    progress: Progress = lambda _sentence: None,
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
        from tonfall.lab.site_recipe import recipe_clips

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


def judge_sites(
    parts: Iterable[SiteClips],
    rows: pd.DataFrame,
    draws: Sequence[SiteDraw],
    *,
    counts: Sequence[int] = COUNTS,
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, float]]]:
    """For each number of clips the judged rows of all corpora and draws, and the clips used."""
    tables: dict[str, list[pd.DataFrame]] = {f"{count} clips": [] for count in counts}
    used: dict[str, dict[str, float]] = {way: {} for way in tables}
    for clips in parts:
        place = {item: number for number, item in enumerate(clips.items)}
        own = [draw for draw in draws if draw.judged[0] in place]
        for count, way in zip(counts, tables, strict=True):
            heard = [draw.heard(count) for draw in own]
            tables[way] += [
                _judged(clips, place, rows, draw, items)
                for draw, items in zip(own, heard, strict=True)
            ]
            used[way][own[0].corpus] = float(np.mean([len(items) for items in heard]))
    return {way: pd.concat(each) for way, each in tables.items()}, used


def _judged(
    clips: SiteClips,
    place: Mapping[str, int],
    rows: pd.DataFrame,
    draw: SiteDraw,
    heard: Sequence[str],
) -> pd.DataFrame:
    voices = [clips.heard[place[item]] for item in heard]
    prior = clips.heard[0].prior if not voices else gated_mean(voices)
    scores = clips.judge([place[item] for item in draw.judged], prior.astype(np.float32))
    own = rows.loc[list(draw.judged), ["corpus", "speaker", "label"]]
    return own.rename(columns={"label": "truth"}).assign(
        prediction=np.array(LABELS)[scores.argmax(axis=1)]
    )


def _bundle_clips(
    model: Predictor, rows: pd.DataFrame, degradation: Degradation | None, say: Progress
) -> SiteClips:
    start = model.baseline()
    statistics, seconds = bundle_statistics(model, clips_of(rows), degradation, say=say)
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
