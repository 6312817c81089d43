"""The site's prior: a gated mean of many voices, of which none counts for much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.adaptation import capped_weights, gated_mean, site_prior
from tonfall.bundle import BaselineSpec, Gate
from tonfall.errors import AudioError, BundleError, ConfigError
from tonfall.runtime import Baseline, prior_baseline

SPEC = BaselineSpec(prior_mean=(1.0, -2.0), prior_weight_s=4, gate=Gate(held={}, floor=0.1))
WEIGHTS = st.lists(st.floats(0.05, 1e4), min_size=3, max_size=40)


def voice(*pooled: float, seconds: float = 3.0, gate: float = 1.0, model: str = "m") -> Baseline:
    prior = prior_baseline(SPEC, model)
    return prior.updated(np.array(pooled, np.float32), seconds=seconds, gate=gate)


def alike(count: int, **facts: float) -> list[list[Baseline]]:
    return [[voice(5, 2, **facts)] for _ in range(count)]


def test_the_models_own_prior_counts_for_eight_seconds() -> None:
    # (12 x (5, 2) + 8 x (1, -2)) / 20, by hand.
    mean = gated_mean([voice(5, 2) for _ in range(4)])
    assert mean == pytest.approx([3.4, 0.4])


def test_what_the_gate_held_back_counts_for_less() -> None:
    held = gated_mean([voice(5, 2, gate=0.5) for _ in range(4)])
    assert held == pytest.approx([(6 * 5 + 8) / 14, (6 * 2 - 16) / 14])


def test_many_seconds_leave_nothing_of_the_models_own_prior() -> None:
    assert gated_mean([voice(5, 2, seconds=1e6)] * 4) == pytest.approx([5, 2], abs=1e-4)


def test_one_long_voice_does_not_become_the_prior() -> None:
    voices = [voice(0, 0) for _ in range(9)] + [voice(10, 10, seconds=1e6)]
    # Of ten voices the long one has a fifth: 27 s of the others, so 6.75 s.
    assert gated_mean(voices) == pytest.approx([(67.5 + 8) / 41.75, (67.5 - 16) / 41.75])


def test_the_order_of_voices_does_not_matter() -> None:
    voices = [voice(place, -place, seconds=1 + place) for place in range(12)]
    assert gated_mean(voices) == pytest.approx(gated_mean(voices[::-1]))


@given(WEIGHTS)
def test_no_voice_counts_for_more_than_twice_its_share(weights: list[float]) -> None:
    found = np.array(weights)
    capped = capped_weights(found)
    assert capped.max() <= 2 * capped.mean() * (1 + 1e-9)
    below = capped < capped.max()
    assert (capped[below] == found[below]).all()
    assert (capped <= found).all()


@given(WEIGHTS, st.floats(0.01, 100))
def test_the_cap_follows_the_unit(weights: list[float], factor: float) -> None:
    found = np.array(weights)
    assert capped_weights(factor * found) == pytest.approx(factor * capped_weights(found))


@pytest.mark.parametrize("weights", [[3.0], [1.0, 9.0], [2.0] * 7])
def test_voices_that_cannot_dominate_stay_as_they_are(weights: list[float]) -> None:
    assert capped_weights(np.array(weights)).tolist() == weights


def test_what_was_heard_is_counted() -> None:
    silent: list[list[Baseline]] = [[], [prior_baseline(SPEC, "m")]]
    prior = site_prior([*alike(9), [voice(5, 2), voice(1, 1)], *silent])
    assert (prior.recordings, prior.voices, prior.speech_s) == (10, 11, 33.0)
    assert prior.weight_s == 16
    assert prior.model_hash == "m"


@pytest.mark.parametrize(
    ("recordings", "said"),
    [
        (alike(9), r"heard in 9 recordings, 27 s in all, .* needs 10 recordings and 20 s"),
        (alike(10, seconds=1), r"heard in 10 recordings, 10 s in all"),
        ([[voice(5, 2) for _ in range(30)]], r"heard in 1 recordings, 90 s in all"),
        ([], r"heard in 0 recordings"),
    ],
)
def test_a_few_voices_are_no_site(recordings: list[list[Baseline]], said: str) -> None:
    with pytest.raises(AudioError, match=said):
        site_prior(recordings)


@pytest.mark.parametrize("weight", [0.0, -1.0, 601.0, float("nan")])
def test_a_weight_that_no_bundle_can_have_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match=r"prior's weight is .* more than 0 and at most"):
        site_prior(alike(10), prior_weight_s=weight)


def test_voices_heard_with_two_models_are_not_averaged() -> None:
    with pytest.raises(BundleError, match=r"different models, .* with one"):
        site_prior([*alike(10), [voice(5, 2, model="other")]])


def test_it_shows_no_features_when_printed() -> None:
    assert "array" not in repr(site_prior(alike(10)))
