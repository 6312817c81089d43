"""A model is trained and judged fold by fold; what does not fit is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tonfall.emotion.maps import LabelMap
from tonfall.errors import ConfigError, ProtocolError
from tonfall.evaluation.protocols import (
    Rules,
    all_tested,
    assemble,
    grouped_folds,
    leave_one_out,
)
from tonfall.evaluation.running import HIDDEN, ModelFacts, run
from tonfall.lab.functions import CallableModel, load_callable
from tonfall.lab.predictions import onto_labels, read_predictions

FACTS = ModelFacts("test", "callable")
MERGED = Rules(label_map=LabelMap(merge={"calm": "neutral"}))


class Majority:
    """Always gives the shares of its training labels; remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = []

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        self.seen.append((train, development, test))
        shares = train["label"].value_counts(normalize=True)
        return pd.DataFrame({"item": test["item"], **shares.to_dict()})


def test_every_item_is_judged_once_by_a_model_that_never_heard_its_speaker(items):
    model = Majority()
    protocol = leave_one_out("loso/acted", items, by="speaker", rules=MERGED)
    results = run(protocol, items, model, FACTS)
    assert sorted(results.items["item"]) == sorted(items["item"])
    for train, development, test in model.seen:
        heard = {*train["speaker"], *development["speaker"]}
        assert heard.isdisjoint(test["speaker"])


def test_a_model_does_not_see_the_truth_of_test_items(items):
    model = Majority()
    run(grouped_folds("g", items, folds=2), items.assign(votes=None, arousal=0.5), model, FACTS)
    for train, _, test in model.seen:
        assert "label" in train
        assert not set(HIDDEN) & set(test.columns)


def test_labels_are_those_of_the_protocol(items):
    protocol = leave_one_out("loso/acted", items, by="speaker", rules=MERGED)
    results = run(protocol, items, Majority(), FACTS)
    assert set(results.truth) == {"neutral", "anger", "sadness"}
    assert set(results.prediction) == {"neutral"}
    assert results.confidence == pytest.approx(0.5)
    assert results.correct.mean() == 0.5


def test_items_of_two_corpora_are_told_apart(two_corpora):
    from tonfall.evaluation.protocols import Sources, find_protocol

    protocol = find_protocol("loco/acted+calls", Sources(items=two_corpora))
    results = run(protocol, two_corpora, Majority(), FACTS)
    assert results.items["item"].is_unique
    assert results.items["fold"].tolist() == results.items["corpus"].tolist()


