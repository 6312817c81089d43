"""Measuring a model under a protocol: fold by fold, each test item judged once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol as Interface

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.emotion import DIMENSIONS
from tonfall.errors import ProtocolError
from tonfall.evaluation.additive import Values
from tonfall.evaluation.heard import MEANT, with_heard
from tonfall.evaluation.items import SILENT, protocol_items
from tonfall.evaluation.protocols import (
    DEVELOPMENT,
    TEST,
    TRAIN,
    Protocol,
    Shared,
    shared_between_parts,
)
from tonfall.evaluation.provenance import JsonValue

__all__ = [
    "HIDDEN",
    "FoldModel",
    "ModelFacts",
    "Results",
    "check_columns",
    "checked_scores",
    "run",
]

HIDDEN = (
    "label",
    "label_original",
    MEANT,
    "votes",
    *DIMENSIONS,
    "intensity",
    "split",
)
"""Columns that a model does not see of test items."""

_KEPT = (
    "item",
    "corpus",
    "speaker",
    "sex",
    "age",
    "language",
    "file",
    "start",
    "end",
    "duration",
    "hash",
    "votes",
)


class FoldModel(Interface):
    """What can be measured: something that trains on one part and judges another.

    ``train`` and ``development`` are rows of the manifest with ``label`` in the protocol's label
    space; ``test`` lacks the columns `HIDDEN`. ``file`` is a path that can be opened. The result
    has a column ``item``, a column of probabilities for each label, and may have arousal, valence
    and dominance in [0, 1]; one row for each test item, in any order. Labels that the model does
    not know may be absent: they count as never given.
    """

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """Scores of the test items of one fold."""
        ...


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a report says about the model.

    Attributes:
        name: as the user gave it.
        kind: "bundle", "recipe", "predictions", "callable" or "baseline".
        hash: SHA-256 of what defines it, hexadecimal; empty where there is none.
        trained_on: corpora that it had heard before the protocol began.
        details: further facts for the reader, such as the recipe's text.
        calibrated_on: corpora that it did not learn from, on which its temperature and threshold
            were chosen.
        offsets: True where how readily it says each label was chosen on these, too.
    """

    name: str
    kind: str
    hash: str = ""
    trained_on: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    calibrated_on: tuple[str, ...] = ()
    offsets: bool = False

    def calibration_note(self, tested: Iterable[str]) -> str:
        """What a reader must know where confidence was chosen on a tested corpus; else empty."""
        known = ", ".join(name for name in tested if name in self.calibrated_on)
        if not known:
            return ""
        if self.offsets:
            return (
                f"The model's temperature, threshold and label offsets were chosen on {known}, "
                "which this tests: what it says there and how sure it is flatter."
            )
        return (
            f"The model's temperature and threshold were chosen on {known}, which this tests: how "
            "sure it is there flatters; what it says does not hang on them."
        )

    def to_json(self) -> dict[str, JsonValue]:
        """A JSON-able dict, without the details."""
        return {
            "name": self.name,
            "kind": self.kind,
            "hash": self.hash,
            "trained_on": list(self.trained_on),
        }


@dataclass(frozen=True, eq=False)
class Results:
    """Truth and prediction of every test item.

    Attributes:
        protocol: the folds and the label space.
        model: what was measured.
        items: a row an item: item, fold, corpus, speaker, sex, age, language, file, start, end,
            duration, hash, votes, truth, and true arousal, valence and dominance.
        probabilities: (items, labels) rows summing to 1, in the order of the label space.
        dimensions: predicted arousal, valence, dominance; only those that the model gave.
        shared: what test parts share with train and development, by the manifest.
        silent: items of the protocol that hold no sound, and were neither trained on nor tested.
    """

    protocol: Protocol
    model: ModelFacts
    items: pd.DataFrame
    probabilities: Values
    dimensions: pd.DataFrame
    shared: tuple[Shared, ...]
    silent: tuple[str, ...] = ()

    @property
    def truth(self) -> list[str]:
        """The true label of each item."""
        return [str(label) for label in self.items["truth"]]

    @property
    def prediction(self) -> list[str]:
        """The most probable label of each item; the first one where several are."""
        return [self.protocol.labels[index] for index in self.probabilities.argmax(axis=1)]

    @property
    def confidence(self) -> Values:
        """(items,) probability of that label."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(items,) whether that label is the true one."""
        return np.asarray(np.array(self.truth, object) == np.array(self.prediction, object))


