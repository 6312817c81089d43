"""A protocol: which items train, which choose, which test, and over which labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from tonfall.emotion import LabelSpace, check_label_space
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.heard import Heard

__all__ = ["DEVELOPMENT", "PARTS", "TEST", "TRAIN", "Protocol", "Shared"]

TRAIN, DEVELOPMENT, TEST = PARTS = ("train", "development", "test")
"""The parts of a fold."""

_LEAKS = ("speaker", "recording")
"""What train and test must not share; sentences and sessions are only reported."""


@dataclass(frozen=True, slots=True)
class Shared:
    """How much of a fold's test data was heard before.

    Attributes:
        fold: the fold's name.
        kind: what is counted: "speaker", "sentence", "session" or "recording" (the same sound).
        test: how many of them the fold's test part has; 0 where none is known.
        shared: how many of these are in its train or development part too.
    """

    fold: str
    kind: Literal["speaker", "sentence", "session", "recording"]
    test: int
    shared: int


@dataclass(frozen=True, eq=False)
class Protocol:
    """Folds over items, a label space and how corpus labels become it; pinned by `hash`.

    Attributes:
        name: as commands take it, such as "emobox/ravdess".
        corpora: the corpora whose items it names. Over several, an item is "corpus/item".
        labels: the label space that predictions are over.
        label_map: what is merged and dropped before.
        table: columns item, fold, part; one row an item and fold.
        shared: what test parts share with train and development parts, by fold and kind.
        version: grows when the content changes on purpose.
        notes: sentences for the reader.
        heard: corpora whose truth is what most listeners heard, and what ties of votes are.

    Raises:
        ProtocolError: an unknown part, an item twice in a fold or tested in two folds, or a fold
            without test items, or without train items where others have some.
    """

    name: str
    corpora: tuple[str, ...]
    labels: LabelSpace
    label_map: LabelMap
    table: pd.DataFrame
    shared: tuple[Shared, ...] = ()
    version: int = 1
    notes: tuple[str, ...] = field(default=())
    heard: Mapping[str, Heard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_label_space(self.labels)
        _check_table(self.name, self.table)

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds, in order."""
        return tuple(dict.fromkeys(self.table["fold"]))

    @property
    def trains(self) -> bool:
        """False where every item is a test item: only for models that are trained already."""
        return bool((self.table["part"] == TRAIN).any())

    @property
    def hash(self) -> str:
        """SHA-256 of labels, map and table, hexadecimal; the order of rows does not matter."""
        head: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "corpora": sorted(self.corpora),
            "labels": list(self.labels),
            "merge": dict(sorted(self.label_map.merge.items())),
            "drop": sorted(self.label_map.drop),
            "keep": sorted(self.label_map.keep),
        }
        if self.heard:
            head["heard"] = dict(sorted(self.heard.items()))
        digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
        for row in sorted(self.table[["fold", "part", "item"]].itertuples(index=False, name=None)):
            digest.update("\x1f".join(row).encode() + b"\n")
        return digest.hexdigest()

    @property
    def shares_speakers(self) -> bool:
        """True where a test speaker was heard in training or development."""
        return any(entry.kind == "speaker" and entry.shared for entry in self.shared)

    @property
    def shares_recordings(self) -> bool:
        """True where the sound of a test item was heard in training or development."""
        return any(entry.kind == "recording" and entry.shared for entry in self.shared)

    @property
    def speakers_known(self) -> bool:
        """False where it cannot be told whether speakers are shared."""
        return any(entry.kind == "speaker" and entry.test for entry in self.shared)

    def items(self, fold: str, part: str) -> list[str]:
        """Items of one part of a fold, in the table's order."""
        rows = (self.table["fold"] == fold) & (self.table["part"] == part)
        return self.table.loc[rows, "item"].tolist()

    def require_disjoint(self) -> None:
        """Raise ProtocolError where train and test share speakers, or the same sound."""
        for entry in self.shared:
            if entry.kind in _LEAKS and entry.shared:
                raise ProtocolError(
                    f"{self.name}: {entry.shared} of {entry.test} test {entry.kind}s of fold "
                    f"{entry.fold} are also in train, so its figures flatter every model. Pass "
                    "--allow-shared-speakers to use it all the same; the report will say so in red."
                )


def _check_table(name: str, table: pd.DataFrame) -> None:
    unknown = sorted(set(table["part"]) - set(PARTS))
    if unknown:
        raise ProtocolError(
            f"{name}: the part {unknown[0]!r} is unknown, expected one of {', '.join(PARTS)}."
        )
    _check_repeats(name, table, ["item", "fold"], "is twice in fold {fold}")
    tested = table[table["part"] == TEST]
    _check_repeats(name, tested, ["item"], "is tested in more than one fold")
    _check_filled(name, table, tested)


def _check_repeats(name: str, table: pd.DataFrame, columns: list[str], text: str) -> None:
    repeated = table[table.duplicated(columns)]
    if len(repeated):
        first = repeated.iloc[0]
        raise ProtocolError(
            f"{name}: item {first['item']!r} {text.format(fold=first['fold'])} "
            f"({len(repeated)} such rows). Leave each item in one part only."
        )


def _check_filled(name: str, table: pd.DataFrame, tested: pd.DataFrame) -> None:
    if table.empty:
        raise ProtocolError(f"{name}: has no items. Check the manifest and the label map.")
    trained = set(table.loc[table["part"] == TRAIN, "fold"])
    for fold in dict.fromkeys(table["fold"]):
        if fold not in set(tested["fold"]) or (trained and fold not in trained):
            raise ProtocolError(
                f"{name}: fold {fold} has no train or no test items. "
                "Check that the manifest is complete and what the label map drops."
            )
