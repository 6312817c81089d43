"""The mean of a line's callers: what one of them can do to it, and when a batch is another line."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tonfall.adaptation import (
    FADING_CALLERS,
    JUMP,
    LEAST_CALLERS,
    LEAST_GATED_S,
    MOST_GATED_S,
    SHIPPED_WEIGHT_S,
    Callers,
    gated_mean,
    heard_caller,
    jump,
    line_mean,
    merged,
)
from tonfall.runtime import Baseline

SIZE = 5
PRIOR = np.arange(SIZE, dtype=np.float64)


def voice(mean: np.ndarray, weight: float) -> Baseline:
    return Baseline("m", PRIOR, 4.0, weight * mean, weight, weight + 1)


def caller(mean: np.ndarray, weight: float) -> Callers:
    found = heard_caller([voice(mean, weight)])
    assert found is not None
    return found


def together(means: np.ndarray, weights: np.ndarray) -> Callers:
    first, *rest = [caller(*each) for each in zip(means, weights, strict=True)]
    for one in rest:
        first = first.joined(one)
    return first


def drawn(rng: np.random.Generator, callers: int, *, at: float = 0.0) -> Callers:
    means = PRIOR + at + rng.normal(0, 1, (callers, SIZE))
    return together(means, rng.uniform(LEAST_GATED_S, 60, callers))


values = st.floats(-1e6, 1e6)
means = arrays(np.float64, (24, SIZE), elements=st.floats(-10, 10))
weights = arrays(np.float64, 24, elements=st.floats(LEAST_GATED_S, 1e4))
any_mean = arrays(np.float64, SIZE, elements=values)


@settings(deadline=None)
@given(means, weights, any_mean, st.floats(LEAST_GATED_S, 1e9))
def test_whatever_one_caller_sends_moves_a_batch_by_two_shares_at_most(
    means: np.ndarray, weights: np.ndarray, sent: np.ndarray, weight: float
) -> None:
    others = together(means, weights)
    whole = others.joined(caller(sent, weight))
    moved = np.linalg.norm(whole.mean - others.mean)
    bound = 2 / whole.callers * np.linalg.norm(sent - others.mean)
    assert moved <= bound * (1 + 1e-9) + 1e-6
    shipped = np.zeros(SIZE)
    published = line_mean(whole, shipped) - line_mean(others, shipped)
    # The model's own 8 seconds hold both back, and a caller's weight gives some of it way.
    slack = SHIPPED_WEIGHT_S / others.weight * MOST_GATED_S / others.weight
    assert np.linalg.norm(published) <= moved + slack * np.linalg.norm(others.mean) + 1e-6


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), any_mean, st.floats(LEAST_GATED_S, 1e9))
def test_the_same_holds_for_a_mean_of_many_batches(
    seed: int, batches: int, sent: np.ndarray, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    running = drawn(rng, LEAST_CALLERS)
    for _ in range(batches):
        running = merged(running, drawn(rng, LEAST_CALLERS))
    batch = drawn(rng, LEAST_CALLERS - 1)
    without = merged(running, batch)
    whole = merged(running, batch.joined(caller(sent, weight)))
    assert whole.callers == min(20 * (batches + 2), FADING_CALLERS)
    far = np.linalg.norm(sent - without.mean) + 20
    assert np.linalg.norm(whole.mean - without.mean) <= 2 / whole.callers * far + 1e-6


@settings(deadline=None)
@given(means, weights)
def test_the_sums_are_those_of_all_callers_at_once(means: np.ndarray, weights: np.ndarray) -> None:
    whole = together(means, weights)
    counted = np.clip(weights, LEAST_GATED_S, MOST_GATED_S)
    mean = counted @ means / counted.sum()
    variance = counted @ ((means - mean) ** 2).sum(axis=1) / counted.sum()
    np.testing.assert_allclose(whole.mean, mean, atol=1e-9)
    assert whole.weight == pytest.approx(counted.sum())
    assert whole.variance == pytest.approx(variance, abs=1e-9)
    assert (whole.callers, counted.max() / whole.weight <= 2 / 24) == (24, True)


def test_it_is_the_mean_that_adapt_makes_of_the_same_voices() -> None:
    rng = np.random.default_rng(0)
    heard = [voice(rng.normal(size=SIZE), weight) for weight in rng.uniform(8, 16, 30)]
    first, *rest = [found for each in heard if (found := heard_caller([each]))]
    for one in rest:
        first = first.joined(one)
    np.testing.assert_allclose(line_mean(first, PRIOR), gated_mean(heard))


def test_who_said_little_is_not_counted_and_several_voices_are_one_caller() -> None:
    low, high = np.zeros(SIZE), np.ones(SIZE)
    assert heard_caller([]) is None
    assert heard_caller([voice(high, LEAST_GATED_S - 0.01)]) is None
    both = heard_caller([voice(low, 6), voice(high, 18)])
    assert both is not None
    assert (both.callers, both.weight, both.variance) == (1, MOST_GATED_S, 0)
    np.testing.assert_allclose(both.mean, 0.75)


def test_a_mean_of_few_is_neither_used_nor_stored() -> None:
    few = drawn(np.random.default_rng(0), LEAST_CALLERS - 1)
    with pytest.raises(AssertionError):
        line_mean(few, PRIOR)
    with pytest.raises(TypeError, match="not stored but as a batch"):
        pickle.dumps(few)
    assert "mean" not in repr(few)


def test_what_is_older_fades() -> None:
    rng = np.random.default_rng(0)
    running = drawn(rng, FADING_CALLERS)
    other = drawn(rng, LEAST_CALLERS, at=10)
    for _ in range(60):
        running = merged(running, other)
    assert running.callers == FADING_CALLERS
    # After 60 batches 0.95 ** 60 is left of the callers that were there before.
    assert np.linalg.norm(running.mean - other.mean) < 0.06 * 10 * SIZE**0.5


def test_a_batch_that_waited_long_takes_the_place_of_all_before() -> None:
    """Of more callers than a mean is made of, as after a night of an unwritable database."""
    rng = np.random.default_rng(0)
    whole = merged(drawn(rng, 400), many := drawn(rng, 500, at=1.0))
    np.testing.assert_allclose(whole.mean, many.mean)
    assert (whole.weight, whole.callers) == (many.weight, 500)


def test_batches_of_one_line_are_as_far_apart_as_chance_makes_them() -> None:
    rng = np.random.default_rng(0)
    found = [jump(drawn(rng, callers), drawn(rng, 20)) for callers in [20, 400] * 300]
    assert np.mean(np.square(found)) == pytest.approx(1, abs=0.15)
    assert max(found) < JUMP


@pytest.mark.parametrize("callers", [20, 400])
def test_a_batch_of_another_line_jumps(callers: int) -> None:
    rng = np.random.default_rng(0)
    assert jump(drawn(rng, callers), drawn(rng, 20, at=1.5)) > JUMP


def test_one_caller_four_spreads_off_does_not_freeze_a_line() -> None:
    rng = np.random.default_rng(1)
    far = np.r_[4 * SIZE**0.5, np.zeros(SIZE - 1)]
    odd = drawn(rng, 19).joined(caller(PRIOR + far, 1e9))
    assert jump(drawn(rng, 60), odd) < JUMP


def test_one_recording_played_again_is_no_jump() -> None:
    same = together(np.tile(PRIOR, (20, 1)), np.full(20, 9.0))
    almost = together(np.tile(PRIOR + 1e-9, (20, 1)), np.full(20, 9.0))
    assert jump(same, almost) < 1e-3
    nothing = together(np.zeros((20, SIZE)), np.full(20, 9.0))
    assert jump(nothing, nothing) == 0
