"""Reports against each other: comparisons, matrices and the leaderboard."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tonfall.errors import ProtocolError
from tonfall.evaluation.protocols import Rules, Sources, find_protocol
from tonfall.evaluation.reports import (
    Report,
    compare_reports,
    corpus_matrix,
    draw_matrix,
    find_reports,
    leaderboard_page,
    make_report,
    markdown,
    published_figures,
    robustness_matrix,
    write_report,
)
from tonfall.evaluation.running import ModelFacts, run
from tonfall.lab.functions import CallableModel


def report_of(
    items: pd.DataFrame,
    *,
    right: float,
    name: str = "mine",
    protocol: str = "loso/acted",
    condition: str = "clean",
    rules: Rules | None = None,
) -> Report:
    """A model that is right for a share of the items; which ones is drawn."""

    def guess(train: pd.DataFrame, _: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        labels = sorted(set(train["label"]))
        rng = np.random.default_rng(len(test) + int(100 * right))
        meant = test["item"].str.rpartition("-")[2].replace({"calm": "neutral"}).to_numpy(object)
        other = rng.choice(labels, len(test))
        chosen = np.where(rng.random(len(test)) < right, meant, other)
        table = pd.DataFrame(
            {label: np.where(chosen == label, 0.7, 0.3 / (len(labels) - 1)) for label in labels}
        )
        return table.assign(item=test["item"])

    found = find_protocol(protocol, Sources(items=items, rules=rules or Rules()))
    results = run(found, items, CallableModel(guess), ModelFacts(name, "callable"))
    return make_report(results, command=f"tonfall evaluate {name}", condition=condition)


@pytest.fixture
def plain(items: pd.DataFrame) -> pd.DataFrame:
    return items.assign(label=items["label"].replace({"calm": "neutral"}))


def test_the_better_model_is_named(plain):
    worse, better = report_of(plain, right=0.2), report_of(plain, right=0.9, name="yours")
    found = compare_reports(worse, better)
    assert found.figures["ua"].difference.value == pytest.approx(
        better.figures["ua"].value - worse.figures["ua"].value
    )
    assert found.verdict.startswith("yours (clean) is better by")
    assert "points of unweighted recall (p = " in found.verdict
    assert found.mcnemar < 0.001
    turned = compare_reports(better, worse)
    assert turned.verdict.startswith("yours (clean) is better by")


def test_equal_models_are_not_told_apart(plain):
    report = report_of(plain, right=0.5)
    found = compare_reports(report, report)
    assert found.verdict.startswith("No certain difference")
    assert found.mcnemar == 1.0
    assert "Unweighted recall (UA)" in found.in_words()


def test_the_order_of_items_does_not_matter(plain):
    first = report_of(plain, right=0.4)
    second = report_of(plain, right=0.7)
    columns = {
        name: list(reversed(value))
        for name, value in second.items.model_dump().items()
        if isinstance(value, list)
    }
    turned = second.model_copy(update={"items": second.items.model_copy(update=columns)})
    assert compare_reports(first, turned).figures == compare_reports(first, second).figures


def test_reports_on_other_items_labels_or_truths_are_refused(plain):
    report = report_of(plain, right=0.5)
    fewer = report_of(plain[plain["speaker"] != "s00"], right=0.5)
    with pytest.raises(ProtocolError, match=r"other items \(96 and 80"):
        compare_reports(report, fewer)
    three = plain[plain["label"] != "sadness"]
    with pytest.raises(ProtocolError, match="only one label space"):
        compare_reports(report, report_of(three, right=0.5))
    turned = plain.assign(label=plain["label"].replace({"sadness": "anger", "anger": "sadness"}))
    with pytest.raises(ProtocolError, match="disagree about the true labels"):
        compare_reports(report, report_of(turned, right=0.5))


def test_other_folds_are_noted(plain):
    first = report_of(plain, right=0.5)
    second = report_of(plain, right=0.5, protocol="grouped/acted/3")
    assert "The protocols differ" in compare_reports(first, second).notes[0]


def test_the_robustness_matrix_shows_what_is_lost(plain):
    reports = [
        report_of(plain, right=right, condition=condition, name=name)
        for name, condition, right in [
            ("mine", "telephone", 0.3),
            ("mine", "clean", 0.9),
            ("yours", "clean", 0.8),
        ]
    ]
    matrix = robustness_matrix(reports)
    assert matrix.rows == ("mine", "yours")
    assert matrix.columns == ("clean", "telephone")
    lost = matrix.cells["mine", "telephone"].difference
    assert lost.high < 0
    assert matrix.cells["mine", "clean"].difference is None
    text = markdown(matrix)
    assert text.splitlines()[2] == "| model / condition | clean | telephone |"
    assert "; -" in text


def test_a_report_compares_by_the_decisions_that_its_figures_are_of(plain):
    """A decision by less than the digits that a report keeps."""

    def close(train: pd.DataFrame, _: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        even = dict.fromkeys(sorted(set(train["label"])), 1 / 3)
        return test[["item"]].assign(**{**even, "sadness": 1 / 3 + 1e-7})

    protocol = find_protocol("loso/acted", Sources(items=plain))
    results = run(protocol, plain, CallableModel(close), ModelFacts("close", "callable"))
    assert set(results.prediction) == {"sadness"}
    report = make_report(results, command="")
    found = compare_reports(report, report).figures
    assert found["ua"].first == report.figures["ua"].value
    assert found["accuracy"].first == report.figures["accuracy"].value == 0.25


def test_conditions_stand_in_their_usual_order(plain):
    names = ["level:-30", "noise:0", "clean", "noise:20+telephone", "room", "noise:10", "telephone"]
    reports = [report_of(plain, right=0.5, condition=name) for name in names]
    assert robustness_matrix(reports).columns == (
        "clean",
        "telephone",
        "noise:20+telephone",
        "noise:10",
        "noise:0",
        "room",
        "level:-30",
    )


def two_corpora_reports(two_corpora: pd.DataFrame) -> list[Report]:
    names = [f"{family}/{corpus}" for corpus in ("acted", "calls") for family in ("from", "within")]
    pair = two_corpora[two_corpora["label"] != "fear"]
    more = pair.assign(speaker=pair["speaker"] + "b", item="b" + pair["item"])
    items = pd.concat([pair, more], ignore_index=True)
    return [report_of(items, right=0.6, protocol=name) for name in names]


def test_the_corpus_matrix_has_every_pair(two_corpora):
    reports = two_corpora_reports(two_corpora)
    matrix = corpus_matrix(reports)
    assert matrix.rows == matrix.columns == ("acted", "calls")
    assert len(matrix.cells) == 4
    assert matrix.cells["acted", "calls"].ua == reports[0].groups["corpus"][0].ua
    assert draw_matrix(matrix).axes


def test_the_corpus_matrix_is_of_one_model_and_its_own_protocols(plain, two_corpora):
    reports = two_corpora_reports(two_corpora)
    other = reports[0].model_copy(update={"condition": "telephone"})
    with pytest.raises(ProtocolError, match="one model, condition and label space"):
        corpus_matrix([reports[0], other])
    with pytest.raises(ProtocolError, match=r"made of from/CORPUS and within/CORPUS"):
        corpus_matrix([report_of(plain, right=0.5)])


def test_the_leaderboard_ranks_and_gives_commands(plain, tmp_path):
    for name, right in (("worse", 0.2), ("better", 0.9)):
        report = report_of(plain, right=right, name=name)
        write_report(report, tmp_path / name / "report.json")
        noisy = report_of(plain, right=right / 2, name=name, condition="noise:10")
        write_report(noisy, tmp_path / f"{name}-noisy" / "report.json")
    page = leaderboard_page(find_reports(tmp_path))
    assert page.index("## loso/acted\n") < page.index("## loso/acted, noise:10")
    assert page.index("| better |") < page.index("| worse |")
    assert "`tonfall evaluate better`" in page


def test_rows_say_when_they_were_made_and_by_what(plain):
    old = report_of(plain, right=0.5).model_copy(update={"tonfall": "0.1.0"})
    new = old.model_copy(update={"created": "2026-11-26T12:00:05Z"})
    page = leaderboard_page([old, new])
    assert "` (not recorded, Tonfall 0.1.0)" in page
    assert "` (2026-11-26, Tonfall 0.1.0)" in page


def test_published_figures_stand_below_their_protocol(plain):
    published = pd.DataFrame(
        [("loso/acted", "theirs", 61.25, "a paper"), ("loso/x", "none", 1.0, "elsewhere")],
        columns=["protocol", "model", "ua", "source"],
    )
    page = leaderboard_page([report_of(plain, right=0.5)], published=published)
    assert "| theirs | 61.2 | a paper |" in page
    assert "elsewhere" not in page


def test_published_figures_are_of_known_protocols():
    table = published_figures()
    assert set(table["protocol"].str.partition("/")[0]) == {"emobox", "loso"}
    assert table["ua"].between(20, 100).all()
    assert not table.duplicated(["protocol", "model"]).any()


def test_a_folder_without_reports_is_refused(tmp_path):
    with pytest.raises(ProtocolError, match=r"holds no report.json"):
        find_reports(tmp_path)


def named(report, name):
    return report.model_copy(
        update={"protocol": report.protocol.model_copy(update={"name": name, "hash": name})}
    )


def test_the_strictest_protocol_comes_first_and_shared_speakers_last(plain):
    report = report_of(plain, right=0.5)
    flawed = report.model_copy(update={"warnings": ["Speakers are shared."]})
    found = [
        named(flawed, "emobox/a"),
        named(report, "emobox/b"),
        named(flawed, "loco/c"),
        named(report, "loco/four"),
        named(report, "loso/d"),
    ]
    heads = re.findall(r"^## (\S+)", leaderboard_page(found), flags=re.MULTILINE)
    assert heads == ["loco/four", "loso/d", "emobox/b", "loco/c", "emobox/a"]


def test_a_flattered_row_stands_below_the_others(plain):
    good = report_of(plain, right=0.3, name="honest")
    flattered = report_of(plain, right=0.9, name="flattered")
    flattered = flattered.model_copy(update={"warnings": ["It was trained on these."]})
    page = leaderboard_page([flattered, good])
    assert page.index("| honest |") < page.index("| flattered (!) |")


def test_tables_of_figures_have_no_column_of_commands(plain):
    page = leaderboard_page([report_of(plain, right=0.5)])
    assert not any("tonfall evaluate" in row for row in page.splitlines() if row.startswith("|"))
    assert '??? note "Commands"\n    - mine: `tonfall evaluate' in page


def test_warnings_reach_the_leaderboard(plain):
    report = report_of(plain, right=0.5)
    flawed = report.model_copy(update={"warnings": ["Speakers are shared."]})
    page = leaderboard_page([flawed])
    assert "Speakers are shared." in page
    assert "| mine (!) |" in page
