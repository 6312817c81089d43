"""Figures for categories: which label was meant and which was given.

Everywhere ``truth`` comes before ``prediction``; both name labels out of ``labels``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from tonfall.arrays import IntArray
from tonfall.errors import ProtocolError
from tonfall.evaluation.extras import load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["accuracy", "confusion", "f1", "per_class", "unweighted_recall"]


def confusion(
    truth: Sequence[str], prediction: Sequence[str], *, labels: Sequence[str]
) -> IntArray:
    """Count of items by true label (rows) and given label (columns).

    Args:
        truth: the meant label of each item; may be empty.
        prediction: the given label of each item.
        labels: order of rows and columns.

    Returns:
        (labels, labels) integers.

    Raises:
        ProtocolError: unequal lengths, or a label that is not in ``labels``.

    >>> confusion(["anger", "anger"], ["anger", "neutral"], labels=["anger", "neutral"])
    array([[1, 1],
           [0, 0]])
    """
    _check(truth, prediction, labels)
    if not len(truth):
        return np.zeros((len(labels), len(labels)), np.int64)
    matrix = load("audmetric").confusion_matrix(truth, prediction, labels=list(labels))
    return np.asarray(matrix, np.int64)


def accuracy(truth: Sequence[str], prediction: Sequence[str]) -> float:
    """Share of items whose label is right, also called weighted accuracy (WA); NaN without items.

    >>> accuracy(["anger", "anger"], ["anger", "neutral"])
    0.5
    """
    _check(truth, prediction)
    return (
        float(load("sklearn.metrics").accuracy_score(truth, prediction)) if len(truth) else np.nan
    )


def unweighted_recall(truth: Sequence[str], prediction: Sequence[str]) -> float:
    """Mean recall of the classes, each counted alike: UA, UAR, balanced accuracy.

    A class that never occurs in ``truth`` has no recall and is left out, as scikit-learn's
    balanced accuracy does; audmetric counts it as 0 if it was predicted. With one class in
    ``truth`` it is that class's recall; without items it is NaN.

    >>> unweighted_recall(["anger", "anger", "neutral"], ["anger", "neutral", "neutral"])
    0.75
    """
    _check(truth, prediction)
    if not len(truth):
        return np.nan
    recall = load("sklearn.metrics").recall_score(
        truth, prediction, labels=sorted(set(truth)), average="macro"
    )
    return float(recall)


def f1(
    truth: Sequence[str], prediction: Sequence[str], *, average: Literal["macro", "weighted"]
) -> float:
    """Harmonic mean of precision and recall, averaged over the classes.

    Args:
        truth: the meant label of each item.
        prediction: the given label of each item.
        average: "macro" counts each class alike, over every class that occurs in truth or
            prediction; "weighted" counts each by how often it is true.

    Returns:
        in [0, 1]; a class never predicted or never right counts as 0. NaN without items.

    >>> f1(["anger", "neutral"], ["anger", "anger"], average="macro")
    0.3333333333333333
    """
    _check(truth, prediction)
    if not len(truth):
        return np.nan
    score = load("sklearn.metrics").f1_score(truth, prediction, average=average, zero_division=0.0)
    return float(score)


def per_class(
    truth: Sequence[str], prediction: Sequence[str], *, labels: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and number of items of each class.

    Returns:
        a row a label, in the order of ``labels``: label, precision, recall, f1, support.
        Precision is NaN for a label never given, recall for one that never is true.

    Raises:
        ProtocolError: unequal lengths, or a label that is not in ``labels``.
    """
    import pandas as pd

    counts = confusion(truth, prediction, labels=labels).astype(float)
    hits, true, given = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        columns = {
            "precision": hits / given,
            "recall": hits / true,
            "f1": 2 * hits / (true + given),
        }
    return pd.DataFrame({"label": list(labels), **columns, "support": true.astype(int)})


def _check(
    truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str] | None = None
) -> None:
    if len(truth) != len(prediction):
        raise ProtocolError(
            f"There are {len(truth)} true labels but {len(prediction)} predicted ones. "
            "Give one of each for every item."
        )
    unknown = sorted({*truth, *prediction} - set(labels)) if labels is not None else []
    if unknown:
        raise ProtocolError(
            f"{', '.join(map(str, unknown))} is not in the label space {', '.join(labels or ())}. "
            "Merge or drop it with the protocol's label map."
        )
