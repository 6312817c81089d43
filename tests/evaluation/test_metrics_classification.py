"""Figures for categories agree with audmetric and scikit-learn, at the edges too."""

from __future__ import annotations

import warnings

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tonfall.errors import ProtocolError
from tonfall.evaluation.metrics import accuracy, confusion, f1, per_class, unweighted_recall

LABELS = ("anger", "happiness", "neutral", "sadness")


def drawn(seed: int, count: int, labels: tuple[str, ...] = LABELS) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    return rng.choice(labels, count).tolist(), rng.choice(labels, count).tolist()


CASES = {
    "random": drawn(0, 500),
    "few": drawn(1, 7),
    "one item": (["anger"], ["neutral"]),
    "one class in truth": (["anger"] * 5, ["anger", "neutral", "anger", "sadness", "anger"]),
    "constant prediction": (drawn(2, 50)[0], ["neutral"] * 50),
    "all right": (["anger", "neutral"], ["anger", "neutral"]),
    "all wrong": (["anger", "neutral"], ["neutral", "anger"]),
}


@pytest.fixture(params=CASES, name="pair")
def _pair(request: pytest.FixtureRequest) -> tuple[list[str], list[str]]:
    return CASES[request.param]


def test_unweighted_recall_is_balanced_accuracy_of_scikit_learn(pair):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label that is only ever predicted
        expected = sklearn_metrics.balanced_accuracy_score(*pair)
    assert unweighted_recall(*pair) == pytest.approx(expected, abs=1e-9)


def test_unweighted_recall_is_audmetrics_where_every_label_is_true_of_some_item():
    for seed in range(20):
        truth, prediction = drawn(seed, 200)
        expected = audmetric.unweighted_average_recall(truth, prediction)
        assert unweighted_recall(truth, prediction) == pytest.approx(expected, abs=1e-9)


def test_unweighted_recall_leaves_out_a_class_that_only_is_predicted():
    truth, prediction = ["anger", "anger"], ["anger", "neutral"]
    assert unweighted_recall(truth, prediction) == 0.5
    assert audmetric.unweighted_average_recall(truth, prediction) == 0.25


def test_accuracy_is_audmetrics(pair):
    assert accuracy(*pair) == pytest.approx(audmetric.accuracy(*pair), abs=1e-9)


def test_confusion_is_that_of_scikit_learn(pair):
    expected = sklearn_metrics.confusion_matrix(*pair, labels=list(LABELS))
    assert confusion(*pair, labels=LABELS).tolist() == expected.tolist()


def test_one_label_alone_has_a_confusion_matrix():
    assert confusion(["anger"], ["anger"], labels=["anger"]).tolist() == [[1]]


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_f1_is_that_of_scikit_learn(pair, average):
    expected = sklearn_metrics.f1_score(*pair, average=average, zero_division=0.0)
    assert f1(*pair, average=average) == pytest.approx(expected, abs=1e-9)


def test_macro_f1_is_audmetrics_fscore(pair):
    expected = audmetric.unweighted_average_fscore(*pair)
    assert f1(*pair, average="macro") == pytest.approx(expected, abs=1e-9)


def test_per_class_is_that_of_scikit_learn(pair):
    table = per_class(*pair, labels=LABELS)
    precision, recall, score, support = sklearn_metrics.precision_recall_fscore_support(
        *pair, labels=list(LABELS), zero_division=np.nan
    )
    np.testing.assert_allclose(table["precision"], precision, atol=1e-9)
    np.testing.assert_allclose(table["recall"], recall, atol=1e-9)
    np.testing.assert_allclose(table["f1"], score, atol=1e-9)
    assert table["support"].tolist() == support.tolist()


def test_a_known_confusion_matrix_has_known_figures():
    truth = ["anger"] * 4 + ["neutral"] * 2
    prediction = ["anger", "anger", "anger", "neutral", "neutral", "anger"]
    assert confusion(truth, prediction, labels=("anger", "neutral")).tolist() == [[3, 1], [1, 1]]
    assert unweighted_recall(truth, prediction) == 0.625
    assert accuracy(truth, prediction) == pytest.approx(4 / 6)


def test_without_items_every_figure_is_nan_and_the_matrix_is_zero():
    assert np.isnan(
        [accuracy([], []), unweighted_recall([], []), f1([], [], average="macro")]
    ).all()
    assert confusion([], [], labels=LABELS).sum() == 0
    assert per_class([], [], labels=LABELS)["recall"].isna().all()


def test_a_label_outside_the_space_is_named():
    with pytest.raises(ProtocolError, match="boredom is not in the label space anger"):
        confusion(["boredom"], ["anger"], labels=LABELS)


def test_unequal_lengths_are_refused():
    with pytest.raises(ProtocolError, match="2 true labels but 1 predicted"):
        accuracy(["anger", "anger"], ["anger"])


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1))
def test_order_of_items_changes_nothing(pairs):
    truth, prediction = zip(*pairs, strict=True)
    other_truth, other_prediction = zip(*sorted(pairs), strict=True)
    assert unweighted_recall(truth, prediction) == pytest.approx(
        unweighted_recall(other_truth, other_prediction), abs=1e-12
    )


@given(st.lists(st.sampled_from(LABELS), min_size=1))
def test_what_is_right_throughout_scores_one(truth):
    assert unweighted_recall(truth, truth) == accuracy(truth, truth) == 1.0
