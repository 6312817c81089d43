"""Training baselines that start from a site's prior: the mean of other speakers of the corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tonfall.bundle import Gate

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.adaptation import PRIOR_WEIGHT_S, SHIPPED_WEIGHT_S
from tonfall.errors import ConfigError
from tonfall.learn import fit as fitting
from tonfall.learn.clips import Pooled
from tonfall.learn.history import draw_histories
from tonfall.learn.recipe import Augmentation, BaselineRecipe, Head, Recipe, SiteRecipe, read_recipe

SMALL = Path(__file__).resolve().parents[2] / "recipes" / "small-research.yaml"
LABELS = ("neutral", "anger", "sadness")
GATE = Gate(held={"anger": 1.0}, floor=0.05)
PLAIN = BaselineRecipe(prior_weight_s=4, gate=GATE, histories=(0, 2, 8), draws=2)


def with_site(share: float, **changes: object) -> BaselineRecipe:
    site = SiteRecipe.model_validate({"share": share, **changes})
    return PLAIN.model_copy(update={"site": site})


def clips(corpora: tuple[str, ...] = ("a", "b"), *, speakers: int = 3, takes: int = 6):
    """Clips of each corpus, speaker and label, as draw_histories takes them."""
    rows = [
        (corpus, f"s{speaker}", label, 1.0 + take / 10)
        for corpus in corpora
        for speaker in range(speakers)
        for label in LABELS
        for take in range(takes)
    ]
    return pd.DataFrame(rows, columns=["corpus", "speaker", "label", "seconds"])


def drawn(recipe: BaselineRecipe, table: pd.DataFrame, seed: int = 0):
    return draw_histories(table, recipe=recipe, rng=np.random.default_rng(seed))


def test_histories_are_the_same_with_and_without_sites() -> None:
    """And so, without, what was drawn before there were any."""
    plain, sites = drawn(PLAIN, clips()), drawn(with_site(1), clips())
    assert plain.sites is None
    assert sites.sites is not None
    np.testing.assert_array_equal(plain.clips, sites.clips)
    for one, other in zip(
        (*plain.members, *plain.weights), (*sites.members, *sites.weights), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_site_is_made_of_other_speakers_of_the_same_corpus() -> None:
    table = clips()
    found = drawn(with_site(1), table).sites
    assert found is not None
    assert (found.rows >= 0).all()
    rows = drawn(with_site(1), table).clips
    for clip, site in zip(rows, found.rows, strict=True):
        members = table.loc[found.members[site]]
        assert set(members["corpus"]) == {table["corpus"][clip]}
        assert table["speaker"][clip] not in set(members["speaker"])
        assert 30 <= len(members) <= 400
    shares = [(table["label"][members] == "neutral").mean() for members in found.members]
    assert np.mean(shares) == pytest.approx(0.7, abs=0.06)
    assert np.std(shares) > 0.05


def test_what_is_clearly_held_back_hardly_counts() -> None:
    table = clips()
    found = drawn(with_site(1), table).sites
    assert found is not None
    members, weights = (np.concatenate(each) for each in (found.members, found.weights))
    open_by = weights / table["seconds"].to_numpy()[members]
    labels = table["label"].to_numpy()[members]
    assert open_by[labels == "anger"].max() <= 0.3
    assert open_by[labels == "neutral"].min() >= 0.6


def test_baselines_start_from_the_shrunk_mean_of_the_site() -> None:
    table = clips()
    pooled = np.random.default_rng(1).normal(3, 1, (len(table), 4)).astype(np.float32)
    prior = np.full(4, -1, np.float32)
    found = drawn(with_site(1), table)
    baselines = found.baselines(pooled, prior=prior, prior_weight_s=4)
    assert found.sites is not None
    nothing = [row for row, members in enumerate(found.members) if not len(members)]
    something = [row for row, members in enumerate(found.members) if len(members)]
    for row in (nothing[0], something[0]):
        site = found.sites.rows[row]
        told, heavy = pooled[found.sites.members[site]], found.sites.weights[site]
        start = heavy @ told + SHIPPED_WEIGHT_S * prior
        start /= heavy.sum() + SHIPPED_WEIGHT_S
        own, weight = pooled[found.members[row]], found.weights[row]
        expected = (weight @ own + PRIOR_WEIGHT_S * start) / (weight.sum() + PRIOR_WEIGHT_S)
        np.testing.assert_allclose(baselines[row], expected, rtol=1e-4)


def test_the_rest_starts_from_the_models_own_prior_as_ever() -> None:
    table = clips()
    pooled = np.random.default_rng(1).normal(3, 1, (len(table), 4)).astype(np.float32)
    prior = np.zeros(4, np.float32)
    some, none = drawn(with_site(0.5), table), drawn(PLAIN, table)
    assert some.sites is not None
    own = some.sites.rows < 0
    assert 0.3 < own.mean() < 0.7
    mixed, plain = (each.baselines(pooled, prior=prior, prior_weight_s=4) for each in (some, none))
    np.testing.assert_array_equal(mixed[own], plain[own])
    assert (mixed[~own] != plain[~own]).any(axis=1).all()


def test_a_voice_that_is_alone_in_its_corpus_has_no_site() -> None:
    alone = drawn(with_site(1), clips(speakers=1))
    assert alone.sites is not None
    assert (alone.sites.rows == -1).all()
    pooled = np.ones((len(clips(speakers=1)), 2), np.float32)
    assert np.isfinite(
        alone.baselines(pooled, prior=np.zeros(2, np.float32), prior_weight_s=4)
    ).all()


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({}, r"baseline\.site\.share"),
        ({"share": 0}, r"baseline\.site\.share"),
        ({"share": 0.5, "clips": [400, 30]}, "clips goes from 400 to 30"),
        ({"share": 0.5, "clip": [30, 400]}, "did you mean 'clips'"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, site: object, message: str) -> None:
    import yaml

    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content["baseline"]["site"] = site
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_recipe(tmp_path / "recipe.yaml")


SHIFT = {"a": 0.0, "b": 6.0, "c": -6.0, "elsewhere": 3.0}
"""Rooms that move the feature by which the classes differ by more than the classes do."""


@pytest.fixture
def _rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    def features(items: pd.DataFrame, **_how: object) -> Pooled:
        rng = np.random.default_rng(len(items))
        made = rng.normal(0, 0.4, (len(items), 3))
        made[:, 0] += items["label"].map({"neutral": 0, "anger": 2, "sadness": -2})
        made[:, 0] += items["corpus"].map(SHIFT)
        return Pooled(made.astype(np.float32), np.ones(len(items), np.float32))

    monkeypatch.setattr(fitting, "pool_clips", features)


def recall(recipe: Recipe, *, site: bool) -> float:
    """Of strangers in another room, each clip alone, against the prior or the room's mean."""
    learnt = clips(("a", "b", "c"), speakers=6)
    fitted = fitting.fit(recipe, learnt, labels=LABELS)
    strangers = clips(("elsewhere",), speakers=6)
    features = fitting.pool_clips(strangers, recipe=recipe).features
    prior = features[strangers["label"] == "neutral"].mean(axis=0) if site else fitted.prior
    scores = fitted.logits(features, np.broadcast_to(prior, features.shape).copy())
    guesses = np.array(LABELS)[scores.argmax(axis=1)]
    return float((guesses == strangers["label"]).mean())


@pytest.mark.usefixtures("_rooms")
def test_a_head_that_learnt_sites_gains_from_one() -> None:
    plain = read_recipe(SMALL).model_copy(
        update={
            "augmentation": Augmentation(),
            "head": Head(strength=100),
            "baseline": BaselineRecipe(prior_weight_s=4, gate=GATE, histories=(0,), draws=1),
        }
    )
    assert plain.baseline is not None
    site = SiteRecipe(share=0.5)
    told = plain.model_copy(update={"baseline": plain.baseline.model_copy(update={"site": site})})
    gained = recall(told, site=True)
    assert gained > 0.8
    assert gained > recall(told, site=False) + 0.3
    assert gained > recall(plain, site=True) + 0.05
