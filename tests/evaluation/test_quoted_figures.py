"""What the first pages say of accuracy is what the benchmarks say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"\d+\.\d \[\d+\.\d, \d+\.\d\]")


def test_the_readme_quotes_the_benchmarks():
    quoted = FIGURE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(quoted) >= 8
    assert [figure for figure in quoted if figure not in BENCHMARKS] == []


@pytest.mark.parametrize(("column", "name"), [(0, "medium-research"), (1, "small-research")])
@pytest.mark.parametrize("protocol", ["emobox/ravdess", "loso/emodb", "loso/nemo"])
def test_a_card_quotes_the_benchmarks(column, name, protocol):
    row = next(line for line in BENCHMARKS.splitlines() if f"(`{protocol}`)" in line)
    figure = float(FIGURE.findall(row)[column].split()[0])
    bundle = (ROOT / "src" / "tonfall" / "bundles" / name / "bundle.json").read_text("utf-8")
    assert json.loads(bundle)["figures"][protocol] == figure
