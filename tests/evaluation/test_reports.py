"""Reports hold every figure, warn in red, and show it all on one page."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall.errors import ProtocolError
from tonfall.evaluation import metrics
from tonfall.evaluation.groups import age_band
from tonfall.evaluation.protocols import (
    Rules,
    Sources,
    all_tested,
    assemble,
    find_protocol,
    grouped_folds,
    leave_one_out,
)
from tonfall.evaluation.reports import (
    PICTURES,
    Report,
    in_words,
    make_report,
    read_report,
    report_page,
    save_report,
    slimmed,
    write_report,
)
from tonfall.evaluation.running import ModelFacts, Results, run
from tonfall.lab.functions import CallableModel
from tonfall.lab.predictions import read_predictions

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
LABELS = ("neutral", "calm", "sadness", "anger")


def guess(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Right about three times out of four, with confidence that means something."""
    rng = np.random.default_rng(len(test))
    names = test["item"].str.rpartition("-")[2].to_numpy(object)
    noise = rng.dirichlet(np.ones(4), len(test))
    scores = 0.5 * noise + 0.5 * (names[:, None] == np.array(LABELS, object)[None, :])
    return pd.DataFrame(scores, columns=list(LABELS)).assign(item=test["item"], arousal=noise[:, 0])


@pytest.fixture
def rich(items: pd.DataFrame) -> pd.DataFrame:
    votes = [{"anger": 2.0, "calm": 1.0} if n % 2 else None for n in range(len(items))]
    return items.assign(votes=votes, arousal=np.linspace(0, 1, len(items)))


@pytest.fixture
def results(rich: pd.DataFrame) -> Results:
    protocol = leave_one_out("loso/acted", rich, by="speaker")
    return run(protocol, rich, CallableModel(guess), ModelFacts("mine", "callable", "ab" * 32))


@pytest.fixture
def report(results: Results) -> Report:
    return make_report(results, command="tonfall evaluate mine:guess --protocol loso/acted")


def test_a_report_holds_the_figures_of_the_metrics(results, report):
    truth, prediction = results.truth, results.prediction
    expected = {
        "ua": metrics.unweighted_recall(truth, prediction),
        "accuracy": metrics.accuracy(truth, prediction),
        "f1_macro": metrics.f1(truth, prediction, average="macro"),
        "f1_weighted": metrics.f1(truth, prediction, average="weighted"),
        "calibration_error": metrics.expected_calibration_error(
            results.confidence, results.correct
        ),
        "brier": metrics.brier(truth, results.probabilities, labels=results.protocol.labels),
        "ccc_arousal": metrics.ccc(results.items["true_arousal"], results.dimensions["arousal"]),
    }
    for name, value in expected.items():
        assert report.figures[name].value == pytest.approx(value, abs=1e-9)
        assert report.figures[name].low <= value <= report.figures[name].high
    assert report.figures["jensen_shannon"].value > 0
    assert report.headline == "ua"


def test_a_report_holds_every_item_class_fold_and_group(results, report):
    assert len(report.items.item) == 96
    assert [entry.label for entry in report.classes] == list(LABELS)
    assert [entry.fold for entry in report.folds] == [f"s{n:02}" for n in range(6)]
    assert {name: len(found) for name, found in report.groups.items()} == {
        "sex": 2,
        "age": 1,
        "language": 1,
        "corpus": 1,
        "speaker": 6,
    }
    assert sum(map(sum, report.confusion)) == 96
    assert sum(entry.count for entry in report.reliability) == 96
    assert report.risk_coverage[-1].coverage == 1.0
    assert all(wrong.truth != wrong.prediction for wrong in report.mistakes)
    assert len(report.mistakes) == min(24, int((~results.correct).sum()))


def test_one_speaker_alone_has_no_interval(report):
    alone = report.groups["speaker"][0]
    assert alone.ua.value is not None
    assert (alone.ua.low, alone.ua.high) == (None, None)


@pytest.mark.parametrize(
    ("age", "band"),
    [(0.0, "under 20"), (19.9, "under 20"), (20.0, "20 to 29"), (90.0, "60 and over")],
)
def test_ages_fall_into_bands(age, band):
    assert age_band(age) == band
    assert age_band(math.nan) is None


def test_the_same_results_give_the_same_report(results, report):
    again = make_report(results, command=report.command)
    assert again.model_dump_json() == report.model_dump_json()


