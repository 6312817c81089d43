"""Anger found by a budget of false alarms whose threshold other corpora gave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tonfall.evaluation.calls_figures import NESTED_ALARMS, CallFigure, call_figures


def judged(corpus: str, *, lift: float = 0.0, speakers: int = 4) -> pd.DataFrame:
    """Calls of neutral clips of 3 s with scores from 0 to 1, and some angry ones; lifted."""
    rows = []
    for speaker in range(speakers):
        for kind, truth, count in (
            ("neutral_only", "neutral", 300),
            ("turns_angry", "anger", 50),
        ):
            for place in range(count):
                score = (place + 0.5) / count + lift + 0.0001 * speaker
                rows.append((kind, corpus, f"s{speaker}", place, truth, score))
    table = pd.DataFrame(rows, columns=["kind", "corpus", "speaker", "position", "truth", "anger"])
    return table.assign(item=table.index.astype(str), prediction=table["truth"], heard=0.0).assign(
        seconds=3.0, call=table["corpus"] + table["speaker"] + table["kind"]
    )


def named(table: pd.DataFrame) -> dict[str, CallFigure]:
    return {figure.name: figure for figure in call_figures(table, draws=50)}


def test_alike_corpora_keep_to_the_budget() -> None:
    figures = named(pd.concat([judged("a"), judged("b")]))
    for rate in NESTED_ALARMS:
        name = f"budget of {rate:g} an hour, nested"
        alarms = figures[f"{name}: false alarms"]
        # An hour of speech a corpus, so alarms come one at a time.
        assert alarms.interval.value == pytest.approx(rate, abs=1.01)
        assert alarms.unit == "an hour"
    assert figures["budget of 50 an hour, nested: anger found"].interval.value > 0


def test_a_corpus_whose_scores_lie_higher_pays_with_real_alarms() -> None:
    """Its own threshold would have kept to the budget; that of the others does not."""
    figures = named(pd.concat([judged("calm"), judged("loud", lift=0.1)]))
    alarms = figures["budget of 20 an hour, nested: false alarms"].corpora
    found = figures["budget of 20 an hour, nested: anger found"].corpora
    assert alarms["loud"] == pytest.approx(120 + 20, abs=2)
    assert alarms["calm"] == 0
    assert found["loud"] > 10
    assert found["calm"] == 0


def test_what_a_corpus_scores_has_no_part_in_its_threshold() -> None:
    rng = np.random.default_rng(0)
    first = pd.concat([judged("a"), judged("b")])
    shuffled = first.assign(
        anger=np.where(first["corpus"] == "b", rng.permutation(first["anger"]), first["anger"])
    )
    name = "budget of 50 an hour, nested: anger found"
    assert named(first)[name].corpora["b"] == pytest.approx(100 * 50 / 1200, abs=2)
    calm = (shuffled["corpus"] == "a") & (shuffled["truth"] != "anger")
    threshold = shuffled.loc[calm, "anger"].nlargest(50).min()
    own = shuffled[(shuffled["corpus"] == "b") & (shuffled["truth"] == "anger")]
    expected = 100 * (own["anger"] >= threshold).mean()
    assert named(shuffled)[name].corpora["b"] == pytest.approx(expected, abs=0.01)


def test_one_corpus_has_no_other_to_choose_by() -> None:
    assert not [name for name in named(judged("a")) if name.startswith("budget")]
