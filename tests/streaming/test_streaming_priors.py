"""A stream that starts from a line's prior, and what it adds to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streams import RATE, SCORES, example

from tonfall.analysis import hear_voices
from tonfall.arrays import FloatArray
from tonfall.bundle import read_bundle
from tonfall.errors import BundleError
from tonfall.runtime import Baseline, Predictor, load, starting_baseline
from tonfall.streaming import Engine, Scorer, WindowScored
from tonfall.timeline import Window


@pytest.fixture(scope="module")
def call() -> FloatArray:
    return example(0, 30)


def elsewhere(predictor: Predictor) -> Baseline:
    """A prior that is not the model's."""
    own = predictor.baseline().prior
    return starting_baseline(own + 0.2, weight_s=16, model_hash=predictor.hash)


def heard(
    predictor: Predictor,
    samples: FloatArray,
    *,
    learn: tuple[bool, ...] = (),
    start: int = 0,
    prior: Baseline | None = None,
    scored: tuple[bool, ...] | None = None,
) -> tuple[Engine, list[Window]]:
    """An engine after a whole stream, in blocks of 0.7 s, and its windows."""
    engine = Engine(
        predictor, sampling_rate=RATE, channels=len(samples), prior=prior, scored=scored
    )
    if learn:
        engine.learn(learn, start=start)
    scorer, windows = Scorer(predictor), list[Window]()
    for first in range(0, samples.shape[1], 5600):
        engine.feed(samples[:, first : first + 5600])
        scorer.serve([engine])
        windows += [e.window for e in engine.take_events() if isinstance(e, WindowScored)]
    engine.close()
    scorer.serve([engine])
    windows += [e.window for e in engine.take_events() if isinstance(e, WindowScored)]
    return engine, windows


def same(windows: list[Window], expected: list[Window]) -> None:
    assert [each.segment for each in windows] == [each.segment for each in expected]
    for found, meant in zip(windows, expected, strict=True):
        np.testing.assert_allclose(found.probabilities, meant.probabilities, atol=SCORES)


def test_what_is_learnt_is_what_adapt_hears_whatever_prior_the_stream_starts_from(
    tiny: Predictor, call: FloatArray
) -> None:
    expected = hear_voices(call, tiny, sampling_rate=RATE)
    for prior in (None, elsewhere(tiny)):
        engine, _ = heard(tiny, call, learn=(True, True), prior=prior)
        assert len(engine.learnt) == len(expected) == 2
        for found, meant in zip(engine.learnt, expected, strict=True):
            np.testing.assert_allclose(found.total, meant.total, rtol=1e-6)
            assert found.weight == pytest.approx(meant.weight)


def test_learning_changes_no_judgement(tiny: Predictor, call: FloatArray) -> None:
    _, plain = heard(tiny, call)
    _, learning = heard(tiny, call, learn=(True, True))
    same(learning, plain)


def test_a_stream_starts_from_the_prior_that_it_is_given(tiny: Predictor, call: FloatArray) -> None:
    prior = elsewhere(tiny)
    engine, windows = heard(tiny, call, prior=prior)
    _, plain = heard(tiny, call)
    assert windows[0].probabilities != plain[0].probabilities
    own = Engine(tiny, sampling_rate=RATE, channels=1, prior=prior)
    assert own.baselines == (prior,)
    own.restart()
    assert all(each and each.prior is prior.prior for each in (*own.baselines, *engine.baselines))


def test_the_same_bundle_adapted_judges_as_a_stream_with_that_prior(
    tiny: Predictor, call: FloatArray, tmp_path: Path
) -> None:
    from tonfall.adaptation import SitePrior, adapt_bundle

    prior = elsewhere(tiny)
    site = SitePrior(prior.prior, prior.prior_weight_s, tiny.hash, 20, 20, 99.0)
    adapt_bundle(read_bundle(tiny._folder), site, tmp_path / "line")
    _, expected = heard(load(tmp_path / "line"), call)
    _, windows = heard(tiny, call, prior=prior)
    same(windows, expected)


def test_who_is_not_scored_or_not_meant_is_not_learnt(tiny: Predictor, call: FloatArray) -> None:
    one, _ = heard(tiny, call, learn=(False, True))
    two, _ = heard(tiny, call, learn=(True, True), scored=(False, True))
    none, _ = heard(tiny, call, learn=(True, False), scored=(False, True))
    assert [len(each.learnt) for each in (one, two, none)] == [1, 1, 0]
    np.testing.assert_allclose(one.learnt[0].total, two.learnt[0].total, rtol=1e-5)


def test_nothing_is_taken_of_windows_that_begin_before_the_start(
    tiny: Predictor, call: FloatArray
) -> None:
    customer = call[:1]
    whole, windows = heard(tiny, customer, learn=(True,))
    start = 10 * 16000
    late, _ = heard(tiny, customer, learn=(True,), start=start)
    counted = [each for each in windows if each.segment.start >= start]
    assert 0 < len(counted) < len(windows)
    assert 0 < late.learnt[0].heard < whole.learnt[0].heard
    after, _ = heard(tiny, customer, learn=(True,), start=31 * 16000)
    assert after.learnt == ()


def test_a_model_without_baseline_learns_nothing(tmp_path: Path) -> None:
    from tiny_bundle import tiny_spec, write_tiny

    predictor = Predictor(write_tiny(tmp_path / "t", spec=tiny_spec(baseline=False)))
    engine = Engine(predictor, sampling_rate=RATE, channels=1)
    with pytest.raises(BundleError, match="has no baseline"):
        engine.learn((True,), start=0)
