"""Any audformat database: the tables with an emotion, and what other tables say of their files.

Columns are found by name: ``emotion`` or ``label``, ``speaker``, ``gender`` or ``sex``, ``age``,
``language``, ``transcription`` or ``text``, ``arousal``, ``valence``, ``dominance``. Facts about a
speaker or a transcription may also stand in the labels of its scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tonfall.corpora.audformat_tables import Database, open_database
from tonfall.corpora.readers.table import rows_of
from tonfall.corpora.rows import Reading
from tonfall.errors import ManifestError

__all__ = ["read"]

_LABELS = ("emotion", "label")
_NAMES = {
    "emotion": "label",
    "gender": "sex",
    "transcription": "text",
    **{
        name: name
        for name in (
            "label",
            "speaker",
            "sex",
            "age",
            "language",
            "text",
            "session",
            "sentence",
            "intensity",
            "arousal",
            "valence",
            "dominance",
        )
    },
}
_DIMENSIONS = ("arousal", "valence", "dominance", "intensity")


def read(root: Path) -> Reading:
    """Rows of every segment or file that has an emotion."""
    database = open_database(root)
    labelled = [name for name in database.tables if _has_label(database, name)]
    if not labelled:
        return Reading(())
    frame = pd.concat([_renamed(database, name) for name in labelled], ignore_index=True)
    frame = frame.drop_duplicates(["file", "start", "end"])
    for name in database.tables:
        if name not in labelled and database.tables[name]["type"] == "filewise":
            frame = _with_facts(frame, _renamed(database, name))
    name = str(database.header.get("name", root.name))
    return Reading(rows_of(frame, root, source=str(root), corpus=name))


def _has_label(database: Database, table: str) -> bool:
    columns = database.tables[table].get("columns") or {}
    return any(name in columns for name in _LABELS)


def _with_facts(frame: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns that only ``facts``, a table of files, has."""
    new = [name for name in facts if name not in frame]
    return frame.merge(facts[["file", *new]], on="file", how="left")


def _renamed(database: Database, table: str) -> pd.DataFrame:
    """A table under the manifest's names, with what its schemes say of speakers and words."""
    said = database.frame(table)
    columns = {name: said[name] for name in ("file", "start", "end")}
    for name, ours in _NAMES.items():
        if name in said and ours not in columns:
            scheme = database.scheme(table, name)
            columns.update(_described(ours, said[name].astype(object), scheme, columns))
    split = _split(database, table)
    if split is not None:
        columns["split"] = pd.Series([split] * len(said))
    return pd.DataFrame(columns)


def _split(database: Database, table: str) -> str | None:
    split = database.tables[table].get("split_id")
    return ((database.header.get("splits") or {}).get(split) or {}).get("type", split)


def _described(
    name: str,
    values: pd.Series[Any],
    scheme: Mapping[str, Any],
    known: Mapping[str, pd.Series[Any]],
) -> Iterator[tuple[str, pd.Series[Any]]]:
    """The column, and those that its scheme's labels add to it."""
    if name in _DIMENSIONS:
        yield name, _unit(name, pd.to_numeric(values), scheme)
        return
    labels = scheme.get("labels")
    facts = {str(key): fact for key, fact in labels.items()} if isinstance(labels, dict) else {}
    if name == "text" and facts:
        yield name, values.map(facts)
        return
    yield name, values
    if name == "speaker":
        for theirs, ours in (("gender", "sex"), ("sex", "sex"), ("age", "age")):
            told = {key: fact[theirs] for key, fact in facts.items() if theirs in (fact or {})}
            if told and ours not in known:
                yield ours, values.map(told)


def _unit(name: str, values: pd.Series[Any], scheme: Mapping[str, Any]) -> pd.Series[Any]:
    """A dimension mapped from its scheme's bounds to [0, 1]."""
    low, high = scheme.get("minimum", 0.0), scheme.get("maximum", 1.0)
    if ((values < low) | (values > high)).any() or high <= low:
        raise ManifestError(
            f"The column {name!r} leaves its scheme's bounds {low} to {high}. Give its scheme the "
            "scale's minimum and maximum."
        )
    unit: pd.Series[Any] = (values - low) / (high - low)
    return unit
