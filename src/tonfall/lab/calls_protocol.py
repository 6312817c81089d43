"""The protocol ``calls``: what a model's baseline gives on composed calls.

A recipe is fitted anew without each tested corpus; a bundle is judged as it is. Either may be
tested wide-band or degraded, with its baseline and without, with a site's prior and without, on
the same calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tonfall.adaptation import PRIOR_WEIGHT_S
from tonfall.arrays import FloatArray
from tonfall.corpora.clips import clips_of
from tonfall.evaluation.calls import check_calls_pin, compose_calls
from tonfall.evaluation.calls_report import CallsReport, calls_report
from tonfall.evaluation.items import without_silent
from tonfall.evaluation.running import ModelFacts
from tonfall.lab.call_clips import (
    LABELS,
    JudgedClips,
    bundle_facts,
    call_items,
    four_classes,
    judged_table,
    tested_corpora,
)
from tonfall.lab.calls_site import CallSites, call_sites
from tonfall.lab.progress import Progress, no_progress, stage
from tonfall.learn.degrade import Degradation
from tonfall.learn.encoded import bundle_statistics
from tonfall.runtime import Baseline, Predictor

if TYPE_CHECKING:
    from tonfall.learn.recipe import Recipe

__all__ = ["evaluate_calls"]


def evaluate_calls(
    model: Recipe | Predictor,
    items: pd.DataFrame,
    *,
    facts: ModelFacts,
    corpora: Sequence[str] | None = None,
    degradation: Degradation | None = None,
    seed: int = 0,
    draws: int = 3,
    progress: Progress = no_progress,
) -> CallsReport:
    """Measure a model on calls composed of clips.

    Four classes (neutral with calm, happiness with excitement, sadness, anger); other labels of a
    model are left out and the rest scaled to sum to 1, but its gate sees them all. How to call it::

        items = tonfall.evaluation.items.pool([prepare(name, folder)[0] for ...])
        report = evaluate_calls(
            tonfall.load("medium"), items, facts=ModelFacts("medium", "bundle"), corpora=["ravdess"]
        )
        print(report.text())               # notes and a table with intervals
        json.dumps(report.to_json())       # for programs

    ``facts.trained_on`` of a bundle is filled in from its card's corpora.

    Args:
        model: a recipe (needs the extra ``train``), fitted anew without each tested corpus; or a
            loaded bundle, judged as it is.
        items: pooled rows of the manifests at hand; see `tonfall.evaluation.items.pool`. Those
            that `tonfall.evaluation.items.mark_silent` marked are left out, and counted.
        facts: what the report says of the model.
        corpora: whose clips are put together. For a recipe these are also what it is fitted on, so
            at least two; by default those of ``loco/four``. For a bundle all of ``items``.
        degradation: what tested clips go through; training clips do not.
        seed: of the calls.
        draws: calls of each kind and speaker.
        progress: called with each step.

    Returns:
        The report, with the ways "trained without" (recipes only), "baseline off", "baseline on",
        "site" (each clip alone against the mean of 100 unlabelled clips of other speakers of its
        corpus) and "site and call" (each call's baseline starts there). A model without a baseline
        has only "baseline off"; where a corpus has one speaker there is no site.

    Raises:
        ProtocolError: a corpus is not in ``items``, one alone for a recipe, no speaker has clips
            enough for a call, or a complete release gives other calls than the pinned ones.
        AudioError: a clip cannot be read, or is silent.
    """
    recipe = None if isinstance(model, Predictor) else model
    rows = call_items(items, tested_corpora(items, corpora, recipe=recipe is not None))
    rows, silent = without_silent(rows)
    calls = compose_calls(rows.reset_index(drop=True), seed=seed, draws=draws)
    check_calls_pin(calls, seed=seed, draws=draws)
    has_prior = (model.spec if isinstance(model, Predictor) else model).baseline is not None
    sites = call_sites(rows, calls, seed=seed) if has_prior else None
    if isinstance(model, Predictor):
        judged = _judge_bundle(model, rows, calls, sites, degradation, progress)
        facts = bundle_facts(facts, model)
    else:
        from tonfall.lab.calls_recipe import judge_recipe  # imports PyTorch

        judged = judge_recipe(model, rows, calls, sites, degradation, progress)
    return calls_report(
        judged,
        model=facts,
        labels=LABELS,
        seed=seed,
        draws=draws,
        left_out=recipe is not None,
        degradation=degradation.name if degradation else "",
        silent=silent,
        site_clips=sites.used if sites else {},
    )


def _judge_bundle(
    model: Predictor,
    rows: pd.DataFrame,
    calls: pd.DataFrame,
    sites: CallSites | None,
    degradation: Degradation | None,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    needed = dict.fromkeys([*calls["item"], *(sites.items if sites else ())])
    used = rows.loc[list(needed)]
    place = {item: number for number, item in enumerate(used["item"])}
    with stage(f"{model.spec.name}: clips of calls", progress) as steps:
        statistics, seconds = bundle_statistics(
            model, clips_of(used), degradation, progress=steps.clips
        )
    order = calls["item"].map(place).to_numpy()
    ways = {"baseline off": _Way(False)}
    if model.spec.baseline:
        ways |= {"baseline on": _Way(True)}
    if sites:
        starts = _site_starts(model, sites, place, statistics, seconds)
        ways |= {"site": _Way(False, starts), "site and call": _Way(True, starts)}
    judged = {}
    for way, how in ways.items():
        with stage(f"{model.spec.name}: {calls['call'].nunique()} calls, {way}", progress):
            scores = _judge_in_order(model, statistics[order], seconds[order], calls, how)
        judged[way] = judged_table(rows, calls, JudgedClips(scores, seconds[order]))
    return judged


@dataclass(frozen=True)
class _Way:
    """How calls are judged: whether their baselines learn, and where each starts, by its name."""

    learning: bool
    starts: Mapping[str, Baseline] = field(default_factory=dict)


def _site_starts(
    model: Predictor,
    sites: CallSites,
    place: Mapping[str, int],
    statistics: FloatArray,
    seconds: FloatArray,
) -> dict[str, Baseline]:
    """The baseline that each call starts with: its site's prior, as `tonfall adapt` weighs it."""
    start = model.baseline()
    items = sites.items
    chosen = [place[item] for item in items]
    alone = model.judge_windows(statistics[chosen], [None] * len(chosen)) if chosen else []
    heard = {
        item: start.updated(
            judgement.pooled, seconds=float(seconds[place[item]]), gate=judgement.gate
        )
        for item, judgement in zip(items, alone, strict=True)
    }
    names = list(sites.of_call)
    priors = sites.priors(names, start.prior.astype(np.float32), heard.__getitem__)
    return {
        name: replace(start, prior=prior, prior_weight_s=PRIOR_WEIGHT_S)
        for name, prior in zip(names, priors, strict=True)
    }


def _judge_in_order(
    model: Predictor,
    statistics: FloatArray,
    seconds: FloatArray,
    calls: pd.DataFrame,
    way: _Way,
) -> FloatArray:
    """(rows, labels): the first clips of all calls at once, then the second ones, and so on."""
    result = np.zeros((len(calls), len(LABELS)), np.float32)
    baselines = dict(way.starts)
    names = calls["call"].to_numpy()
    for chosen in calls.reset_index(drop=True).groupby("position").indices.values():
        before = [baselines.get(names[row]) for row in chosen]
        judgements = model.judge_windows(statistics[chosen], before)
        for row, judgement in zip(chosen, judgements, strict=True):
            result[row] = four_classes(judgement.affect.labels, judgement.affect.probabilities)
            if way.learning:
                baseline = baselines.get(names[row]) or model.baseline()
                baselines[names[row]] = baseline.updated(
                    judgement.pooled, seconds=float(seconds[row]), gate=judgement.gate
                )
    return result
