"""What the baseline gives, on composed calls of speakers, corpora and rooms never trained on.

    python -m benchmarks.calls recipes/medium.yaml recipes/small.yaml [--degrade noise:20+telephone]

Leave one corpus out over RAVDESS, EmoDB, nEMO, EMOVO and ASED, four classes (calm = neutral). Each
fold's head is fitted once; its calls are then judged with and without the baseline. "Trained
without" is the same recipe without histories in training. The figures are means of the five
corpora; intervals: 95 %, bootstrap over speakers within corpora.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import TELEPHONE
from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.corpora import prepare
from tonfall.evaluation.additive import mean, recall, unweighted_recall
from tonfall.evaluation.bootstrap import Resampling
from tonfall.evaluation.calls import calls_hash, compose_calls
from tonfall.evaluation.items import pool, protocol_items
from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN, Sources, find_protocol
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.fold import RecipeModel, judge_calls
from tonfall.learn.recipe import Recipe, read_recipe

HEARD = (
    (0, 0, "nothing"),
    (0, 5, "to 5 s"),
    (5, 15, "to 15 s"),
    (15, 30, "to 30 s"),
    (30, 1e9, "more"),
)
Figures = dict[str, tuple[float, float, float]]


def judged_calls(
    recipe: Recipe, items: pd.DataFrame, *, degrade: str | None
) -> dict[str, pd.DataFrame]:
    """A row a clip of every call, with its truth, for each way of judging."""
    protocol = find_protocol("loco/four", Sources(items=items))
    rows = protocol_items(items, protocol.corpora).set_index("item", drop=False)
    rows["label"] = protocol.label_map.apply(
        [None if pd.isna(label) else label for label in rows["label"]]
    )
    chain = degrade and parse_degradation(
        degrade,
        acoustics=recipe.augmentation.acoustics,
        noises=("babble_restaurant", "street_city", "office_babble_made", "train_inside"),
    )
    without = recipe.model_copy(update={"baseline": None})
    results: dict[str, list[pd.DataFrame]] = {}
    for fold in protocol.folds:
        train, development, test = (
            rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)
        )
        calls = compose_calls(test.reset_index(drop=True), seed=0, draws=3)
        ways = (
            ("trained without", without, None),
            ("baseline off", recipe, None),
            ("baseline on", recipe, recipe.baseline),
        )
        fitted = {}
        for way, used, baseline in ways:
            model = RecipeModel(
                used, degrade=chain or None, degrade_name=chain.name if chain else ""
            )
            kind = "without" if used is without else "with"
            if kind not in fitted:
                fitted[kind] = model.fit(train, development)
            pooled = model.pool(test)
            place = {item: number for number, item in enumerate(test["item"])}
            order = [
                own["item"].map(place).tolist() for _, own in calls.groupby("call", sort=False)
            ]
            scores = judge_calls(fitted[kind], pooled, order, baseline=baseline)
            labels = np.array(fitted[kind].labels)
            judged = calls.assign(
                truth=test["label"].reindex(calls["item"]).to_numpy(),
                prediction=np.concatenate([labels[score.argmax(axis=1)] for score in scores]),
                heard=_heard(order, pooled.seconds),
            )
            results.setdefault(way, []).append(judged)
    return {way: pd.concat(tables, ignore_index=True) for way, tables in results.items()}


def _heard(calls: list[list[int]], seconds: FloatArray) -> FloatArray:
    """Seconds of speech before each clip of each call."""
    return np.concatenate([np.cumsum(seconds[call]) - seconds[call] for call in calls])


_MEASURES = {
    "ua": lambda truth, guess: unweighted_recall(truth, guess, labels=sorted(set(truth))),
    "anger": lambda truth, guess: recall(truth, guess, label="anger"),
    "called": lambda _truth, guess: mean([each == "anger" for each in guess]),
}


def figures_of(table: pd.DataFrame, *, rng: np.random.Generator) -> Figures:
    """The rows of the table in issue and docs, in per cent with intervals."""

    def mean_of(rows: pd.DataFrame, kind: str) -> tuple[float, float, float]:
        points, draws = [], []
        for _, own in rows.groupby("corpus"):
            truth, guess = own["truth"].tolist(), own["prediction"].tolist()
            figure = _MEASURES[kind](truth, guess)
            points.append(figure.point)
            draws.append(Resampling(own["speaker"].tolist(), rng=rng).draws(figure))
        low, high = np.nanpercentile(np.nanmean(draws, axis=0), [2.5, 97.5])
        value = float(np.nanmean(points))
        return round(100 * value, 1), round(100 * float(low), 1), round(100 * float(high), 1)

    kinds = dict(iter(table.groupby("kind")))
    first = table[table["position"] == 0].drop_duplicates(["corpus", "speaker", "item"])
    figures = {
        "first clip of a call, UA": mean_of(first, "ua"),
        "mostly neutral, UA": mean_of(kinds["mostly_neutral"], "ua"),
        "mixed, UA": mean_of(kinds["mixed"], "ua"),
        "angry from the start: anger found": mean_of(kinds["angry_start"], "anger"),
        "turns angry: anger found": mean_of(kinds["turns_angry"], "anger"),
        "neutral only: called angry": mean_of(kinds["neutral_only"], "called"),
    }
    for low, high, name in HEARD:
        blend = kinds["mostly_neutral"]
        inside = (blend["heard"] > low) & (blend["heard"] <= high) if high else blend["heard"] == 0
        figures[f"mostly neutral after hearing {name}, UA"] = mean_of(blend[inside], "ua")
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--degrade", help=f"such as {TELEPHONE}")
    options = parser.parse_args()
    through = f", through {options.degrade}" if options.degrade else ""
    print(heading(f"Composed calls, leave one corpus out{through}"))
    for path in options.recipes:
        recipe = read_recipe(path)
        items = pool([prepare(name, folder)[0] for name, folder in recipe.corpora.items()])
        tables = judged_calls(recipe, items, degrade=options.degrade)
        columns = {
            way: figures_of(table, rng=np.random.default_rng(0)) for way, table in tables.items()
        }
        digest = calls_hash(next(iter(tables.values())))[:12]
        print(f"\n`{recipe.name}`, seed {recipe.seed}, calls {digest}\n")
        print("| per cent | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
        for name in next(iter(columns.values())):
            cells = [f"{c[name][0]} [{c[name][1]}, {c[name][2]}]" for c in columns.values()]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
