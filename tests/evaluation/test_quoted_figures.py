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


@pytest.mark.parametrize("protocol", ["emobox/ravdess", "loso/emodb", "loso/nemo"])
def test_the_card_of_small_research_quotes_the_benchmarks(protocol):
    row = next(line for line in BENCHMARKS.splitlines() if f"(`{protocol}`)" in line)
    figure = float(FIGURE.findall(row)[1].split()[0])
    assert figures("small-research")[protocol] == figure


@pytest.mark.parametrize("name", ["medium", "small", "medium-research"])
def test_the_other_cards_quote_the_sites_of_the_benchmarks(name):
    rounded = [round(figure, 1) for figure in figures(name).values()]
    quoted = {float(figure.split()[0]) for figure in FIGURE.findall(BENCHMARKS)}
    assert [figure for figure in rounded if figure not in quoted] == []


def figures(name):
    bundle = ROOT / "src" / "tonfall" / "bundles" / name / "bundle.json"
    return json.loads(bundle.read_text(encoding="utf-8"))["figures"]