def test_items_that_the_manifest_lacks_are_named(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    with pytest.raises(ProtocolError, match="1 of 96 items are not in the manifests, such as 's00"):
        run(protocol, items[1:], Majority(), FACTS)


def test_items_without_a_label_are_named(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    items.loc[0, "label"] = None
    with pytest.raises(ProtocolError, match="1 items have no label out of neutral, calm"):
        run(protocol, items, Majority(), FACTS)


def test_a_class_that_train_lacks_is_named(items):
    kept = items[(items["speaker"] == "s00") | (items["label"] != "calm")]
    protocol = leave_one_out("loso/acted", kept, by="speaker")
    with pytest.raises(ProtocolError, match="fold s00 tests calm, which its train part lacks"):
        run(protocol, kept, Majority(), FACTS)


def test_speakers_that_the_manifest_shows_to_be_shared_need_the_flag(items):
    # The protocol was made without speakers; the manifest knows them.
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": "train"})
    table.loc[::3, "part"] = "test"
    protocol = assemble("own", table, items.assign(speaker=None))
    with pytest.raises(ProtocolError, match="--allow-shared-speakers"):
        run(protocol, items, Majority(), FACTS)
    results = run(protocol, items, Majority(), FACTS, allow_shared_speakers=True)
    assert any(entry.kind == "speaker" and entry.shared == 6 for entry in results.shared)


def test_recordings_that_the_manifest_shows_to_be_shared_need_the_flag(items):
    # Published lists of folds have no hashes; the manifest knows them.
    protocol = leave_one_out("loso/acted", items, by="speaker")
    copied = items.assign(hash=["same" if n < 40 else str(n) for n in range(len(items))])
    with pytest.raises(ProtocolError, match=r"1 of 1 test recordings of fold s00 .*--allow-"):
        run(protocol, copied, Majority(), FACTS)
    results = run(protocol, copied, Majority(), FACTS, allow_shared_speakers=True)
    assert any(entry.kind == "recording" and entry.shared for entry in results.shared)


def test_folds_are_announced(items):
    seen: list[str] = []
    run(grouped_folds("g", items, folds=3), items, Majority(), FACTS, progress=seen.append)
    assert seen == ["1", "2", "3"]


def scores(items: pd.DataFrame, **changes: object) -> pd.DataFrame:
    even = dict.fromkeys(("anger", "calm", "neutral", "sadness"), 0.25)
    return pd.DataFrame({"item": items["item"], **even, **changes})


BAD_SCORES = {
    "1 items are not scored": lambda table: table[1:],
    "1 items are not test items, such as 'x'": lambda table: pd.concat(
        [table, table[:1].assign(item="x")]
    ),
    "1 items are scored more than once": lambda table: pd.concat([table, table[:1]]),
    "no column 'item'": lambda table: table.drop(columns="item"),
    "scores has the unknown column 'angry', expected item, neutral": lambda table: table.assign(
        angry=0.0
    ),
    "scores has more than one column 'anger'": lambda table: pd.concat(
        [table, table[["anger"]]], axis=1
    ),
    "no column for any of neutral, calm": lambda table: table[["item"]],
    "96 items are negative, not finite or do not sum to 1": lambda table: table.assign(anger=0.5),
    "1 items are negative": lambda table: table.assign(
        anger=[np.nan, *table["anger"][1:]],
    ),
}


@pytest.mark.parametrize("message", BAD_SCORES)
def test_scores_that_do_not_fit_are_refused(items, message):
    broken = BAD_SCORES[message]
    model = CallableModel(lambda train, development, test: broken(scores(items)))
    with pytest.raises(ProtocolError, match=message):
        run(all_tested("all/acted", items), items, model, FACTS)


def test_a_callable_must_give_a_table(items):
    model = CallableModel(lambda train, development, test: [0.5])
    with pytest.raises(ProtocolError, match="The callable gave list"):
        run(all_tested("all/acted", items), items, model, FACTS)


def test_a_table_of_predictions_is_measured_like_a_model(items, tmp_path):
    protocol = grouped_folds("grouped/acted/3", items, folds=3)
    scores(items, calm=0.1, anger=0.4, arousal=0.5).to_csv(tmp_path / "mine.csv", index=False)
    model, facts = read_predictions(tmp_path / "mine.csv", protocol)
    results = run(protocol, items, model, facts)
    assert set(results.prediction) == {"anger"}
    assert results.dimensions["arousal"].tolist() == [0.5] * 96
    assert (facts.name, facts.kind, len(facts.hash)) == ("mine", "predictions", 64)


def test_decisions_alone_are_enough(items, tmp_path):
    protocol = grouped_folds("grouped/acted/3", items, folds=3)
    items[["item", "label"]].to_csv(tmp_path / "mine.csv", index=False)
    model, facts = read_predictions(tmp_path / "mine.csv", protocol)
    assert run(protocol, items, model, facts).correct.all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table.rename(columns={"anger": "angry"}),
            "has the unknown column 'angry', expected",
        ),
        (lambda table: table.assign(boredom=0.0), "has the unknown column 'boredom', expected"),
        (lambda table: table[1:], "1 items are not scored"),
        (lambda table: table[["item"]].assign(label="boredom"), "has the label 'boredom'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(items, tmp_path, change, message):
    change(scores(items)).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(ProtocolError, match=message):
        read_predictions(tmp_path / "mine.csv", all_tested("all/acted", items))


def test_an_absent_or_empty_table_is_refused(items, tmp_path):
    protocol = all_tested("all/acted", items)
    with pytest.raises(ProtocolError, match="no such table"):
        read_predictions(tmp_path / "none.csv", protocol)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ProtocolError, match="is no table of predictions"):
        read_predictions(tmp_path / "empty.csv", protocol)


def test_a_function_is_loaded_by_name(items, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(
        "def judge(train, development, test):\n    return test[['item']].assign(anger=1.0)\n"
    )
    model, facts = load_callable("my_model:judge")
    results = run(all_tested("all/acted", items), items, model, facts)
    assert set(results.prediction) == {"anger"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [("no_such_module:f", "cannot be imported"), ("json:nothing", "has no function 'nothing'")],
)
def test_a_name_that_is_no_function_is_refused(reference, message):
    with pytest.raises(ConfigError, match=message):
        load_callable(reference)


def test_a_models_own_labels_are_brought_onto_the_protocols(items):
    protocol = all_tested("all/acted", items, rules=MERGED)
    given = pd.DataFrame(
        {
            "item": ["a", "b"],
            "calm": [0.2, 0.0],
            "neutral": [0.2, 0.0],
            "anger": [0.1, 0.0],
            "boredom": [0.5, 1.0],
            "arousal": [0.3, 0.6],
        }
    )
    table = onto_labels(given, protocol)
    assert table[["neutral", "sadness", "anger"]].iloc[0].tolist() == pytest.approx([0.8, 0, 0.2])
    assert table[["neutral", "sadness", "anger"]].iloc[1].tolist() == pytest.approx([1 / 3] * 3)
    assert table["arousal"].tolist() == [0.3, 0.6]


@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0, -0.1])
def test_dimensions_outside_their_range_are_refused(items, value):
    """A NaN would be left out of the agreement: a model could skip what it finds hard."""

    def judge(_train, _development, test):
        scores = pd.DataFrame({"item": test["item"], "neutral": 1.0, "arousal": 0.5})
        scores.loc[0, "arousal"] = value
        return scores

    with pytest.raises(ProtocolError, match=r"has arousal .*, but predicted dimensions lie in"):
        run(grouped_folds("g", items, folds=2), items, CallableModel(judge), FACTS)


def test_text_among_the_scores_is_refused(items):
    def judge(_train, _development, test):
        return pd.DataFrame({"item": test["item"], "neutral": "surely"})

    with pytest.raises(ProtocolError, match="the scores hold what is no number"):
        run(grouped_folds("g", items, folds=2), items, CallableModel(judge), FACTS)


def test_a_callable_that_fails_is_told_in_one_sentence(items):
    def judge(_train, _development, _test):
        raise KeyError("valence")

    with pytest.raises(ProtocolError, match=r"The callable failed \(KeyError: 'valence'\)"):
        run(grouped_folds("g", items, folds=2), items, CallableModel(judge), FACTS)


def test_a_module_that_fails_on_import_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "breaks_on_import.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_callable("breaks_on_import:judge")


def test_a_function_without_source_can_be_named():
    assert load_callable("math:sqrt")[1].kind == "callable"


def test_decisions_and_probabilities_together_are_refused(items, tmp_path):
    protocol = grouped_folds("g", items, folds=2)
    path = tmp_path / "both.csv"
    table = pd.DataFrame({"item": items["item"], "label": "neutral", protocol.labels[0]: 1.0})
    table.to_csv(path, index=False)
    with pytest.raises(ProtocolError, match="not both"):
        read_predictions(path, protocol)