def run(
    protocol: Protocol,
    pooled: pd.DataFrame,
    model: FoldModel,
    facts: ModelFacts,
    *,
    allow_shared_speakers: bool = False,
    progress: Callable[[str], object] | None = None,
) -> Results:
    """Measure a model: train on each fold's train part, judge its test part once.

    Args:
        protocol: the folds.
        pooled: rows of the manifests, see `tonfall.evaluation.items.pool`; those that
            `tonfall.evaluation.items.mark_silent` marked are left out, and listed in the results.
        model: what to measure.
        facts: what the report says about it.
        allow_shared_speakers: go on where test speakers or recordings were heard in training.
        progress: called with each fold's name before it begins.

    Raises:
        ProtocolError: items of the protocol are not in the manifests or have no label, a class is
            absent from train, speakers or recordings are shared, or the model's scores do not fit.
    """
    rows = _labelled(protocol, pooled)
    shared = _shared(protocol, rows)
    if not allow_shared_speakers:
        _with(protocol, shared).require_disjoint()
    silent, rows = rows.index[rows[SILENT]], rows[~rows[SILENT]]
    parts = []
    for fold in protocol.folds:
        if progress is not None:
            progress(fold)
        parts.append(_scored(protocol, fold, rows, model))
    scores = pd.concat(parts, ignore_index=True)
    items = _result_rows(rows, scores)
    dimensions = [name for name in DIMENSIONS if name in scores]
    return Results(
        protocol,
        facts,
        items,
        scores[list(protocol.labels)].to_numpy(np.float64),
        scores[dimensions].reset_index(drop=True),
        shared,
        tuple(sorted(silent)),
    )


def checked_scores(scores: pd.DataFrame, items: list[str], protocol: Protocol) -> pd.DataFrame:
    """Scores of exactly these items, in their order: item, every label, dimensions if given.

    Raises:
        ProtocolError: a column is unknown or there twice, an item is missing, unknown or there
            twice, no label's column is there, something is no number, probabilities are not
            finite, negative or do not sum to 1, or dimensions are not in [0, 1].
    """
    check_columns(f"{protocol.name}: the table of scores", scores, protocol)
    _check_items(protocol.name, scores, items)
    labels = [label for label in protocol.labels if label in scores]
    if not labels:
        raise ProtocolError(
            f"{protocol.name}: the scores have no column for any of {', '.join(protocol.labels)}. "
            "Name the columns of probabilities after the labels."
        )
    given = [name for name in DIMENSIONS if name in scores]
    ordered = _numbers(protocol.name, scores.set_index("item").loc[items, [*labels, *given]])
    probabilities = ordered.reindex(columns=list(protocol.labels), fill_value=0.0)
    _check_probabilities(protocol.name, probabilities)
    _check_dimensions(protocol.name, ordered[given])
    return pd.concat([probabilities, ordered[given]], axis=1).reset_index()


def check_columns(what: str, scores: pd.DataFrame, protocol: Protocol) -> None:
    """ProtocolError where item is missing, or a column is no label, nor anything else that is read.

    Left out silently, a label of another name would look like one that the model never gives.
    """
    allowed = ("item", *protocol.labels, *DIMENSIONS)
    columns = [str(name) for name in scores.columns]
    if "item" not in columns:
        raise ProtocolError(f"{what} has no column 'item'; add one with the names of the items.")
    unknown = [name for name in columns if name not in allowed]
    twice = [name for name in allowed if columns.count(name) > 1]
    for problem, found in (("the unknown column", unknown), ("more than one column", twice)):
        if found:
            raise ProtocolError(
                f"{what} has {problem} {found[0]!r}, expected item, {', '.join(protocol.labels)} "
                f"and, if known, {', '.join(DIMENSIONS)}, each once. Rename it or leave it out."
            )


def _numbers(name: str, scores: pd.DataFrame) -> pd.DataFrame:
    try:
        return scores.astype(float)
    except (TypeError, ValueError) as error:
        raise ProtocolError(
            f"{name}: the scores hold what is no number ({error}); give numbers in every column "
            "but item."
        ) from None


def _check_dimensions(name: str, dimensions: pd.DataFrame) -> None:
    """An item without a prediction would be left out of the agreement, and so improve it."""
    inside = ((dimensions >= 0) & (dimensions <= 1)).to_numpy()
    if not inside.all():
        row, column = np.argwhere(~inside)[0]
        names = [str(each) for each in dimensions.columns]
        raise ProtocolError(
            f"{name}: the item {str(dimensions.index[row])!r} has {names[column]} "
            f"{dimensions.to_numpy(float)[row, column]:g}, but predicted dimensions lie in "
            "[0, 1]; give one for every item, or leave the column out."
        )


