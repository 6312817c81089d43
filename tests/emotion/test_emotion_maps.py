"""Corpus labels, merging and dropping."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.emotion import CATEGORIES, CORPUS_LABELS, LabelMap, canonical, common_name
from tonfall.errors import ConfigError, ManifestError


def test_every_corpus_maps_to_canonical_names_only() -> None:
    for corpus, table in CORPUS_LABELS.items():
        assert set(table.values()) <= {*CATEGORIES, None}, corpus


def test_tables_merge_nothing_for_convenience() -> None:
    """Two labels of a corpus never share a canonical name: merging belongs to protocols."""
    for corpus, table in CORPUS_LABELS.items():
        named = [name for name in table.values() if name is not None]
        assert len(named) == len(set(named)), corpus


def test_a_label_outside_the_map_is_refused() -> None:
    with pytest.raises(ManifestError, match="'happy' is not one of emodb's"):
        canonical("emodb", "happy")


def test_common_words_have_canonical_names() -> None:
    assert common_name("Pleasant surprise") == "surprise"
    assert common_name("neutral") == "neutral"
    with pytest.raises(ManifestError, match="'melancholic' is unknown"):
        common_name("melancholic")


def test_calm_may_count_as_neutral_and_boredom_be_dropped() -> None:
    step = LabelMap(merge={"calm": "neutral"}, drop=("boredom",))
    assert step.apply(["calm", "neutral", "boredom", None]) == ["neutral", "neutral", None, None]
    assert step.votes({"calm": 2, "neutral": 1, "boredom": 5}) == {"neutral": 3}
    assert step.space(["fear", "calm", "boredom"]) == ("neutral", "fear")


def test_keep_leaves_only_the_named_classes() -> None:
    step = LabelMap(merge={"excitement": "happiness"}, keep=("happiness", "anger"))
    assert step.apply(["excitement", "anger", "sadness"]) == ["happiness", "anger", None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"merge": {"joy": "happiness"}},
        {"drop": ("joy",)},
        {"merge": {"calm": "neutral", "neutral": "other"}},
        {"merge": {"calm": "neutral"}, "drop": ("neutral",)},
    ],
)
def test_unknown_names_and_chains_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="The label map names"):
        LabelMap(**wrong)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 9)))
def test_merging_keeps_every_vote(votes: dict[str, int]) -> None:
    step = LabelMap(merge={"excitement": "happiness", "calm": "neutral"})
    assert sum(step.votes(votes).values()) == sum(votes.values())
