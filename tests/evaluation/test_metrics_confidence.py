"""Calibration, risk against coverage, soft labels, alarms and timelines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from tonfall.errors import ProtocolError
from tonfall.evaluation.metrics import (
    brier,
    emotion_diarization_error,
    expected_calibration_error,
    jensen_shannon,
    recall_at_false_alarms,
    reliability,
    risk_coverage,
    risk_coverage_area,
)

LABELS = ("anger", "neutral", "sadness")
SURE_AND_RIGHT = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)


def test_reliability_bins_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    confidence = rng.random(2000)
    correct = rng.random(2000) < confidence
    share, mean = calibration_curve(correct, confidence, n_bins=15)
    table = reliability(confidence, correct, bins=15)
    np.testing.assert_allclose(table["accuracy"], share, atol=1e-9)
    np.testing.assert_allclose(table["confidence"], mean, atol=1e-9)
    assert table["count"].sum() == 2000


def test_the_edges_of_the_bins_belong_to_the_lower_one():
    table = reliability([0.0, 0.5, 1.0], [True, True, True], bins=2)
    assert table["count"].tolist() == [2, 1]


def test_calibration_error_of_known_bins():
    # Two bins: nine of ten right at .9 (gap 0), none of ten right at .4 (gap .4), alike in size.
    confidence, correct = [0.9] * 10 + [0.4] * 10, [True] * 9 + [False] * 11
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.2)


def test_calibration_error_at_the_edge():
    assert np.isnan(expected_calibration_error([], []))
    assert expected_calibration_error([1.0], [True]) == 0.0
    assert expected_calibration_error([1.0], [False]) == 1.0


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_confidence_that_is_no_probability_is_refused(value):
    with pytest.raises(ProtocolError, match=r"one number in \[0, 1\]"):
        reliability([value], [True])


def test_brier_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 300)
    truth = rng.choice(LABELS, 300)
    expected = brier_score_loss(truth, probabilities, labels=list(LABELS), scale_by_half=False)
    assert brier(truth.tolist(), probabilities, labels=LABELS) == pytest.approx(expected, abs=1e-9)


def test_brier_at_the_edge():
    assert brier(["anger"], [[1, 0, 0]], labels=LABELS) == 0.0
    assert brier(["anger"], [[0, 0, 1]], labels=LABELS) == 2.0
    assert np.isnan(brier([], np.zeros((0, 3)), labels=LABELS))


def test_risk_coverage_takes_equal_confidence_together():
    table = risk_coverage([0.9, 0.5, 0.5, 0.1], [True, True, False, False])
    assert table["threshold"].tolist() == [0.9, 0.5, 0.1]
    assert table["coverage"].tolist() == [0.25, 0.75, 1.0]
    np.testing.assert_allclose(table["risk"], [0.0, 1 / 3, 0.5])


def test_area_under_risk_coverage_is_the_mean_risk_of_every_prefix():
    correct = [True, True, False, True]
    expected = np.mean([0, 0, 1 / 3, 1 / 4])
    assert risk_coverage_area([0.9, 0.8, 0.7, 0.6], correct) == pytest.approx(expected)


def test_area_is_the_error_rate_where_all_are_equally_sure():
    assert risk_coverage_area([0.5] * 4, [True, False, True, True]) == pytest.approx(0.25)
    assert np.isnan(risk_coverage_area([], []))
    assert risk_coverage([], []).empty


@given(SURE_AND_RIGHT)
def test_area_does_not_depend_on_the_order_of_items(pairs):
    area = risk_coverage_area(*zip(*pairs, strict=True))
    assert area == pytest.approx(risk_coverage_area(*zip(*pairs[::-1], strict=True)), abs=1e-9)
    assert 0.0 <= area <= 1.0


def test_jensen_shannon_is_the_square_of_scipys_distance():
    rng = np.random.default_rng(2)
    votes, probabilities = rng.integers(1, 6, (50, 4)), rng.dirichlet(np.ones(4), 50)
    expected = [jensenshannon(a, b, base=2) ** 2 for a, b in zip(votes, probabilities, strict=True)]
    np.testing.assert_allclose(jensen_shannon(votes, probabilities), expected, atol=1e-9)


def test_jensen_shannon_at_the_edge():
    votes, probabilities = [[2, 0], [1, 0], [0, 0]], [[1, 0], [0, 1], [0.5, 0.5]]
    np.testing.assert_allclose(jensen_shannon(votes, probabilities), [0.0, 1.0, np.nan], atol=1e-9)
    assert jensen_shannon(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
    with pytest.raises(ProtocolError, match="hold no negative number"):
        jensen_shannon([[-1, 2]], [[0.5, 0.5]])


def test_recall_at_false_alarms_of_a_known_ranking():
    truth = ["anger", "neutral", "anger", "neutral", "anger"]
    score, duration = [0.9, 0.8, 0.7, 0.2, 0.1], [60.0, 1800.0, 60.0, 1800.0, 60.0]
    table = recall_at_false_alarms(truth, score, duration, per_hour=[0, 1, 2])
    np.testing.assert_allclose(table["recall"], [1 / 3, 2 / 3, 1.0])
    np.testing.assert_allclose(table["false_alarms_per_hour"], [0.0, 1.0, 2.0])
    np.testing.assert_allclose(table["threshold"], [0.9, 0.7, 0.1])


def test_equal_scores_are_alarms_together():
    table = recall_at_false_alarms(["anger", "neutral"], [0.5, 0.5], [3600, 3600], per_hour=[0.5])
    assert table["recall"].tolist() == [0.0]
    assert np.isinf(table["threshold"]).all()


@pytest.mark.parametrize("truth", [["anger", "anger"], ["neutral", "neutral"], []])
def test_recall_at_false_alarms_needs_both_kinds(truth):
    table = recall_at_false_alarms(truth, [0.5] * len(truth), [1.0] * len(truth))
    assert table["recall"].isna().all()


def segments(*rows: tuple[float, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["start", "end", "label"])


def test_diarization_error_counts_missed_false_and_confused_time():
    truth = segments((0, 4, "anger"), (4, 6, "neutral"), (6, 8, "happiness"))
    prediction = segments((1, 3, "anger"), (3, 5, "sadness"), (6, 8, "happiness"))
    found = emotion_diarization_error(truth, prediction, duration=10.0)
    assert found == pytest.approx(
        {"missed": 1.0, "false_alarm": 1.0, "confusion": 1.0, "eder": 0.3}
    )


def test_diarization_error_matches_the_published_example():
    # Frames of .2 s over 1.22 s: neutral, neutral, neutral, angry, angry, angry; truth angry from
    # .39 to 1.10 s. The paper's scorer gives .27049, counting .02 s that no frame covers as wrong.
    truth, prediction = segments((0.39, 1.10, "anger")), segments((0.6, 1.2, "anger"))
    found = emotion_diarization_error(truth, prediction, duration=1.22)
    assert found["eder"] == pytest.approx(0.2704918032786885 - 0.02 / 1.22)


def test_an_emotion_on_top_of_the_right_one_is_an_error():
    truth = segments((0, 2, "anger"))
    prediction = segments((0, 2, "anger"), (0, 1, "sadness"))
    assert emotion_diarization_error(truth, prediction, duration=4.0)["eder"] == 0.25


def test_what_is_unclear_is_no_emotion():
    truth = segments((0, 2, "anger"), (2, 4, "neutral"))
    prediction = segments((0, 2, "unclear"), (2, 4, "unclear"))
    found = emotion_diarization_error(truth, prediction, duration=4.0)
    assert (found["missed"], found["false_alarm"], found["confusion"]) == (2.0, 0.0, 0.0)


def test_silence_against_silence_is_no_error():
    assert emotion_diarization_error(segments(), segments(), duration=3.0)["eder"] == 0.0


def test_a_recording_without_length_is_refused():
    with pytest.raises(ProtocolError, match="duration is 0 s"):
        emotion_diarization_error(segments(), segments(), duration=0)
