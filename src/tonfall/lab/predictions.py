"""Predictions that were made elsewhere, as a model that can be measured."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from tonfall.emotion import DIMENSIONS
from tonfall.errors import ProtocolError
from tonfall.evaluation.protocols import TEST, Protocol
from tonfall.evaluation.running import FoldModel, ModelFacts, check_columns, checked_scores

__all__ = ["PredictionTable", "onto_labels", "read_predictions"]


class PredictionTable:
    """Predictions that were made elsewhere: nothing is trained, rows are looked up.

    Args:
        scores: item and a column of probabilities a label, for every test item of every fold.
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self._scores = scores.set_index("item", drop=False)

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """The rows of the test items."""
        del train, development
        return self._scores.loc[test["item"]].reset_index(drop=True)


def read_predictions(
    path: Path, protocol: Protocol, *, silent: Collection[str] = ()
) -> tuple[FoldModel, ModelFacts]:
    """A CSV or Parquet table of predictions over the protocol's test items.

    Columns: ``item``; one of probabilities for each label, or one ``label`` with the decision
    alone; and if known ``arousal``, ``valence``, ``dominance``. In a protocol over several corpora
    an item is written corpus/item.

    Args:
        path: of the table.
        protocol: whose test items it has.
        silent: items that are not judged, whether the table has them or not.

    Raises:
        ProtocolError: no such table, a column that is neither, an item that is missing, unknown or
            there twice, or probabilities that are none.
    """
    scores = _read_table(path)
    if "label" in scores:
        scores = _one_hot(path, scores, protocol)
    check_columns(f"{path}:", scores, protocol)
    tested = protocol.table.loc[protocol.table["part"] == TEST, "item"]
    sounding = tested[~tested.isin(list(silent))].tolist()
    scores = scores.astype({"item": str})
    checked = checked_scores(scores[~scores["item"].isin(list(silent))], sounding, protocol)
    facts = ModelFacts(path.stem, "predictions", hashlib.sha256(path.read_bytes()).hexdigest())
    return PredictionTable(checked), facts


def onto_labels(scores: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Scores of a model with a label space of its own, brought onto the protocol's.

    Probabilities of labels that the protocol merges are summed, those of others are left out, and
    rows are scaled to sum to 1 again; where nothing is left, all labels are equally probable.
    Labels that the model does not know get 0.

    Args:
        scores: item, a column a canonical label, and dimensions.
        protocol: whose label map and label space count.
    """
    known = [name for name in scores.columns if name not in ("item", *DIMENSIONS)]
    merged = pd.DataFrame(0.0, index=scores.index, columns=list(protocol.labels))
    for label in known:
        name = protocol.label_map.name(label)
        if name in protocol.labels:
            merged[name] += scores[label].astype(float)
    total = merged.sum(axis=1).to_numpy()[:, None]
    even = np.full(merged.shape, 1 / len(protocol.labels))
    values = np.where(total > 0, merged.to_numpy() / np.where(total > 0, total, 1.0), even)
    table = pd.DataFrame(values, index=scores.index, columns=list(protocol.labels))
    others = [name for name in ("item", *DIMENSIONS) if name in scores]
    return pd.concat([scores[others], table], axis=1)


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ProtocolError(f"{path}: no such table of predictions.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"item": str})
    except (ValueError, OSError) as error:
        raise ProtocolError(f"{path}: is no table of predictions ({error}).") from error


def _one_hot(path: Path, scores: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    unknown = sorted(set(scores["label"].astype(str)) - set(protocol.labels))
    if unknown:
        raise ProtocolError(
            f"{path}: has the label {unknown[0]!r}, expected one of {', '.join(protocol.labels)}."
        )
    both = sorted(set(protocol.labels) & set(scores.columns))
    if both:
        raise ProtocolError(
            f"{path}: has a column label and one of {', '.join(both)}; give decisions or "
            "probabilities, not both."
        )
    decided = {label: (scores["label"] == label).astype(float) for label in protocol.labels}
    return scores.drop(columns="label").assign(**decided)
