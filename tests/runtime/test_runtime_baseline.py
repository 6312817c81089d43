"""The baseline: a shrunk mean, counted in seconds, that no one can keep."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.bundle import BaselineSpec, Gate
from tonfall.errors import BundleError
from tonfall.runtime import Baseline, gate_weight, prior_baseline

LABELS = ("neutral", "happiness", "anger")
GATE = Gate(held={"anger": 1.0, "happiness": 0.5}, floor=0.1)
SPEC = BaselineSpec(prior_mean=(1.0, -2.0), prior_weight_s=4, gate=GATE)


@pytest.fixture
def prior() -> Baseline:
    return prior_baseline(SPEC, "model")


def features(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def test_a_voice_of_which_nothing_was_heard_has_the_prior_mean(prior: Baseline) -> None:
    assert prior.mean.tolist() == [1.0, -2.0]
    assert prior.heard == 0


def test_the_prior_counts_like_its_seconds_of_speech(prior: Baseline) -> None:
    after = prior.updated(features(5, 2), seconds=4)
    assert after.mean.tolist() == [3.0, 0.0]
    assert after.heard == 4


def test_a_long_call_outweighs_the_prior(prior: Baseline) -> None:
    after = prior.updated(features(5, 2), seconds=4000)
    assert after.mean == pytest.approx([5, 2], abs=0.01)


def test_the_gate_weighs_speech_but_all_of_it_was_heard(prior: Baseline) -> None:
    half = prior.updated(features(5, 2), seconds=8, gate=0.5)
    assert half.mean.tolist() == prior.updated(features(5, 2), seconds=4).mean.tolist()
    assert half.heard == 8
    shut = prior.updated(features(5, 2), seconds=8, gate=0.0)
    assert shut.mean.tolist() == prior.mean.tolist()


def test_many_small_steps_are_one_large_step(prior: Baseline) -> None:
    steps = prior
    for _ in range(100):
        steps = steps.updated(features(5, 2), seconds=0.1)
    assert steps.mean == pytest.approx(prior.updated(features(5, 2), seconds=10).mean, rel=1e-6)


def test_a_baseline_is_not_changed_by_what_follows_it(prior: Baseline) -> None:
    prior.updated(features(5, 2), seconds=4)
    assert prior.mean.tolist() == [1.0, -2.0]
    with pytest.raises(FrozenInstanceError):
        prior.heard = 3.0  # type: ignore[misc]


@given(
    heard=st.lists(
        st.tuples(st.floats(-10, 10, width=32), st.floats(0.1, 3), st.floats(0, 1)), max_size=20
    ),
    random=st.randoms(use_true_random=False),
)
def test_the_mean_lies_among_what_was_heard_in_whatever_order(
    heard: list[tuple[float, float, float]], random: object
) -> None:
    def learnt(windows: list[tuple[float, float, float]]) -> Baseline:
        baseline = prior_baseline(SPEC, "model")
        for value, seconds, gate in windows:
            baseline = baseline.updated(features(value, 0), seconds=seconds, gate=gate)
        return baseline

    mean = learnt(heard).mean[0]
    values = [1.0, *(value for value, _, _ in heard)]
    assert min(values) - 1e-5 <= mean <= max(values) + 1e-5
    shuffled = list(heard)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    # Float64 sums in another order, then rounded to float32.
    assert learnt(shuffled).mean[0] == pytest.approx(mean, rel=1e-5, abs=1e-5)


def test_hours_of_one_vowel_stay_finite_and_small(prior: Baseline) -> None:
    baseline = prior
    for _ in range(10_000):
        baseline = baseline.updated(features(5, 2), seconds=1)
    assert baseline.mean == pytest.approx([5, 2], abs=0.01)
    assert baseline.total.shape == prior.total.shape
    assert baseline.heard == 10_000


def test_features_of_another_size_are_refused(prior: Baseline) -> None:
    with pytest.raises(BundleError, match=r"shape \(3,\), but this baseline has \(2,\)"):
        prior.updated(features(1, 2, 3), seconds=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(prior: Baseline, bad: float) -> None:
    with pytest.raises(BundleError, match="not finite; the baseline was left as it was"):
        prior.updated(features(1, bad), seconds=1)
    assert prior.mean.tolist() == [1.0, -2.0]


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_baseline_refuses_to_be_kept(prior: Baseline, keep: object) -> None:
    with pytest.raises(TypeError, match="a baseline is never stored"):
        keep(prior)  # type: ignore[operator]


def test_what_is_printed_or_logged_shows_no_features(prior: Baseline) -> None:
    after = prior.updated(features(5.5, 2.25), seconds=4)
    assert repr(after) == "Baseline(model_hash='model', heard=4.0)"


@pytest.mark.parametrize(
    ("probabilities", "weight"),
    [
        ((1.0, 0.0, 0.0), 1.0),
        ((0.0, 1.0, 0.0), 0.5),
        ((0.0, 0.0, 1.0), 0.1),  # the floor
        ((0.5, 0.2, 0.3), 0.6),
    ],
)
def test_the_gate_holds_back_what_is_clearly_emotional(
    probabilities: tuple[float, ...], weight: float
) -> None:
    assert gate_weight(GATE, LABELS, probabilities) == pytest.approx(weight)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 0))
def test_the_gate_lies_between_its_floor_and_one(shares: list[float]) -> None:
    probabilities = tuple(share / sum(shares) for share in shares)
    assert GATE.floor <= gate_weight(GATE, LABELS, probabilities) <= 1
