"""The baseline: shrunk to its prior, gated, counted in seconds, never kept."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tonfall.bundle import BaselineSpec, Gate
from tonfall.errors import AudioError, BundleError
from tonfall.runtime import Predictor, gate_weight, prior_baseline

SPEC = BaselineSpec(
    prior_mean=(1.0, 2.0),
    prior_weight_s=4,
    gate=Gate(held={"anger": 1.0, "happiness": 0.5}, floor=0.05),
)


def test_nothing_heard_is_the_prior() -> None:
    baseline = prior_baseline(SPEC, "hash")
    assert baseline.heard == 0
    np.testing.assert_array_equal(baseline.mean, np.array([1, 2], np.float32))


def test_the_mean_moves_by_seconds_times_gate() -> None:
    pooled = np.array([3, 6], np.float32)
    baseline = prior_baseline(SPEC, "hash").updated(pooled, seconds=2, gate=0.5)
    np.testing.assert_allclose(baseline.mean, (4 * np.array([1, 2]) + pooled) / 5, rtol=1e-6)
    assert baseline.heard == 2


def test_many_small_steps_are_one_large_step() -> None:
    pooled = np.array([3, 6], np.float32)
    steps = prior_baseline(SPEC, "hash")
    for _ in range(100):
        steps = steps.updated(pooled, seconds=0.1)
    once = prior_baseline(SPEC, "hash").updated(pooled, seconds=10)
    np.testing.assert_allclose(steps.mean, once.mean, rtol=1e-6)


def test_anger_hardly_moves_it_and_never_less_than_the_floor() -> None:
    labels = ("neutral", "happiness", "anger")
    assert gate_weight(SPEC.gate, labels, (1.0, 0.0, 0.0)) == 1
    assert gate_weight(SPEC.gate, labels, (0.0, 1.0, 0.0)) == 0.5
    assert gate_weight(SPEC.gate, labels, (0.0, 0.0, 1.0)) == 0.05


def test_wrong_size_and_infinite_features_are_refused() -> None:
    baseline = prior_baseline(SPEC, "hash")
    with pytest.raises(BundleError, match="belongs to another model"):
        baseline.updated(np.zeros(3, np.float32), seconds=1)
    with pytest.raises(BundleError, match="left as it was"):
        baseline.updated(np.array([np.nan, 0], np.float32), seconds=1)


def test_it_can_neither_be_stored_nor_read_off() -> None:
    baseline = prior_baseline(SPEC, "hash").updated(np.array([7, 7], np.float32), seconds=1)
    with pytest.raises(TypeError, match="never stored"):
        pickle.dumps(baseline)
    assert "7" not in repr(baseline).replace(baseline.model_hash, "")


def voice(seconds: float = 3) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    rng = np.random.default_rng(3)
    return rng.normal(0, 0.1, int(seconds * 16_000)).astype(np.float32)


def test_judging_against_nothing_heard_is_predicting(tiny: Predictor) -> None:
    affect, after = tiny.judge(voice(), sampling_rate=16_000, baseline=tiny.baseline())
    assert affect == tiny.predict(voice(), sampling_rate=16_000)
    assert after.heard > 0


def test_what_was_heard_changes_what_is_judged(tiny: Predictor) -> None:
    first, after = tiny.judge(voice(), sampling_rate=16_000, baseline=tiny.baseline())
    second, _ = tiny.judge(voice(), sampling_rate=16_000, baseline=after)
    assert first.probabilities != second.probabilities


def test_another_models_baseline_is_refused(tiny: Predictor) -> None:
    with pytest.raises(BundleError, match="another model"):
        tiny.judge(voice(), sampling_rate=16_000, baseline=prior_baseline(SPEC, "other"))


def test_silence_is_no_clip(tiny: Predictor) -> None:
    with pytest.raises(AudioError, match="digital silence"):
        tiny.predict(np.zeros(16_000, np.float32), sampling_rate=16_000)


def test_probabilities_sum_to_one_and_confidence_is_the_largest(tiny: Predictor) -> None:
    affect = tiny.predict(voice(), sampling_rate=16_000)
    assert sum(affect.probabilities) == pytest.approx(1)
    assert affect.confidence == max(affect.probabilities)
    assert affect.label == affect.labels[int(np.argmax(affect.probabilities))]
