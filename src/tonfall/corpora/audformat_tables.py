"""Databases in the audformat layout: ``db.yaml`` and a CSV or Parquet file a table.

Read and written here without the audformat package, so that no pickled table is ever opened. A
manifest is one segmented table, ``items``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tonfall.corpora.columns import COLUMNS, SCHEMA, SCHEMA_VERSION, conform
from tonfall.corpora.storage import parse_votes, replacing
from tonfall.errors import ManifestError
from tonfall.parsing import read_yaml

__all__ = ["Database", "open_database", "read", "write"]

_TABLE = "items"
_VERSION = "tonfall.manifest"
_SEGMENT = ("file", "start", "end")
_DTYPES = {pa.float64(): "float", pa.bool_(): "bool", pa.int64(): "int"}


# audformat names languages by ISO 639-3, a manifest by ISO 639-1.
_LANGUAGES = {
    "am": "amh",
    "ar": "ara",
    "de": "deu",
    "en": "eng",
    "it": "ita",
    "pl": "pol",
    "ur": "urd",
    "zh": "zho",
}


@dataclass(frozen=True, slots=True)
class Database:
    """A database's header and where its tables lie.

    Attributes:
        folder: holds ``db.yaml``.
        header: as in ``db.yaml``.
    """

    folder: Path
    header: Mapping[str, Any]

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """The header of each table with files in its index."""
        return self.header.get("tables") or {}

    def scheme(self, table: str, column: str) -> Mapping[str, Any]:
        """The scheme of a column; empty where it has none."""
        name = (self.tables[table]["columns"].get(column) or {}).get("scheme_id")
        return (self.header.get("schemes") or {}).get(name) or {}

    def frame(self, table: str) -> pd.DataFrame:
        """A table with ``file``, ``start`` and ``end`` (seconds, null end is the file's end)."""
        parquet, csv = (self.folder / f"db.{table}.{ending}" for ending in ("parquet", "csv"))
        if parquet.is_file():
            frame = pq.read_table(parquet).to_pandas()
        elif csv.is_file():
            frame = pd.read_csv(csv, dtype=str, keep_default_na=False, na_values=[""])
        else:
            raise ManifestError(
                f"{self.folder}: has neither db.{table}.parquet nor db.{table}.csv. Pickled tables "
                "are not opened: save the database as Parquet or CSV."
            )
        return _in_seconds(frame)


def _in_seconds(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its segment's ends as seconds; a table of files gets whole files."""
    for name, whole in (("start", 0.0), ("end", None)):
        if name in frame:
            frame[name] = pd.to_timedelta(frame[name]).dt.total_seconds()
        else:
            frame[name] = pd.Series([whole] * len(frame), dtype="float64")
    return frame


def open_database(folder: Path) -> Database:
    """The database in a folder; ManifestError where there is none."""
    path = folder / "db.yaml"
    if not path.is_file():
        raise ManifestError(
            f"{folder}: is no audformat database, expected db.yaml. Point to the folder it is in."
        )
    try:
        header = read_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(f"{path}: is no YAML ({error}). Save the database again.") from error
    if not isinstance(header, dict):
        raise ManifestError(f"{path}: is empty, expected an audformat header.")
    return Database(folder, header)


def read(folder: Path) -> pd.DataFrame:
    """The manifest that `write` left in a folder."""
    database = open_database(folder)
    if _TABLE not in database.tables:
        raise ManifestError(
            f"{folder}: has no table {_TABLE!r}, so it is no manifest. Prepare it as a corpus with "
            "'tonfall data prepare audformat'."
        )
    version = (database.header.get("meta") or database.header).get(_VERSION, SCHEMA_VERSION)
    if int(version) > SCHEMA_VERSION:
        raise ManifestError(
            f"{folder}: is a manifest of version {version}, but this Tonfall reads up to "
            f"{SCHEMA_VERSION}. Update Tonfall, or prepare the corpus again."
        )
    frame = database.frame(_TABLE)
    if "votes" in frame:
        frame["votes"] = parse_votes(frame["votes"], folder)
    return conform(frame, source=str(folder))


def write(frame: pd.DataFrame, folder: Path) -> None:
    """Write a manifest as a database; the header comes last, so a torn write is no database."""
    table = frame[[*_SEGMENT, *(name for name in COLUMNS if name not in _SEGMENT)]].copy()
    for name in ("start", "end"):
        table[name] = pd.to_timedelta(frame[name], unit="s").map(str, na_action="ignore")
    table["votes"] = [None if v is None else json.dumps(v, sort_keys=True) for v in frame["votes"]]
    with replacing(folder / f"db.{_TABLE}.csv") as part:
        table.to_csv(part, index=False, lineterminator="\n")
    with replacing(folder / "db.yaml") as part:
        part.write_text(yaml.safe_dump(_header(frame), sort_keys=False), encoding="utf-8")


def _header(frame: pd.DataFrame) -> dict[str, object]:
    named = [name for name in COLUMNS if name not in _SEGMENT]
    dtypes = {name: _DTYPES.get(SCHEMA.field(name).type, "str") for name in named}
    return {
        "name": "+".join(sorted(frame["corpus"].dropna().unique())) or "manifest",
        "source": "tonfall",
        "usage": "research",
        "languages": [
            _LANGUAGES.get(language, language)
            for language in sorted(frame["language"].dropna().unique())
        ],
        _VERSION: SCHEMA_VERSION,
        "schemes": {name: {"dtype": dtype} for name, dtype in dtypes.items()},
        "tables": {
            _TABLE: {
                "type": "segmented",
                "columns": {name: {"scheme_id": name} for name in named},
            }
        },
    }
