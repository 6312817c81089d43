"""Clips that are put together to calls, or judged as those of a site: four classes, any corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.errors import ProtocolError
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.protocols import FOUR, FOUR_CLASSES
from tonfall.evaluation.running import ModelFacts
from tonfall.runtime import Predictor

__all__ = [
    "LABELS",
    "JudgedClips",
    "bundle_facts",
    "call_items",
    "four_classes",
    "judged_table",
    "tested_corpora",
]

LABELS = FOUR_CLASSES.space(FOUR_CLASSES.keep)
"""The label space of truth and prediction."""


@dataclass(frozen=True)
class JudgedClips:
    """Scores of every clip of some calls, in the rows' order.

    Attributes:
        probabilities: (rows, labels of ``LABELS``).
        seconds: (rows,) of speech in the clip.
    """

    probabilities: FloatArray
    seconds: FloatArray


def bundle_facts(facts: ModelFacts, model: Predictor) -> ModelFacts:
    """What a report says of a bundle, completed from its card."""
    return replace(
        facts,
        hash=model.hash,
        trained_on=tuple(use.name for use in model.spec.corpora),
        calibrated_on=tuple(use.name for use in model.spec.calibration.corpora),
        offsets=model.spec.calibration.offsets,
    )


def call_items(items: pd.DataFrame, corpora: Sequence[str]) -> pd.DataFrame:
    """Clips of four classes, by item (written corpus/item), with their labels mapped.

    Raises:
        ProtocolError: a corpus has no rows.
    """
    rows = protocol_items(items, corpora)
    if len(corpora) == 1:
        rows = rows.assign(item=rows["corpus"] + "/" + rows["item"])
    names = [None if pd.isna(label) else str(label) for label in rows["label"]]
    rows["label"] = pd.Series(FOUR_CLASSES.apply(names), index=rows.index, dtype=object)
    return rows[rows["label"].notna()].set_index("item", drop=False)


def tested_corpora(
    items: pd.DataFrame, corpora: Sequence[str] | None, *, recipe: bool
) -> tuple[str, ...]:
    """The corpora that are named, or those that a recipe or a bundle is tested on by default.

    Raises:
        ProtocolError: one alone, for a recipe.
    """
    chosen = tuple(corpora) if corpora else FOUR if recipe else tuple(sorted(set(items["corpus"])))
    if recipe and len(chosen) < 2:
        raise ProtocolError(
            f"A recipe is fitted without each tested corpus, but only {', '.join(chosen)} was "
            "given; give two corpora or more, or a trained bundle."
        )
    return chosen


def judged_table(rows: pd.DataFrame, calls: pd.DataFrame, scores: JudgedClips) -> pd.DataFrame:
    """The calls with truth, prediction, anger's probability and the seconds heard before."""
    labels = np.array(LABELS)
    seconds = pd.Series(scores.seconds.astype(np.float64))
    return calls.assign(
        truth=rows["label"].reindex(calls["item"]).to_numpy(),
        prediction=labels[scores.probabilities.argmax(axis=1)],
        anger=scores.probabilities[:, LABELS.index("anger")],
        seconds=seconds.to_numpy(),
        heard=(seconds.groupby(calls["call"].to_numpy()).cumsum() - seconds).to_numpy(),
    )


def four_classes(labels: Sequence[str], probabilities: Sequence[float]) -> FloatArray:
    """(4,) probabilities over ``LABELS``, merged and scaled to sum to 1."""
    result = np.zeros(len(LABELS), np.float64)
    for label, probability in zip(labels, probabilities, strict=True):
        name = FOUR_CLASSES.name(label)
        if name is not None:
            result[LABELS.index(name)] += probability
    scaled: FloatArray = (result / max(result.sum(), 1e-12)).astype(np.float32)
    return scaled