def _labelled(protocol: Protocol, pooled: pd.DataFrame) -> pd.DataFrame:
    """Rows of the protocol's items, by item, with labels of its label space."""
    rows = protocol_items(pooled, protocol.corpora).set_index("item", drop=False)
    rows = rows if SILENT in rows else rows.assign(**{SILENT: False})
    wanted = pd.Index(protocol.table["item"].unique())
    missing = wanted.difference(rows.index, sort=False)
    if len(missing):
        raise ProtocolError(
            f"{protocol.name}: {len(missing)} of {len(wanted)} items are not in the manifests, "
            f"such as {missing[0]!r}. Prepare the complete release."
        )
    if protocol.heard:
        rows = with_heard(rows, protocol.heard)
        rows = rows.assign(**{MEANT: _classes(protocol, rows[MEANT])})
    rows = pd.DataFrame(rows.assign(label=_classes(protocol, rows["label"])).loc[wanted])
    outside = rows.index[~rows["label"].isin(protocol.labels)]
    if len(outside):
        raise ProtocolError(
            f"{protocol.name}: {len(outside)} items have no label out of "
            f"{', '.join(protocol.labels)}, such as {outside[0]!r}. Check manifest and label map."
        )
    return rows


def _classes(protocol: Protocol, labels: pd.Series[str]) -> pd.Series[str]:
    """What the protocol counts each label as."""
    known = [None if pd.isna(label) else str(label) for label in labels]
    return pd.Series(protocol.label_map.apply(known), index=labels.index, dtype=object)


def _shared(protocol: Protocol, rows: pd.DataFrame) -> tuple[Shared, ...]:
    """What is shared by the manifest; by the protocol itself where the manifest does not know."""
    found = shared_between_parts(protocol.table, rows.reset_index(drop=True))
    stated = {(entry.fold, entry.kind): entry for entry in protocol.shared}
    return tuple(
        entry if entry.test else stated.get((entry.fold, entry.kind), entry) for entry in found
    )


def _with(protocol: Protocol, shared: tuple[Shared, ...]) -> Protocol:
    return Protocol(
        protocol.name, protocol.corpora, protocol.labels, protocol.label_map, protocol.table, shared
    )


def _scored(protocol: Protocol, fold: str, rows: pd.DataFrame, model: FoldModel) -> pd.DataFrame:
    train, development, test = (
        rows.loc[[item for item in protocol.items(fold, part) if item in rows.index]].reset_index(
            drop=True
        )
        for part in (TRAIN, DEVELOPMENT, TEST)
    )
    absent = sorted(set(test["label"]) - set(train["label"]))
    if len(train) and absent:
        raise ProtocolError(
            f"{protocol.name}: fold {fold} tests {', '.join(absent)}, which its train part lacks. "
            "Drop the class with the label map, or use larger folds."
        )
    hidden = test.drop(columns=[name for name in HIDDEN if name in test])
    scores = model.predict(train, development, hidden)
    return checked_scores(scores, test["item"].tolist(), protocol).assign(fold=fold)


def _result_rows(rows: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    tested = rows.loc[scores["item"]].reset_index(drop=True)
    kept = tested.reindex(columns=list(_KEPT))
    truths = tested.reindex(columns=list(DIMENSIONS)).add_prefix("true_")
    truths = truths.astype(float)
    return pd.concat([kept, truths], axis=1).assign(
        truth=tested["label"].astype(object), fold=scores["fold"].to_numpy()
    )


def _check_items(name: str, scores: pd.DataFrame, items: list[str]) -> None:
    given = scores["item"].astype(str)
    problems = {
        "scored more than once": given[given.duplicated()].tolist(),
        "not scored": sorted(set(items) - set(given)),
        "not test items": sorted(set(given) - set(items)),
    }
    for problem, found in problems.items():
        if found:
            raise ProtocolError(
                f"{name}: {len(found)} items are {problem}, such as {found[0]!r}, but each test "
                "item needs one row of scores."
            )


def _check_probabilities(name: str, probabilities: pd.DataFrame) -> None:
    values = probabilities.to_numpy(float)
    wrong = ~np.isfinite(values).all(axis=1) | (values < -1e-6).any(axis=1)
    wrong |= np.abs(values.sum(axis=1) - 1) > 1e-3  # float32 softmax, written with few digits
    if wrong.any():
        raise ProtocolError(
            f"{name}: the probabilities of {int(wrong.sum())} items are negative, not finite or do "
            f"not sum to 1, such as those of {probabilities.index[wrong][0]!r}. "
            "A model that cannot judge an item must fail, not guess."
        )
