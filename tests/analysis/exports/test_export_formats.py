import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_timelines import timeline, turn, window

from tonfall.analysis.exports import (
    FORMATS,
    export,
    find_format,
    format_for,
    read_json,
    save,
    timeline_schema,
)
from tonfall.errors import ConfigError


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_every_timeline_and_always_the_same(name, any_timeline):
    assert export(any_timeline, name) == export(any_timeline, name)


def test_an_unknown_format_lists_the_known():
    with pytest.raises(ConfigError, match=r"'xlsx' is unknown. Choose from json, csv, turns"):
        find_format("xlsx")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/call.json", "json"),
        ("call.CSV", "csv"),
        ("call.turns.csv", "turns"),
        ("call.textgrid", "textgrid"),
        ("call.labels.txt", "audacity"),
    ],
)
def test_the_ending_chooses_the_format(path, name):
    assert format_for(path) is FORMATS[name]


def test_an_unknown_ending_lists_the_known():
    with pytest.raises(ConfigError, match=r"call.doc: no format has this ending. .*\.TextGrid"):
        format_for("call.doc")


def test_save_chooses_by_ending_or_name(tmp_path, sample_call):
    path = save(sample_call, tmp_path / "call.json")
    assert read_json(path) == sample_call
    named = save(sample_call, tmp_path / "call.data", name="json")
    assert named.read_bytes() == path.read_bytes()


def test_the_documentation_names_every_format_and_field():
    page = (Path(__file__).parents[3] / "docs" / "timeline-format.md").read_text("utf-8")
    for name, each in FORMATS.items():
        assert f"| `{name}` | `{each.suffix}` |" in page
    schema = json.loads(timeline_schema())
    for part in [schema, *schema["$defs"].values()]:
        for field in part["properties"]:
            assert f"`{field}`" in page


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"parquet", "rttm"}))
def test_no_file_names_a_category_below_the_threshold(name):
    judged = window(0, 3, "anger", confidence=0.3)
    heard = replace(turn(0, 3), guess="anger", confidence=0.3, unclear=True)
    heard = replace(heard, probabilities=judged.probabilities)
    text = export(timeline([heard], [judged]), name).decode()
    assert "unclear" in text
    if name in ("textgrid", "elan"):
        assert "anger" not in text
    if name == "json":
        found = json.loads(text)
        rows = [(row["label"], row["guess"]) for row in found["turns"] + found["windows"]]
        assert rows == [("unclear", "anger")] * 2
