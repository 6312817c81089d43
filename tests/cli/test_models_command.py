"""`tonfall models`: a row a model with what its licence says, or one model's card."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from tonfall.bundle import bundled_models, read_bundle
from tonfall.cli import app

RUNNER = CliRunner()


def test_without_a_name_each_model_is_a_row_with_its_licence() -> None:
    said = RUNNER.invoke(app, ["models"]).output
    for name in bundled_models():
        assert name in said
        licence = read_bundle(name).spec.licence
        assert all(word in said for word in licence.split())
    assert "## " not in said


def test_of_a_name_the_card_is_shown() -> None:
    said = RUNNER.invoke(app, ["models", "medium"]).output
    assert "What it learnt from" in said
    assert "Where it fails" in said


def test_json_is_of_one_model_or_all() -> None:
    one = json.loads(RUNNER.invoke(app, ["models", "small", "--json"]).output)
    every = json.loads(RUNNER.invoke(app, ["models", "--json"]).output)
    assert [spec["name"] for spec in one] == ["small"]
    assert [spec["name"] for spec in every] == list(bundled_models())


def test_a_name_that_is_none_is_refused_in_a_sentence() -> None:
    result = RUNNER.invoke(app, ["models", "big"])
    assert result.exit_code != 0
    assert "'big' is neither a bundled model" in str(result.exception)
