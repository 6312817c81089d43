"""The same figures for women and men, young and old, each language, corpus and speaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

__all__ = ["AGE_BANDS", "GROUPINGS", "age_band", "grouped_rows"]

AGE_BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "under 20": (0, 20),
        "20 to 29": (20, 30),
        "30 to 39": (30, 40),
        "40 to 49": (40, 50),
        "50 to 59": (50, 60),
        "60 and over": (60, np.inf),
    }
)
"""Name to lowest age and the age that it stays under, in years."""

GROUPINGS = ("sex", "age", "language", "corpus", "speaker")
"""What items are grouped by, where the manifest knows it."""


def age_band(age: float) -> str | None:
    """The band of an age in years, or None where it is unknown.

    >>> age_band(30.0)
    '30 to 39'
    """
    return next((name for name, (low, high) in AGE_BANDS.items() if low <= age < high), None)


def grouped_rows(items: pd.DataFrame, grouping: str) -> Iterator[tuple[str, list[int]]]:
    """Each group's name and the positions of its items; items of no known group are left out.

    Bands of age come by age, other groups by name. A speaker of one of several corpora is
    "corpus/name".

    Args:
        items: columns sex, age, language, corpus and speaker.
        grouping: one of `GROUPINGS`.
    """
    names = _names(items, grouping).reset_index(drop=True)
    order = list(AGE_BANDS) if grouping == "age" else sorted(set(names.dropna()))
    for name in order:
        positions = np.flatnonzero((names == name).fillna(False).to_numpy(bool))
        if len(positions):
            yield str(name), positions.tolist()


def _names(items: pd.DataFrame, grouping: str) -> pd.Series[str]:
    column = items[grouping]
    if grouping == "age":
        return column.astype(float).map(age_band).astype("string")
    if grouping == "speaker" and items["corpus"].nunique() > 1:
        return items["corpus"].astype("string") + "/" + column.astype("string")
    return column.astype("string")
