"""A model judged on corpora that had no part in it: neither in what it learnt nor in its choices.

    python -m benchmarks.strangers recipes/medium.yaml recipes/small.yaml [--without-offsets]

A recipe with ``calibration.corpora`` chooses temperature, threshold and offsets on these, which
flatters its bundle there. Here the choices are made once for each of these corpora, on the others
alone, and that one is judged; `tonfall evaluate` says what each row means (protocols ``site`` and
``calls``). ``--without-offsets`` judges without any.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.machine import heading
from tonfall.corpora import prepare
from tonfall.evaluation.calls import compose_calls
from tonfall.evaluation.calls_report import calls_report, figures_table
from tonfall.evaluation.items import pool, without_silent
from tonfall.evaluation.running import ModelFacts
from tonfall.evaluation.sites import draw_sites
from tonfall.evaluation.sites_report import site_figures
from tonfall.lab.call_clips import LABELS, call_items
from tonfall.lab.calls_recipe import FoldJudge
from tonfall.lab.calls_site import call_sites
from tonfall.lab.site_clips import judge_sites
from tonfall.lab.site_recipe import fitted_clips
from tonfall.learn.clips import Pooled, pool_clips
from tonfall.learn.data import calibration_clips, recipe_clips
from tonfall.learn.fit import Fitted, calibrate_on, fit
from tonfall.learn.recipe import CalibrationCorpora, Recipe, read_recipe
from tonfall.learn.stage import with_trained
from tonfall.learn.train import held_out

_SEED, _DRAWS = 0, 3


@dataclass(frozen=True)
class Stranger:
    """A corpus that had no part.

    Attributes:
        fitted: the model that chose on the other corpora.
        pooled: the corpus's clips, as the model sees them.
        rows: of these clips.
    """

    fitted: Fitted
    pooled: Pooled
    rows: pd.DataFrame


def items(recipe: Recipe) -> pd.DataFrame:
    """Clips of four classes of the corpora that a recipe chooses on, without silent ones."""
    corpora = recipe.calibration_corpora
    pooled = pool([prepare(name, corpus.place)[0] for name, corpus in corpora.items()])
    return without_silent(call_items(pooled, list(corpora)))[0]


def strangers(recipe: Recipe, rows: pd.DataFrame) -> dict[str, Stranger]:
    """By corpus: the head is fitted once, and what is chosen, for each."""
    clips = recipe_clips(recipe)
    chosen_on = calibration_clips(recipe, clips)
    assert chosen_on is not None
    rest, development = held_out(clips)
    recipe = with_trained(recipe, rest, development, labels=recipe.labels)
    fitted = fit(recipe, clips, labels=recipe.labels)
    found = {}
    for corpus, own in rows.groupby("corpus", sort=True):
        others = chosen_on[chosen_on["corpus"] != corpus].reset_index(drop=True)
        chosen = calibrate_on(others, fitted, recipe, None)
        found[str(corpus)] = Stranger(chosen, pool_clips(own, recipe=recipe), own)
    return found


def site_table(recipe: Recipe, found: dict[str, Stranger], rows: pd.DataFrame) -> str:
    """Each clip alone, against priors of more and more clips of other speakers."""
    assert recipe.baseline is not None
    draws = draw_sites(rows.reset_index(drop=True), seed=_SEED)
    parts = [
        fitted_clips(each.fitted, each.pooled, each.rows, recipe.baseline)
        for each in found.values()
    ]
    judged, _ = judge_sites(parts, rows, draws)
    return figures_table({way: site_figures(table, seed=_SEED) for way, table in judged.items()})


def calls_table(recipe: Recipe, found: dict[str, Stranger], rows: pd.DataFrame) -> str:
    """Composed calls, in every way of judging."""
    assert recipe.baseline is not None
    calls = compose_calls(rows.reset_index(drop=True), seed=_SEED, draws=_DRAWS)
    sites = call_sites(rows, calls, seed=_SEED)
    assert sites is not None
    parts: dict[str, list[pd.DataFrame]] = {}
    for corpus, each in found.items():
        own = calls[calls["corpus"] == corpus]
        judge = FoldJudge(each.fitted, each.pooled, each.rows, own)
        ways = {"baseline off": judge.table(), "baseline on": judge.table(baseline=recipe.baseline)}
        for way, table in {**ways, **judge.site_tables(sites, recipe.baseline)}.items():
            parts.setdefault(way, []).append(table)
    report = calls_report(
        {way: pd.concat(tables, ignore_index=True) for way, tables in parts.items()},
        model=ModelFacts(recipe.name, "recipe"),
        labels=LABELS,
        seed=_SEED,
        draws=_DRAWS,
        left_out=True,
    )
    return figures_table(report.ways)


def main() -> None:
    """Print both tables of each recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--without-offsets", action="store_true")
    asked = parser.parse_args()
    print(heading("Corpora that had no part in a model"))
    for path in asked.recipes:
        recipe = read_recipe(path)
        if not recipe.calibration_corpora:
            parser.error(f"{path} names no calibration.corpora; give a recipe that does.")
        if asked.without_offsets:
            plain = CalibrationCorpora(corpora=recipe.calibration_corpora)
            recipe = recipe.model_copy(update={"calibration": plain})
        rows = items(recipe)
        found = strangers(recipe, rows)
        print(
            f"\n`{recipe.name}`, each clip alone\n\n{site_table(recipe, found, rows)}", flush=True
        )
        print(f"\n`{recipe.name}`, calls\n\n{calls_table(recipe, found, rows)}", flush=True)


if __name__ == "__main__":
    main()
