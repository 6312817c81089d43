"""What the docs say of sets and descriptors is what `tonfall features --list` says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from tonfall.features.descriptors import DESCRIPTORS
from tonfall.features.opensmile import OPENSMILE
from tonfall.features.sets import SETS
from tonfall.timeline import Features

DOCS = Path(__file__).resolve().parents[2] / "docs"
OVERVIEW = (DOCS / "features.md").read_text()
RANGE = re.compile(
    r"^(?P<before>.*?)(?P<first>\d+)(?P<after>.*) … (?P=before)(?P<last>\d+)(?P=after)$"
)


@dataclass(frozen=True)
class Section:
    """A table of a descriptor's page: its columns, their unit and their source."""

    page: str
    columns: tuple[str, ...]
    unit: str
    source: str


def sections() -> Iterator[Section]:
    for page in sorted((DOCS / "features").glob("*.md")):
        for part in page.read_text().split("\n## ")[1:]:
            rows = dict(re.findall(r"^\| (columns|unit|source) \| (.+) \|$", part, re.MULTILINE))
            if "columns" in rows:
                yield Section(
                    page.name, tuple(named(rows["columns"])), rows["unit"], rows["source"]
                )


def named(cell: str) -> Iterator[str]:
    """The columns of a cell; `mfcc0 … mfcc12` stands for thirteen."""
    for text in re.findall(r"`([^`]+)`", cell):
        found = RANGE.match(text)
        if found is None:
            yield text
            continue
        for number in range(int(found["first"]), int(found["last"]) + 1):
            yield f"{found['before']}{number}{found['after']}"


SECTIONS = {column: section for section in sections() for column in section.columns}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_descriptor_has_its_unit_and_source_in_a_page(name: str) -> None:
    assert name in SECTIONS, f"no page of docs/features has the column {name}"
    section, descriptor = SECTIONS[name], DESCRIPTORS[name]
    assert (descriptor.unit or "none") in section.unit, section
    for word in re.findall(r"^\w+|\d{4}", descriptor.source):  # the author, and the year
        assert word in section.source, section


@pytest.mark.parametrize("name", SECTIONS)
def test_every_column_of_a_page_is_computed(name: str) -> None:
    numbers = {column for each in SETS.values() for column in each.columns}
    timeline = {field.name for field in fields(Features)}
    assert name in {*DESCRIPTORS, *numbers, *timeline}, SECTIONS[name].page


def test_what_no_contour_explains_has_a_descriptor_of_its_own() -> None:
    """Each number of a set is a statistic of one of its contours, or is listed itself."""
    for each in SETS.values():
        known = {"".join(filter(str.isalnum, name)).lower() for name in each.frame_columns}
        for column in each.columns:
            stem = re.sub(r"(_sma3(nz)?)?_[^_]+$", "", re.sub(r"U?V(?=\d|_sma3)", "", column))
            flat = "".join(filter(str.isalnum, stem)).lower()
            explained = any(
                name.removesuffix("sma3nz").removesuffix("sma3") == flat for name in known
            )
            assert column in DESCRIPTORS or explained, column


def test_the_table_of_sets_counts_right() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([\d,]+) \| (\d+) \|", OVERVIEW, re.MULTILINE)
    counts = {
        name: (int(numbers.replace(",", "")), int(contours)) for name, numbers, contours in rows
    }
    own = {name: (len(each.columns), len(each.frame_columns)) for name, each in SETS.items()}
    said = {name: re.match(r"(\d+) contours, ([\d,]+)", text) for name, text in OPENSMILE.items()}
    peers = {
        name: (int(found[2].replace(",", "")), int(found[1]))
        for name, found in said.items()
        if found is not None
    }
    assert counts == own | peers
