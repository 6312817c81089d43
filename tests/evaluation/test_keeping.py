"""Kept reports and matrices: small, the same bytes each time, every decision as it was."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from test_report_comparison import report_of

from tonfall.errors import ProtocolError
from tonfall.evaluation.reports import (
    compare_reports,
    keep_matrix,
    keep_report,
    model_names,
    model_page,
    read_matrix,
    read_report,
    robustness_matrix,
    slimmed,
    worth_keeping,
)


@pytest.fixture
def plain(items: pd.DataFrame) -> pd.DataFrame:
    return items.assign(label=items["label"].replace({"calm": "neutral"}))


def test_a_slim_report_decides_as_the_whole_one(plain):
    report = report_of(plain, right=0.5)
    close = np.tile([0.33341, 0.33342, 0.33317], (len(report.items.item), 1))
    items = report.items.model_copy(update={"probabilities": close.tolist()})
    slim = slimmed(report.model_copy(update={"items": items}))
    assert set(np.argmax(slim.items.probabilities, axis=1)) == {1}
    assert np.abs(np.array(slim.items.probabilities) - close).max() < 0.002


def test_a_kept_report_gives_the_same_figures_and_bytes(plain, tmp_path):
    report = report_of(plain, right=0.5)
    path = keep_report(report, tmp_path)
    first = path.read_bytes()
    assert keep_report(report, tmp_path).read_bytes() == first
    kept = read_report(path)
    assert kept.figures["ua"].value == pytest.approx(report.figures["ua"].value, abs=1e-5)
    assert compare_reports(report, kept).figures["ua"].difference.value == pytest.approx(0)
    assert path.relative_to(tmp_path).as_posix() == "loso-acted/mine.report.json.gz"


def test_files_are_kept_by_name_only(plain, tmp_path):
    report = report_of(
        plain.assign(file=[f"/home/me/{item}.wav" for item in plain["item"]]), right=0.5
    )
    assert report.mistakes[0].file.startswith("/home/me/")
    assert "/home/me" not in slimmed(report).model_dump_json()
    assert slimmed(report).mistakes[0].file.endswith(".wav")


def test_degraded_reports_and_parts_of_a_matrix_are_not_kept(plain):
    report = report_of(plain, right=0.5)
    assert worth_keeping(report)
    assert not worth_keeping(report.model_copy(update={"condition": "room"}))
    protocol = report.protocol.model_copy(update={"name": "from/acted"})
    assert not worth_keeping(report.model_copy(update={"protocol": protocol}))


def test_a_torn_report_is_refused(tmp_path):
    path = tmp_path / "torn.report.json.gz"
    path.write_bytes(gzip.compress(b"{}")[:-4])
    with pytest.raises(ProtocolError, match="is no report"):
        read_report(path)


def matrix_of(plain: pd.DataFrame):
    pair = [("clean", 0.9), ("room", 0.4)]
    return robustness_matrix([report_of(plain, right=r, condition=c) for c, r in pair])


def test_a_matrix_reads_back_as_written(plain, tmp_path):
    matrix = matrix_of(plain)
    path = keep_matrix(matrix, tmp_path / "robustness")
    assert read_matrix(path) == matrix
    assert (tmp_path / "robustness.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_matrix_or_a_newer_one_is_refused(plain, tmp_path):
    path = keep_matrix(matrix_of(plain), tmp_path / "m")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "schema_version": 99}))
    with pytest.raises(ProtocolError, match="has schema 99, but this Tonfall reads up to 1"):
        read_matrix(path)
    path.write_text("[]")
    with pytest.raises(ProtocolError, match="is no matrix"):
        read_matrix(path)


def test_a_models_page_has_its_fairness_and_both_kinds(plain):
    aged = plain.assign(age=20.0 + 20 * (plain["sex"] == "male"))
    bundle, recipe = (
        report_of(aged, right=0.6, name="tiny").model_copy(deep=True) for _ in range(2)
    )
    shown = [
        report.model_copy(update={"model": report.model.model_copy(update={"kind": kind})})
        for report, kind in ((bundle, "bundle"), (recipe, "recipe"))
    ]
    assert model_names(shown) == ["tiny"]
    page = model_page("tiny", shown, links={0: "page.html"})
    assert page.index("## loso/acted, by recipe") < page.index("## loso/acted, as shipped")
    assert "| age band | unweighted recall | anger found | items | speakers |" in page
    assert "| female | " in page
    assert "([page](page.html))" in page
