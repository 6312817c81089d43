"""The manifest's columns and their types; the one place that lists them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

from tonfall.errors import ManifestError

__all__ = ["COLUMNS", "SCHEMA", "SCHEMA_VERSION", "conform"]

SCHEMA_VERSION = 1
"""Version of the manifest's columns; a reader refuses a newer one."""

_STRING, _FLOAT = pa.string(), pa.float64()
SCHEMA = pa.schema(
    [
        pa.field("item", _STRING, nullable=False),
        ("file", _STRING),
        ("start", _FLOAT),
        ("end", _FLOAT),
        ("corpus", _STRING),
        ("speaker", _STRING),
        ("sex", _STRING),
        ("age", _FLOAT),
        ("language", _STRING),
        ("session", _STRING),
        ("sentence", _STRING),
        ("text", _STRING),
        ("split", _STRING),
        ("label", _STRING),
        ("label_original", _STRING),
        ("votes", pa.map_(_STRING, _FLOAT)),
        ("arousal", _FLOAT),
        ("valence", _FLOAT),
        ("dominance", _FLOAT),
        ("intensity", _FLOAT),
        ("acted", pa.bool_()),
        ("duration", _FLOAT),
        ("sampling_rate", pa.int64()),
        ("hash", _STRING),
        ("video", _STRING),
    ]
)
"""Arrow's schema of a manifest."""

COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
"""The manifest's columns, in order."""

_DTYPES: dict[pa.DataType, ExtensionDtype | np.dtype[np.float64]] = {
    _STRING: pd.StringDtype(),
    _FLOAT: np.dtype(np.float64),
    pa.bool_(): pd.BooleanDtype(),
    pa.int64(): pd.Int64Dtype(),
}


def conform(frame: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """The frame with exactly the manifest's columns, in order, each of its type.

    Absent columns become unknown; ``votes`` holds a dict or None. A frame's other types are
    converted, text to numbers too.

    Raises:
        ManifestError: a column that no manifest has, ``item`` is absent or repeated, or a value
            that does not fit its column.
    """
    _check_names(frame, source)
    columns = {field.name: _column(frame, field, source) for field in SCHEMA}
    return pd.DataFrame(columns)


def _check_names(frame: pd.DataFrame, source: str) -> None:
    extra = [str(name) for name in frame.columns if name not in COLUMNS]
    if extra:
        raise ManifestError(
            f"{source}: has the columns {', '.join(extra)}, but a manifest's are "
            f"{', '.join(COLUMNS)}. Rename or remove them."
        )
    if "item" not in frame or frame["item"].isna().any():
        raise ManifestError(f"{source}: every row needs an item. Fill the column 'item'.")


def _column(frame: pd.DataFrame, field: pa.Field, source: str) -> pd.Series[Any]:
    if field.name == "votes":
        votes = frame.get("votes", [None] * len(frame))
        return pd.Series([v if isinstance(v, dict) else None for v in votes], dtype=object)
    values = frame.get(field.name, pd.Series([None] * len(frame), dtype=object))
    try:
        return _typed(values.reset_index(drop=True), field)
    except (ValueError, TypeError) as error:
        raise ManifestError(f"{source}: column {field.name!r} does not fit: {error}.") from error


def _typed(values: pd.Series[Any], field: pa.Field) -> pd.Series[Any]:
    if field.type == pa.bool_():
        values = values.map(_truth, na_action="ignore")
    elif field.type in (_FLOAT, pa.int64()):
        values = pd.to_numeric(values.map(_with_decimal_point, na_action="ignore"))
    return values.astype(_DTYPES[field.type])


def _with_decimal_point(value: object) -> object:
    """A number in text, whose decimals may follow a comma; no number here has thousands apart."""
    return value.replace(",", ".") if isinstance(value, str) else value


def _truth(value: object) -> bool:
    names = {"true": True, "false": False, "1": True, "0": False}
    if str(value).lower() not in names:
        raise ValueError(f"{value!r} is neither true nor false")
    return names[str(value).lower()]
