"""Composed calls: what each kind is made of, that they are pinned, and what is said of them."""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tonfall.errors import ProtocolError
from tonfall.evaluation.calls import (
    KINDS,
    PINS,
    by_call,
    calls_hash,
    check_calls_pin,
    compose_calls,
)
from tonfall.evaluation.calls_figures import HEARD, CallFigure, call_figures
from tonfall.evaluation.calls_report import CallsReport, calls_report
from tonfall.evaluation.running import ModelFacts

LABELS = ("neutral", "happiness", "sadness", "anger")
FACTS = ModelFacts("made", "bundle", "abc", trained_on=("one",))


def clips(*, corpora: int = 1, speakers: int = 3, each: int = 30) -> pd.DataFrame:
    """``each`` clips of every label and speaker."""
    rows = [
        {"item": f"c{corpus}/s{speaker}-{label}-{n}", "corpus": f"c{corpus}"}
        | {"speaker": f"s{speaker}", "label": label}
        for corpus in range(corpora)
        for speaker in range(speakers)
        for label in LABELS
        for n in range(each)
    ]
    return pd.DataFrame(rows)


def labels_of(calls: pd.DataFrame, kind: str) -> list[list[str]]:
    """The labels of each call of a kind, in order."""
    own = calls[calls["kind"] == kind]
    return [[item.split("-")[1] for item in items] for _, items in by_call(own)]


