"""The protocol ``calls`` for a recipe: fitted anew without each tested corpus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN, Protocol, Sources, find_protocol
from tonfall.evaluation.protocols.registry import FOUR
from tonfall.learn.calls import LABELS, JudgedClips, judged_table
from tonfall.learn.degrade import Degradation
from tonfall.learn.fit import Fitted
from tonfall.learn.fold import RecipeModel, judge_calls
from tonfall.learn.recipe import Recipe

__all__ = ["four_columns", "judge_recipe", "left_out_protocol"]


def judge_recipe(
    recipe: Recipe,
    rows: pd.DataFrame,
    calls: pd.DataFrame,
    degradation: Degradation | None,
    say: Callable[[str], object],
) -> dict[str, pd.DataFrame]:
    """A judged table for each way: the same recipe trained without histories, baseline off, on.

    Args:
        recipe: how to fit.
        rows: clips of all corpora, from `tonfall.learn.calls.call_items`.
        calls: composed of them.
        degradation: what tested clips go through.
        say: called before each longer step.
    """
    protocol = left_out_protocol(rows)
    parts: dict[str, list[pd.DataFrame]] = {}
    for fold in protocol.folds:
        own = calls[calls["corpus"] == fold]
        for way, table in _judge_fold(recipe, rows, own, protocol, fold, degradation, say):
            parts.setdefault(way, []).append(table)
    return {way: pd.concat(tables, ignore_index=True) for way, tables in parts.items()}


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


def _judge_fold(
    recipe: Recipe,
    rows: pd.DataFrame,
    calls: pd.DataFrame,
    protocol: Protocol,
    fold: str,
    degradation: Degradation | None,
    say: Callable[[str], object],
) -> list[tuple[str, pd.DataFrame]]:
    train, development, test = (
        rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)
    )
    say(f"{recipe.name} without {fold}")
    model = RecipeModel(recipe, degrade=degradation)
    plain = RecipeModel(recipe.model_copy(update={"baseline": None}))
    fitted = model.fit(train, development)
    tested = model.pool(test)
    place = {item: number for number, item in enumerate(test["item"])}
    order = [own["item"].map(place).tolist() for _, own in calls.groupby("call", sort=False)]
    seconds = tested.seconds[np.concatenate(order)]

    def judged(how: Fitted, *, learning: bool) -> pd.DataFrame:
        scores = judge_calls(how, tested, order, baseline=recipe.baseline if learning else None)
        return judged_table(
            test, calls, JudgedClips(four_columns(how, np.concatenate(scores)), seconds)
        )

    if recipe.baseline is None:
        return [("baseline off", judged(fitted, learning=False))]
    return [
        ("trained without", judged(plain.fit(train, development), learning=False)),
        ("baseline off", judged(fitted, learning=False)),
        ("baseline on", judged(fitted, learning=True)),
    ]


def four_columns(fitted: Fitted, probabilities: FloatArray) -> FloatArray:
    """Columns in the order of ``LABELS``; a label that training lacked has 0."""
    result = np.zeros((len(probabilities), len(LABELS)), np.float32)
    for column, label in enumerate(fitted.labels):
        result[:, LABELS.index(label)] = probabilities[:, column]
    return result
