"""Nested selection: nothing of a corpus takes part in what is chosen for it."""

from __future__ import annotations

import pandas as pd
import pytest
from made_rows import corpus_rows

from tonfall.errors import ProtocolError
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.nested import Trial, check_corpora, choose, without_corpus
from tonfall.evaluation.nested_report import Setup, nested_report
from tonfall.evaluation.protocols import PARTS, TEST, Protocol, Sources, find_protocol
from tonfall.evaluation.running import ModelFacts

CORPORA = ("a", "b", "c", "d")
CLASSES = ("neutral", "anger", "sadness")


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    rows = [corpus_rows(name, speakers=4, labels=CLASSES) for name in CORPORA]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def protocol(items: pd.DataFrame) -> Protocol:
    return find_protocol(f"loco/{'+'.join(CORPORA)}", Sources(items=items))


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_part_holds_anything_of_the_corpus(protocol: Protocol, corpus: str) -> None:
    inner = without_corpus(protocol, corpus)
    assert set(inner.folds) == set(CORPORA) - {corpus}
    for fold in inner.folds:
        of = {part: {item.split("/")[0] for item in inner.items(fold, part)} for part in PARTS}
        assert of[TEST] == {fold}
        assert of["train"] | of["development"] == set(CORPORA) - {corpus, fold}
        assert inner.items(fold, TEST) == protocol.items(fold, TEST)


def test_a_pair_is_left_out_of_the_same_rows_either_way(protocol: Protocol) -> None:
    one, other = without_corpus(protocol, "a"), without_corpus(protocol, "c")
    for part in ("train", "development"):
        assert one.items("c", part) == other.items("a", part)


@pytest.mark.parametrize("name", ["loso/a", "loco/a+b"])
def test_folds_that_leave_no_corpora_are_refused(items: pd.DataFrame, name: str) -> None:
    found = find_protocol(name, Sources(items=items))
    with pytest.raises(ProtocolError, match="with three corpora or more"):
        check_corpora(name, found)


def judged(items: pd.DataFrame, right: dict[str, float]) -> pd.DataFrame:
    """Rows of these corpora, of each class the given share right and the rest called anger."""
    rows = protocol_items(items[items["corpus"].isin(list(right))], tuple(right))
    share = (rows.groupby(["corpus", "label"]).cumcount() + 0.5) / 16
    kept = share < rows["corpus"].map(right)
    return rows[["corpus", "speaker"]].assign(
        truth=rows["label"], prediction=rows["label"].where(kept, "anger")
    )


def trial(items: pd.DataFrame, plain: dict[str, float], inner: dict[str, float]) -> Trial:
    """Recalls of a corpus; inside, of a fit without one more."""
    others = {k: judged(items, {j: share for j, share in inner.items() if j != k}) for k in CORPORA}
    return Trial({"clip alone": judged(items, plain)}, others)


def test_a_corpus_takes_no_part_in_its_own_choice(items: pd.DataFrame) -> None:
    """One recipe is far better on one corpus, the other a little on the rest."""
    odd = trial(items, {"a": 1, "b": 0.5, "c": 0.5, "d": 0.5}, dict.fromkeys(CORPORA, 0.5))
    even = trial(items, dict.fromkeys(CORPORA, 0.625), dict.fromkeys(CORPORA, 0.625))
    odd.inner.update(  # type: ignore[attr-defined]
        {k: judged(items, {j: 1 if j == "a" else 0.5 for j in CORPORA if j != k}) for k in CORPORA}
    )
    chosen = {
        corpus: choice.recipe for corpus, choice in choose({"odd": odd, "even": even}).items()
    }
    assert chosen == {"a": "even", "b": "odd", "c": "odd", "d": "odd"}


def test_the_figure_is_that_of_what_was_chosen_without_the_corpus(items: pd.DataFrame) -> None:
    """Fits without two corpora choose; those without one are what is measured."""
    good = trial(items, {"a": 0.25, "b": 0.5, "c": 0.5, "d": 0.5}, dict.fromkeys(CORPORA, 0.9))
    bad = trial(items, dict.fromkeys(CORPORA, 1.0), dict.fromkeys(CORPORA, 0.2))
    facts = {name: ModelFacts(name, "recipe", "h") for name in ("bad", "good")}
    setup = Setup("tonfall evaluate", "loco/a+b+c+d", "0" * 64, 0, "clip alone", ("A remark.",))
    report = nested_report({"bad": bad, "good": good}, facts, setup)
    assert [choice.recipe for choice in report.choices.values()] == ["good"] * 4
    nested, plain = report.columns["nested"], report.columns["good"]
    assert [figure.interval for figure in nested] == [figure.interval for figure in plain]
    assert report.columns["bad"][0].interval.value == 100
    assert [figure.name for figure in nested][:2] == [
        "clip alone: UA, mean of corpora",
        "clip alone: UA, a",
    ]
    content = report.to_json()
    assert (content["schema"], content["schema_version"]) == ("tonfall-nested", 1)
    choices = content["choices"]
    assert isinstance(choices, dict)
    assert choices["a"]["recipe"] == "good"  # type: ignore[index, call-overload]
    assert "| a | good | " in report.text()
    assert "A remark." in report.text()