def judged(calls: pd.DataFrame, *, right: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Calls judged right in that share of clips, and as neutral or anger else; 3 s each."""
    rng = np.random.default_rng(seed)
    truth = calls["item"].str.split("-").str[1].to_numpy()
    wrong = np.where(truth == "anger", "neutral", "anger")
    prediction = np.where(rng.random(len(truth)) < right, truth, wrong)
    return calls.assign(
        truth=truth,
        prediction=prediction,
        anger=np.where(prediction == "anger", 0.9, 0.1),
        seconds=3.0,
        heard=3.0 * calls["position"],
    )


def named(figures: list[CallFigure]) -> dict[str, CallFigure]:
    return {figure.name: figure for figure in figures}


@pytest.mark.parametrize(("kind", "neutral"), [("mostly_neutral", 0.7), ("mixed", 0.25)])
def test_blends_have_their_share_of_neutral_clips(kind: str, neutral: float) -> None:
    for labels in labels_of(compose_calls(clips()), kind):
        assert len(labels) == 24
        assert labels.count("neutral") == round(24 * neutral)


def test_angry_from_the_start_is_nothing_else() -> None:
    for labels in labels_of(compose_calls(clips()), "angry_start"):
        assert labels == ["anger"] * 16


def test_turns_angry_turns_once() -> None:
    for labels in labels_of(compose_calls(clips()), "turns_angry"):
        assert labels == ["neutral"] * 12 + ["anger"] * 8


def test_neutral_only_is_neutral_only() -> None:
    for labels in labels_of(compose_calls(clips()), "neutral_only"):
        assert labels == ["neutral"] * 24


def test_no_clip_is_twice_in_a_call_and_all_are_of_its_speaker() -> None:
    calls = compose_calls(clips())
    assert set(calls["kind"]) == set(KINDS)
    for name, items in by_call(calls):
        assert len(set(items)) == len(items)
        assert all(item.split("/")[1].split("-")[0] == name.split("/")[1] for item in items)


def test_the_same_seed_gives_the_same_calls_whatever_the_order_of_clips() -> None:
    shuffled = clips().sample(frac=1, random_state=1)
    assert calls_hash(compose_calls(clips())) == calls_hash(compose_calls(shuffled))
    assert calls_hash(compose_calls(clips())) != calls_hash(compose_calls(clips(), seed=1))


def test_another_corpus_beside_it_does_not_change_a_corpus_calls() -> None:
    alone, beside = compose_calls(clips()), compose_calls(clips(corpora=2))
    assert calls_hash(alone) == calls_hash(beside[beside["corpus"] == "c0"])


def test_a_speaker_with_few_clips_is_left_out_of_a_kind() -> None:
    few = clips(speakers=1, each=3)
    few = pd.concat([few, clips(speakers=1)[lambda rows: rows["label"] == "neutral"]])
    kinds = set(compose_calls(few.drop_duplicates("item"))["kind"])
    assert "angry_start" not in kinds
    assert "neutral_only" in kinds


def test_without_any_call_there_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="no call can be composed; take a corpus"):
        compose_calls(clips(each=1))


def test_calls_of_an_incomplete_release_are_refused() -> None:
    calls = compose_calls(clips().assign(corpus="emodb"))
    with pytest.raises(ProtocolError, match=f"complete release gives {PINS['emodb']}"):
        check_calls_pin(calls, seed=0, draws=3)
    check_calls_pin(calls, seed=1, draws=3)
    check_calls_pin(compose_calls(clips()), seed=0, draws=3)


def test_a_perfect_model_finds_everything_without_false_alarms() -> None:
    figures = named(call_figures(judged(compose_calls(clips()))))
    assert figures["mixed, UA"].interval.value == 100
    assert figures["angry from the start: found"].interval.value == 100
    assert figures["neutral only: false alarms"].interval.value == 0
    assert figures["anger found at 20 false alarms an hour"].interval.value == 100


def test_a_model_that_is_always_wrong_finds_nothing() -> None:
    figures = named(call_figures(judged(compose_calls(clips()), right=0)))
    assert figures["mixed, UA"].interval.value == 0
    assert figures["turns angry: found"].interval.value == 0
    # Clips of 3 s: 1200 an hour, each a false alarm.
    assert figures["neutral only: false alarms"].interval.value == pytest.approx(1200)
    assert figures["neutral only: called angry"].interval.value == 100
    assert figures["anger found at 200 false alarms an hour"].interval.value == 0


def test_one_threshold_serves_all_corpora() -> None:
    """A corpus whose every score lies higher pays for it with false alarms, as in a call centre."""
    table = judged(compose_calls(clips(corpora=2)))
    alike = named(call_figures(table))["anger found at 200 false alarms an hour"]
    loud = table["corpus"] == "c1"
    table.loc[loud, "anger"] += np.where(table.loc[loud, "truth"] == "anger", 0.05, 0.82)
    figure = named(call_figures(table))["anger found at 200 false alarms an hour"]
    assert alike.corpora == {"c0": 100, "c1": 100}
    # Its neutral clips (.92) stand above the other's anger (.90): only its own (.95) is found.
    assert figure.corpora == {"c0": 0, "c1": 100}


def test_corpora_weigh_alike_and_are_told_one_by_one() -> None:
    calls = compose_calls(clips(corpora=2))
    table = judged(calls)
    bad = table["corpus"] == "c1"
    table.loc[bad, "prediction"] = "sadness"
    figure = named(call_figures(table))["angry from the start: found"]
    assert figure.interval.value == 50
    assert figure.corpora == {"c0": 100, "c1": 0}


def test_bounds_hold_the_figure_and_speakers_that_differ_widen_them() -> None:
    table = judged(compose_calls(clips(speakers=8)), right=0.7)
    own = table["speaker"].isin(["s0", "s1", "s2"])
    table.loc[own, "prediction"] = "neutral"
    figure = named(call_figures(table))["turns angry: found"].interval
    same = named(call_figures(judged(compose_calls(clips(speakers=8)), right=0.7)))
    assert figure.low < figure.value < figure.high
    narrow = same["turns angry: found"].interval
    assert figure.high - figure.low > 2 * (narrow.high - narrow.low)


def test_one_speaker_gives_a_figure_without_an_interval() -> None:
    calls = compose_calls(clips(speakers=1))
    alone = calls_report(
        {"baseline on": judged(calls, right=0.7)},
        model=FACTS,
        labels=LABELS,
        seed=0,
        draws=3,
        left_out=False,
    )
    figures = {each["name"]: each for each in alone.to_json()["ways"]["baseline on"]}
    mixed = figures["mixed, UA"]
    assert 0 < mixed["value"] < 100
    assert mixed["low"] is mixed["high"] is None
    assert f"| mixed, UA | {mixed['value']:.1f} [-] |" in alone.table()


def test_a_corpus_of_one_speaker_beside_another_leaves_the_interval() -> None:
    calls = compose_calls(clips(corpora=2))
    kept = calls[(calls["corpus"] == "c0") | (calls["speaker"] == "s0")]
    figure = named(call_figures(judged(kept, right=0.7)))["mixed, UA"].interval
    assert figure.low < figure.value < figure.high


def test_every_clip_of_a_call_is_in_one_class_of_seconds_heard() -> None:
    edges = [*HEARD.values()]
    assert all(one[1] == other[0] for one, other in pairwise(edges))
    assert edges[0][0] < 0
    assert edges[-1][1] == np.inf


def test_a_kind_that_no_speaker_had_clips_for_has_no_figure() -> None:
    calls = compose_calls(clips())
    table = judged(calls[calls["kind"] != "angry_start"])
    figure = named(call_figures(table))["angry from the start: found"]
    assert np.isnan(figure.interval.value)
    assert figure.corpora == {}


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ProtocolError, match="no column 'anger'"):
        call_figures(judged(compose_calls(clips())).drop(columns="anger"))


@pytest.fixture
def report() -> CallsReport:
    calls = compose_calls(clips().assign(corpus="one"))
    return calls_report(
        {"baseline off": judged(calls, right=0.6), "baseline on": judged(calls, right=0.9)},
        model=FACTS,
        labels=LABELS,
        seed=0,
        draws=3,
        left_out=False,
        degradation="telephone",
    )


def test_the_report_is_json_that_pins_its_calls(report: CallsReport) -> None:
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["protocol"]["hash"] == report.hash
    assert content["protocol"]["degradation"] == "telephone"
    assert content["tonfall"] == version("tonfall")
    assert set(content["ways"]) == {"baseline off", "baseline on"}
    groups = {figure["group"] for figure in content["ways"]["baseline on"]}
    assert groups == {"kinds", "heard", "alarms"}


def test_the_table_has_a_row_a_figure_and_a_column_a_way(report: CallsReport) -> None:
    head, line, *rows = report.table().splitlines()
    assert head == "| per cent | baseline off | baseline on |"
    assert line == "|---|---|---|"
    assert len(rows) == len(report.ways["baseline on"])
    assert all(row.count("|") == 4 for row in rows)


def test_what_the_model_had_heard_before_is_said(report: CallsReport) -> None:
    assert report.heard_before == ("one",)
    assert "has learnt from one" in report.text()
    assert "through telephone" in report.text()
