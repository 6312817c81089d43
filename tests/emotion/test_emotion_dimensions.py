"""Weak dimensions and soft labels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.emotion import CATEGORIES, PLACES, soft_label, weak_place
from tonfall.errors import ConfigError


def test_places_keep_the_published_order() -> None:
    arousal = {name: place.arousal or 0.0 for name, place in PLACES.items()}
    assert min(arousal, key=arousal.__getitem__) == "boredom"
    assert max(arousal, key=arousal.__getitem__) == "excitement"
    # Dominance is what tells anger from fear.
    assert (PLACES["anger"].dominance or 0) > 0.5 > (PLACES["fear"].dominance or 1)


def test_ordinary_intensity_is_the_published_place() -> None:
    assert weak_place("sadness") == weak_place("sadness", 0.5) == PLACES["sadness"]
    assert PLACES["sadness"].valence == pytest.approx((1 - 0.63) / 2)


def test_neutral_is_the_middle_however_strongly_acted() -> None:
    assert weak_place("neutral", 1.0) == PLACES["neutral"]


def test_categories_without_a_published_place_have_none() -> None:
    assert weak_place("contempt", 1.0).arousal is None
    assert weak_place("calm").dominance is None


@settings(deadline=None)
@given(st.sampled_from(CATEGORIES), st.floats(0, 1), st.floats(0, 1))
def test_stronger_is_never_nearer_to_the_middle(label: str, one: float, other: float) -> None:
    weak, strong = weak_place(label, min(one, other)), weak_place(label, max(one, other))
    for name in ("arousal", "valence", "dominance"):
        near, far = getattr(weak, name), getattr(strong, name)
        assert near is None or (abs(near - 0.5) <= abs(far - 0.5) and 0 <= far <= 1)


def test_intensity_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"The intensity is 1\.5"):
        weak_place("anger", 1.5)


def test_no_vote_for_any_label_is_no_distribution() -> None:
    assert soft_label({"other": 3}, ("anger", "neutral")) is None


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 9)).filter(
        lambda votes: sum(votes.values()) > 0
    )
)
def test_shares_sum_to_one(votes: dict[str, int]) -> None:
    shares = soft_label(votes, CATEGORIES)
    assert shares is not None
    assert sum(shares) == pytest.approx(1.0)
