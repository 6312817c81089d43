"""Manifests on disk: Parquet and CSV.

Each is written beside its place first and moved there when whole.
"""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tonfall.corpora.columns import COLUMNS, SCHEMA, SCHEMA_VERSION, conform
from tonfall.errors import ManifestError
from tonfall.parsing import read_json

__all__ = [
    "moved",
    "parse_votes",
    "read_csv",
    "read_loose_csv",
    "read_parquet",
    "replacing",
    "write_csv",
    "write_parquet",
]

_VERSION_KEY = b"tonfall.manifest"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; what is there afterwards takes ``path``'s place in one step.

    Raises:
        ManifestError: it cannot be written; what was there is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            yield Path(folder) / path.name
            (Path(folder) / path.name).replace(path)
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be written ({error.strerror or error}). Choose another place."
        ) from error


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write the table with the schema's version in its metadata."""
    table = pa.Table.from_pydict(_columns(frame), schema=SCHEMA)
    table = table.replace_schema_metadata({_VERSION_KEY: str(SCHEMA_VERSION).encode()})
    with replacing(path) as part:
        pq.write_table(table, part, compression="zstd")


def _columns(frame: pd.DataFrame) -> dict[str, list[object]]:
    """Columns as lists with None for what is unknown; maps as pairs."""
    columns = {name: _nulls(frame[name]) for name in COLUMNS if name != "votes"}
    columns["votes"] = [None if votes is None else list(votes.items()) for votes in frame["votes"]]
    return columns


def _nulls(column: pd.Series[Any]) -> list[object]:
    missing = column.isna()
    return [None if absent else value for value, absent in zip(column, missing, strict=True)]


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table that `write_parquet` wrote; ManifestError where it did not."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{path}: is no Parquet table ({error}). Prepare it again.") from error
    _check_version(path, (table.schema.metadata or {}).get(_VERSION_KEY))
    columns = table.to_pydict()
    if "votes" in columns:
        columns["votes"] = [None if v is None else dict(v) for v in columns["votes"]]
    return conform(pd.DataFrame(columns), source=str(path))


def _check_version(path: Path, version: bytes | None) -> None:
    if version is None:
        raise ManifestError(
            f"{path}: carries no manifest version, expected a table that Tonfall wrote. "
            "Prepare the corpus again, or read the table as CSV."
        )
    if int(version) > SCHEMA_VERSION:
        raise ManifestError(
            f"{path}: is a manifest of version {int(version)}, but this Tonfall reads up to "
            f"{SCHEMA_VERSION}. Update Tonfall, or prepare the corpus again."
        )


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write the table as CSV: unknown is empty, votes are JSON."""
    flat = frame.copy()
    flat["votes"] = [
        None if votes is None else json.dumps(votes, sort_keys=True) for votes in frame["votes"]
    ]
    with replacing(path) as part:
        flat.to_csv(part, index=False, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; every column but ``item`` may be absent."""
    return conform(read_loose_csv(path), source=str(path))


def read_loose_csv(path: Path) -> pd.DataFrame:
    """A CSV's columns as text, and ``votes`` as maps; which columns there are is not checked.

    Columns may also be parted by semicolons or tabs, as Excel writes them where numbers have a
    decimal comma.
    """
    try:
        frame = pd.read_csv(
            path,
            sep=_separator(path),
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path}: its text is not UTF-8; save it again as CSV in UTF-8."
        ) from error
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ManifestError(f"{path}: is no CSV table ({reason}); write it anew.") from error
    if "votes" in frame:
        frame["votes"] = parse_votes(frame["votes"], path)
    return frame


def _separator(path: Path) -> str:
    """What parts the columns: what is most often between the names in the first line."""
    with path.open(encoding="utf-8-sig") as file:
        names = file.readline()
    return max(",;\t", key=names.count)


def parse_votes(texts: pd.Series[Any], path: Path) -> pd.Series[Any]:
    """Maps out of JSON text, null kept; ``path`` is for the message."""
    return pd.Series([_votes(path, text) for text in _nulls(texts)], dtype=object)


def _votes(path: Path, text: object) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        return {str(name): float(count) for name, count in read_json(str(text)).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ManifestError(
            f'{path}: votes are {str(text)[:60]!r}, expected JSON such as {{"anger": 2}}.'
        ) from error


def moved(paths: pd.Series[Any], *, old: Path, new: Path) -> pd.Series[Any]:
    """Paths relative to ``old`` as ones relative to ``new``, with forward slashes; null kept."""
    between = Path(os.path.relpath(old.resolve(), new.resolve())).as_posix()
    joined = paths.map(
        lambda path: posixpath.normpath(posixpath.join(between, path)), na_action="ignore"
    )
    return joined.astype(paths.dtype)