def test_a_report_says_when_and_by_what_it_was_made(results, report):
    noon = datetime(2026, 11, 26, 13, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    dated = make_report(results, command="", created=noon)
    assert dated.created == "2026-11-26T12:00:05Z"
    assert dated.tonfall == version("tonfall")
    assert slimmed(dated).created == dated.created
    assert "<td>Made</td><td><code>2026-11-26T12:00:05Z</code>" in made_at(dated)
    assert "<td>Made</td><td><code>not recorded</code>" in made_at(report)


def made_at(report: Report) -> str:
    """The page without the marks of numbers."""
    return report_page(report).replace(' class="number"', "")


def test_a_report_from_before_it_bore_a_date_is_read(report, tmp_path):
    old = json.loads(report.model_dump_json())
    del old["created"]
    (tmp_path / "report.json").write_text(json.dumps(old))
    assert read_report(tmp_path / "report.json") == report


def test_a_date_that_is_none_is_refused(report, tmp_path):
    content = json.loads(report.model_dump_json()) | {"created": "yesterday"}
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(ProtocolError, match="created does not fit a report"):
        read_report(tmp_path / "report.json")


def test_the_headline_of_several_corpora_is_the_mean_of_folds(two_corpora):
    protocol = find_protocol("loco/acted+calls", Sources(items=two_corpora))
    found = run(protocol, two_corpora, CallableModel(guess_three), ModelFacts("m", "callable"))
    report = make_report(found, command="")
    assert report.headline == "ua_folds"
    mean = np.mean([fold.ua.value for fold in report.folds])
    assert report.figures["ua_folds"].value == pytest.approx(mean)
    assert [group.name for group in report.groups["corpus"]] == ["acted", "calls"]


def guess_three(*parts: pd.DataFrame) -> pd.DataFrame:
    scores = guess(*parts)[["item", "neutral", "sadness", "anger"]].set_index("item") + 0.01
    return scores.div(scores.sum(axis=1), axis=0).reset_index()


def test_shared_speakers_are_a_warning(items):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": "train"})
    table.loc[::3, "part"] = "test"
    protocol = assemble("own", table, items, rules=Rules(allow_shared_speakers=True))
    found = run(
        protocol,
        items,
        CallableModel(guess),
        ModelFacts("m", "callable"),
        allow_shared_speakers=True,
    )
    report = make_report(found, command="")
    assert "6 of 6 test speakers of fold 1 were also heard in training" in report.warnings[0]
    assert 'class="warning" role="alert">Speakers are shared' in report_page(report)
    assert "WARNING: Speakers are shared" in in_words(report)


def test_unknown_speakers_are_a_warning(items):
    hidden = items.assign(speaker=None)
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": "train"})
    table.loc[::3, "part"] = "test"
    found = run(
        assemble("own", table, hidden), hidden, CallableModel(guess), ModelFacts("m", "callable")
    )
    assert "cannot be told" in make_report(found, command="").warnings[0]


def test_a_model_that_was_trained_on_the_tested_corpus_is_a_warning(items):
    facts = ModelFacts("m", "bundle", trained_on=("acted", "other"))
    found = run(all_tested("all/acted", items), items, CallableModel(guess), facts)
    assert "was trained on acted" in make_report(found, command="").warnings[0]


def test_confidence_that_was_chosen_on_the_tested_corpus_is_told(items):
    facts = ModelFacts("m", "bundle", calibrated_on=("acted", "other"))
    found = run(all_tested("all/acted", items), items, CallableModel(guess), facts)
    report = make_report(found, command="")
    assert "temperature and threshold were chosen on acted, which" in " ".join(report.notes)
    assert report.warnings == []


def test_shared_recordings_are_a_warning(items):
    copied = items.assign(hash=["same" if n < 40 else str(n) for n in range(len(items))])
    found = find_protocol(
        "loso/acted", Sources(items=copied, rules=Rules(allow_shared_speakers=True))
    )
    results = run(
        found,
        copied,
        CallableModel(guess),
        ModelFacts("m", "callable"),
        allow_shared_speakers=True,
    )
    report = make_report(results, command="")
    assert "1 of 1 test recordings of fold s00 are the same sound" in " ".join(report.warnings)


def test_test_items_without_a_speaker_are_a_warning(items):
    protocol = grouped_folds("g", items, folds=2)
    unnamed = items.assign(speaker=[None if n < 3 else s for n, s in enumerate(items["speaker"])])
    results = run(protocol, unnamed, CallableModel(guess), ModelFacts("m", "callable"))
    warned = " ".join(make_report(results, command="").warnings)
    assert f"3 of {len(items)} test items name no speaker" in warned


def test_shared_sentences_are_a_note_and_disjoint_speakers_no_warning(report):
    assert report.warnings == []
    assert any("4 of 4 test sentences" in note for note in report.notes)
    assert any("from 6 speakers" in note for note in report.notes)


def test_a_report_reads_back_as_written(report, tmp_path):
    write_report(report, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == report


def test_a_reports_json_fits_the_published_schema(report):
    schema = json.loads(SCHEMA.read_text())
    assert schema == Report.model_json_schema()
    jsonschema.validate(json.loads(report.model_dump_json()), schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no report"),
        ("[]", "has report schema None"),
        ('{"schema_version": 2}', "has report schema 2, but this Tonfall reads up to 1"),
        ('{"schema_version": 1}', "tonfall does not fit a report"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ProtocolError, match=message):
        read_report(tmp_path / "r.json")


def test_an_absent_report_is_refused(tmp_path):
    with pytest.raises(ProtocolError, match="no such report"):
        read_report(tmp_path / "r.json")


def test_saving_writes_report_page_predictions_and_pictures(results, report, tmp_path):
    save_report(report, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "report.json",
        "report.html",
        "predictions.csv",
        *(f"{name}.png" for name in PICTURES),
    }
    for name in PICTURES:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_written_predictions_can_be_measured_again(rich, results, report, tmp_path):
    save_report(report, tmp_path)
    model, facts = read_predictions(tmp_path / "predictions.csv", results.protocol)
    again = make_report(run(results.protocol, rich, model, facts), command="")
    assert again.figures["ua"] == report.figures["ua"]


class Page(HTMLParser):
    """Counts tags, and fails where one is not closed as it was opened."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.links: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing(report):
    html = report_page(report)
    page = Page(html)
    assert all(link.startswith("data:") for link in page.links)
    assert page.counts["img"] == 2
    assert page.counts["h1"] == 1
    assert report.protocol.hash in html
    assert report.data.hash in html
    assert report.command in html
    assert "$" not in re.sub(r"data:[^\"]*", "", html)


def test_the_page_plays_short_clips_of_the_worst_mistakes(items, tmp_path):
    tone = np.sin(np.arange(8000) / 20)
    soundfile.write(tmp_path / "clip.flac", tone, 16_000)
    soundfile.write(tmp_path / "long.wav", np.tile(tone, 40), 16_000)
    files = [str(tmp_path / ("clip.flac" if n % 3 else "long.wav")) for n in range(len(items))]
    rows = items.assign(file=files, start=0.0, end=None)
    found = run(
        all_tested("all/acted", rows), rows, CallableModel(wrong), ModelFacts("m", "callable")
    )
    report = make_report(found, command="")
    clips = sum(wrong.file.endswith("clip.flac") for wrong in report.mistakes)
    assert 0 < clips < len(report.mistakes)
    assert Page(report_page(report)).counts["audio"] == clips
    assert "<code>long.wav</code>" in report_page(report)
    assert "<audio" not in report_page(report, audio=False)


def test_a_clip_that_is_part_of_a_file_is_named_with_its_place(items):
    rows = items.assign(file="/calls/one.wav", start=1.5, end=4.0)
    found = run(
        all_tested("all/acted", rows), rows, CallableModel(wrong), ModelFacts("m", "callable")
    )
    html = report_page(make_report(found, command=""))
    assert "one.wav, 1.5 s to 4 s" in html
    assert "/calls/" not in html


def wrong(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"item": test["item"], "calm": 1.0})


def test_names_from_outside_are_escaped(items):
    rows = items.assign(item=[f"<script>{n}" for n in range(len(items))])
    facts = ModelFacts("<b>mine</b>", "callable")
    found = run(all_tested("all/acted", rows), rows, CallableModel(wrong), facts)
    html = report_page(make_report(found, command="<i>"))
    assert "<script>" not in html
    assert "&lt;b&gt;mine&lt;/b&gt;" in html


def test_many_groups_are_cut_to_the_worst(items):
    many = pd.concat(
        [items.assign(item=f"{n}-" + items["item"], speaker=f"v{n:02}") for n in range(45)],
        ignore_index=True,
    )
    found = run(
        all_tested("all/acted", many), many, CallableModel(guess), ModelFacts("m", "callable")
    )
    assert "The worst 40; 5 more are in the JSON." in report_page(make_report(found, command=""))


def test_a_report_of_one_item_is_made_all_the_same(items):
    one = items[:1].assign(sex=None, age=None, duration=None)
    found = run(all_tested("all/acted", one), one, CallableModel(only_anger), ModelFacts("m", "c"))
    report = make_report(found, command="")
    assert report.figures["ua"].value == 1.0
    assert report.data.hours is None
    assert set(report.groups) == {"language", "corpus", "speaker"}
    Page(report_page(report))
    in_words(report)


def only_anger(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"item": test["item"], "anger": 1.0})
