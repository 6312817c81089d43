"""Unweighted recall of the bundled models' recipes under speaker-disjoint protocols.

    python -m benchmarks.accuracy recipes/medium-research.yaml recipes/small-research.yaml

Each fold fits the recipe anew on its train part; the temperature comes from development speakers
carved out of it. Every test clip is judged alone, once. Intervals: 95 %, bootstrap over speakers.
Needs the extras train and eval, and the corpora where the recipes say.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machine import heading
from tonfall.corpora import prepare
from tonfall.evaluation.additive import unweighted_recall
from tonfall.evaluation.bootstrap import Resampling
from tonfall.evaluation.items import pool, protocol_items
from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN, Protocol, Sources, find_protocol
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.fold import RecipeModel
from tonfall.learn.recipe import Recipe, read_recipe

PROTOCOLS = ("emobox/ravdess", "loso/emodb", "loso/nemo", "loco/four")
TELEPHONE = "noise:20+telephone"
TEST_NOISES = ("babble_restaurant", "street_city", "office_babble_made", "train_inside")
"""Noises that no training clip was mixed with."""


def predictions(
    protocol: Protocol, items: pd.DataFrame, model: RecipeModel
) -> dict[str, pd.DataFrame]:
    """For each fold: item, truth, prediction, speaker and corpus of its test part."""
    rows = protocol_items(items, protocol.corpora).set_index("item", drop=False)
    rows["label"] = protocol.label_map.apply(
        [None if pd.isna(label) else label for label in rows["label"]]
    )
    results = {}
    for fold in protocol.folds:
        parts = [rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)]
        scores = model.predict(*parts).set_index("item")[list(protocol.labels)]
        test = parts[2]
        results[fold] = pd.DataFrame(
            {
                "truth": test["label"],
                "prediction": scores.idxmax(axis=1).reindex(test["item"]).to_numpy(),
                "speaker": test["speaker"],
                "corpus": test["corpus"],
            }
        )
    return results


def recall_row(tables: list[pd.DataFrame], *, rng: np.random.Generator) -> tuple[float, ...]:
    """Mean over tables of their unweighted recall in per cent, with its 95 % interval."""
    draws, points = [], []
    for table in tables:
        truth, labels = table["truth"].tolist(), sorted(set(table["truth"]))
        figure = unweighted_recall(truth, table["prediction"].tolist(), labels=labels)
        draws.append(Resampling(table["speaker"].tolist(), rng=rng).draws(figure))
        points.append(figure.point)
    low, high = np.percentile(np.mean(draws, axis=0), [2.5, 97.5])
    return tuple(round(100 * float(value), 1) for value in (np.mean(points), low, high))


def measure(recipe: Recipe, items: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Every protocol, and leave one corpus out once more through a telephone with noise."""
    telephone = parse_degradation(
        TELEPHONE,
        acoustics=recipe.augmentation.acoustics,
        noises=TEST_NOISES,
    )
    figures = {}
    for name in PROTOCOLS:
        protocol = find_protocol(name, Sources(items=items))
        versions = [("", RecipeModel(recipe))]
        if name.startswith("loco"):
            degraded = RecipeModel(recipe, degrade=telephone)
            versions.append((f" {TELEPHONE}", degraded))
        for suffix, model in versions:
            tables = predictions(protocol, items, model)
            rng = np.random.default_rng(0)
            if name.startswith("loco"):
                for fold, table in tables.items():
                    figures[f"{name}{suffix}: {fold}"] = recall_row([table], rng=rng)
                figures[f"{name}{suffix}: mean"] = recall_row(list(tables.values()), rng=rng)
            else:
                figures[name] = recall_row([pd.concat(tables.values())], rng=rng)
    return figures


def main() -> None:
    """Print the table; with --json, keep the figures for cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()
    print(heading("Accuracy: unweighted recall in per cent, each clip alone"))
    print("\n| recipe | seed | protocol | UA | 95 % interval |\n|---|---|---|---|---|")
    kept = {}
    for path in options.recipes:
        recipe = read_recipe(path)
        items = pool([prepare(name, folder)[0] for name, folder in recipe.places.items()])
        figures = measure(recipe, items)
        kept[recipe.name] = {name: figure[0] for name, figure in figures.items()}
        for name, (value, low, high) in figures.items():
            print(
                f"| {recipe.name} | {recipe.seed} | {name} | {value} | {low} to {high} |",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
