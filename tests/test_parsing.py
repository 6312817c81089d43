"""Files of users that are no YAML or no JSON, in each of the ways in which they can be none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tonfall.analysis.exports import read_json as read_timeline
from tonfall.bundle import read_bundle
from tonfall.corpora.audformat_tables import open_database
from tonfall.corpora.readers.huggingface import _json_lines
from tonfall.corpora.storage import parse_votes
from tonfall.errors import TonfallError
from tonfall.evaluation.protocols.storage import _head
from tonfall.evaluation.reports.matrix_files import read_matrix
from tonfall.evaluation.reports.schema import read_report
from tonfall.learn.classical.recipe import is_classical, read_classical
from tonfall.learn.recipe import read_recipe
from tonfall.parsing import read_json, read_yaml
from tonfall.serve.alerts import read_rules
from tonfall.serve.settings import read_settings

BROKEN_YAML = [
    "[" * 3000,
    "a: " * 2,
    "a: 2026-13-45",
    "a: !!bool x",
    "a: !!int x",
    "a: !!timestamp x",
    "? [a]\n: b\n? {a: b}\n: c",
    "\x01",
]
BROKEN_JSON = ["[" * 500_000, "{", '{"a": ' * 100_000, "\x01"]


@pytest.mark.parametrize("text", BROKEN_YAML, ids=lambda text: text[:20])
def test_what_is_no_yaml_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_yaml(text)


@pytest.mark.parametrize("text", BROKEN_JSON, ids=lambda text: text[:20])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_json(text)


@pytest.mark.parametrize("text", BROKEN_YAML, ids=lambda text: text[:20])
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (read_recipe, "recipe.yaml"),
        (read_classical, "recipe.yaml"),
        (read_rules, "rules.yaml"),
        (read_settings, "tonfall.yaml"),
        (_head, "protocol.yaml"),
        (lambda path: open_database(path.parent), "db.yaml"),
    ],
)
def test_each_file_of_yaml_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, read: Callable[[Path], Any], name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TonfallError) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert not is_classical(path)


@pytest.mark.parametrize("text", BROKEN_JSON, ids=lambda text: text[:20])
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lambda path: read_bundle(path.parent), "bundle.json"),
        (read_matrix, "matrix.json"),
        (read_report, "report.json"),
        (read_timeline, "call.json"),
        (_json_lines, "metadata.jsonl"),
        (lambda path: parse_votes(pd.Series([path.read_text()]), path), "votes.csv"),
    ],
)
def test_each_file_of_json_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, read: Callable[[Path], Any], name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TonfallError) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000
