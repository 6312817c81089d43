"""Copies of the same file in a release: Kaggle's RAVDESS holds each actor's folder twice."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tonfall.corpora.rows import Reading, Row

__all__ = ["without_copies"]


def without_copies(reading: Reading, root: Path) -> Reading:
    """The reading with one row for files that are there several times, byte for byte.

    Args:
        reading: the release's rows; of each item's identical files the first row is kept.
        root: the release's folder, from which the oddity names the files.

    Returns:
        The reading as it was where nothing is copied; else with a sentence among its oddities.
        Files of one item that differ are all kept, for validation to refuse.
    """
    copies = _copies(reading.rows)
    if not copies:
        return reading
    kept = tuple(row for place, row in enumerate(reading.rows) if place not in copies)
    place, first = next(iter(copies.items()))
    sentence = (
        f"Files that are there again, byte for byte, and left out: {len(copies)}, such as "
        f"{_name(reading.rows[place], root)}, a copy of {_name(first, root)}."
    )
    return replace(reading, rows=kept, oddities=(*reading.oddities, sentence))


def _copies(rows: Sequence[Row]) -> dict[int, Row]:
    """Places of rows whose file is that of an earlier row of the same item, and that row."""
    first: dict[tuple[str, float], Row] = {}
    copies: dict[int, Row] = {}
    for place, row in enumerate(rows):
        known = first.setdefault((row.item, row.start), row)
        if known is not row and _identical(known.file, row.file):
            copies[place] = known
    return copies


def _identical(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and filecmp.cmp(one, other, shallow=False)


def _name(row: Row, root: Path) -> str:
    assert row.file is not None
    return str(row.file.relative_to(root) if row.file.is_relative_to(root) else row.file)
