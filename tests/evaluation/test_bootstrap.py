"""Intervals over speakers, fast; and comparisons of two models on the same items."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.evaluation import additive, metrics
from tonfall.evaluation.bootstrap import Resampling
from tonfall.evaluation.comparison import compare_figures, mcnemar

LABELS = ("anger", "happiness", "neutral", "sadness")


def labels(seed: int, count: int, right: float) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(LABELS, count)
    prediction = np.where(rng.random(count) < right, truth, rng.choice(LABELS, count))
    return truth.tolist(), prediction.tolist()


@given(st.integers(0, 1000), st.integers(1, 60))
def test_figures_of_sums_are_the_figures_of_items(seed, count):
    truth, prediction = labels(seed, count, 0.5)
    rng = np.random.default_rng(seed)
    sure, first, second = rng.random((3, count))
    right = np.array(truth) == np.array(prediction)
    pairs = [
        (additive.accuracy(truth, prediction), metrics.accuracy(truth, prediction)),
        (
            additive.unweighted_recall(truth, prediction, labels=LABELS),
            metrics.unweighted_recall(truth, prediction),
        ),
        (
            additive.f1(truth, prediction, labels=LABELS),
            metrics.f1(truth, prediction, average="macro"),
        ),
        (
            additive.calibration_error(sure, right),
            metrics.expected_calibration_error(sure, right),
        ),
        (
            additive.weighted_f1(truth, prediction, labels=LABELS),
            metrics.f1(truth, prediction, average="weighted"),
        ),
        (additive.concordance(first, second), metrics.ccc(first, second)),
        (additive.correlation(first, second), metrics.pearson(first, second)),
    ]
    for figure, expected in pairs:
        np.testing.assert_allclose(figure.point, expected, atol=1e-9)


def test_recall_of_one_class_and_mean_leave_out_what_is_unknown():
    table = metrics.per_class(*labels(3, 100, 0.5), labels=LABELS).set_index("label")
    figure = additive.recall(*labels(3, 100, 0.5), label="anger")
    assert figure.point == pytest.approx(table.loc["anger", "recall"])
    assert additive.mean([1.0, np.nan, 2.0]).point == 1.5
    assert np.isnan(additive.mean([np.nan]).point)


def test_dimensions_that_are_unknown_are_left_out_of_concordance():
    first, second = [0.1, np.nan, 0.5, 0.9], [0.2, 0.3, 0.5, 0.7]
    assert additive.concordance(first, second).point == pytest.approx(
        metrics.ccc([0.1, 0.5, 0.9], [0.2, 0.5, 0.7])
    )


def test_the_interval_of_a_mean_is_that_of_theory():
    rng = np.random.default_rng(0)
    values = rng.normal(5.0, 2.0, 400)
    found = Resampling(range(400), rng=rng, draws=4000).interval(additive.mean(values))
    error = 1.96 * values.std() / np.sqrt(400)
    # 4,000 draws know each bound to about 3 % of the half-width.
    assert found.low == pytest.approx(values.mean() - error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + error, abs=0.1 * error)


def test_speakers_not_items_are_drawn():
    # Ten speakers, each always right or always wrong: the figure rests on ten, not on a thousand.
    speakers = np.repeat(np.arange(10), 100)
    figure = additive.mean(speakers < 5)
    over_speakers = Resampling(speakers, rng=np.random.default_rng(0)).interval(figure)
    over_items = Resampling(range(1000), rng=np.random.default_rng(0)).interval(figure)
    width = over_items.high - over_items.low
    assert over_speakers.high - over_speakers.low > 5 * width


def test_an_unknown_speaker_is_one_of_its_own():
    resampling = Resampling([None, pd.NA, float("nan"), "a", "a"], rng=np.random.default_rng(0))
    assert resampling.units == 4


def test_the_same_name_in_two_corpora_is_two_speakers():
    speakers, corpora = ["01", "01", "02"], ["emodb", "ravdess", "ravdess"]
    resampling = Resampling(speakers, strata=corpora, rng=np.random.default_rng(0))
    assert resampling.units == 3


def test_every_draw_takes_as_many_speakers_of_a_stratum_as_it_has():
    corpora = ["emovo"] * 6 + ["ased"] * 60
    share = additive.mean([corpus == "emovo" for corpus in corpora])
    resampling = Resampling(range(66), strata=corpora, rng=np.random.default_rng(0))
    np.testing.assert_allclose(resampling.draws(share), 6 / 66)


def test_one_speaker_has_no_interval():
    found = Resampling(["a"] * 5, rng=np.random.default_rng(0)).interval(additive.mean(range(5)))
    assert found.value == 2.0
    assert np.isnan([found.low, found.high]).all()


def test_no_items_have_no_figure():
    found = Resampling([], rng=np.random.default_rng(0)).interval(additive.mean([]))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_the_mean_over_folds_counts_each_fold_alike():
    truth, prediction = labels(5, 300, 0.6)
    fold = np.array([0] * 250 + [1] * 50)
    figures = []
    for number in (0, 1):
        figure = additive.unweighted_recall(truth, prediction, labels=LABELS)
        figures.append(additive.Additive(figure.terms * (fold == number)[:, None], figure.value))
    expected = np.mean([figure.point for figure in figures])
    assert additive.fold_mean(figures).point == pytest.approx(expected)


def test_a_thousand_draws_on_ten_thousand_items_take_under_five_seconds_of_cpu():
    truth, prediction = labels(6, 10_000, 0.5)
    start = time.process_time()
    resampling = Resampling(range(10_000), rng=np.random.default_rng(0))
    resampling.interval(additive.unweighted_recall(truth, prediction, labels=LABELS))
    assert time.process_time() - start < 5.0


def test_the_better_model_is_found_better():
    truth, worse = labels(7, 2000, 0.4)
    rng = np.random.default_rng(7)
    better = np.where(rng.random(2000) < 0.5, truth, worse).tolist()
    found = compare_figures(
        additive.unweighted_recall(truth, worse, labels=LABELS),
        additive.unweighted_recall(truth, better, labels=LABELS),
        speakers=np.arange(2000) % 40,
        rng=rng,
    )
    assert found.difference.value == pytest.approx(found.second - found.first)
    assert found.difference.low > 0.15
    assert found.p < 0.01


def test_equal_models_do_not_differ():
    truth, prediction = labels(8, 400, 0.5)
    figure = additive.accuracy(truth, prediction)
    found = compare_figures(figure, figure, speakers=range(400), rng=np.random.default_rng(0))
    assert (found.difference.low, found.difference.high, found.p) == (0.0, 0.0, 1.0)


def test_chance_alone_gives_small_p_rarely():
    # Two models of the same skill: p below 5 % about one time in twenty, here of 100 trials.
    small = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        first, second = rng.random((2, 300)) < 0.6
        found = compare_figures(
            additive.mean(first), additive.mean(second), speakers=range(300), rng=rng, draws=200
        )
        small += found.p < 0.05
    assert small <= 12


def test_mcnemar_counts_only_items_that_differ():
    assert mcnemar([True, True, False], [True, True, False]) == 1.0
    assert mcnemar([], []) == 1.0
    # Ten items differ, nine of them one way: 2 * (1 + 10) / 1024.
    assert mcnemar([True] * 9 + [False], [False] * 9 + [True]) == pytest.approx(22 / 1024)


def test_one_speaker_a_corpus_gives_no_interval():
    """Every draw would be the same: an interval of no width says nothing."""
    resampling = Resampling(
        ["a", "a", "b", "b"], strata=["k", "k", "l", "l"], rng=np.random.default_rng(0)
    )
    found = resampling.interval(additive.mean([0.0, 1.0, 1.0, 1.0]))
    assert found.value == 0.75
    assert np.isnan([found.low, found.high]).all()
