"""From a recipe to a bundle, whole: clips, head, calibration, graph, card; on a tiny front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from made_clips import RATE, made_corpus

from tonfall.bundle import Bundle, read_bundle
from tonfall.corpora import Manifest
from tonfall.corpora.clips import clips_of, read_clip
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.clips import pool_clips
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.fit import fit_calibrated
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.train import train
from tonfall.runtime import load

pytestmark = pytest.mark.usefixtures("tiny_front")

RECIPE = """
name: tiny
description: Buzzes.
seed: 3
corpora: {one: one.parquet, two: two.parquet}
labels: [sadness, neutral, anger]
encoder: {taps: [0]}
augmentation: {copies: [telephone], clip_weight: 2, acoustics: acoustics}
baseline:
  prior_weight_s: 4
  gate: {held: {anger: 1.0}, floor: 0.05}
  histories: [0, 2]
  draws: 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Two corpora, one of them with ratings, and a noise."""
    for name, speakers in (("one", 4), ("two", 3)):
        rows = made_corpus(tmp_path, name, speakers=speakers, takes=2)
        if name == "two":
            rows = rows.assign(arousal=0.5, valence=0.5, dominance=0.5, acted=True)
        Manifest.from_frame(rows, root=tmp_path).write(tmp_path / f"{name}.parquet")
    (tmp_path / "acoustics").mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "acoustics" / "hiss.wav", rng.uniform(-0.1, 0.1, RATE), RATE)
    soundfile.write(tmp_path / "acoustics" / "rir_box.wav", 0.5 * np.eye(1, 400)[0], RATE)
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


def same(first: Bundle, second: Bundle) -> bool:
    return first.hash == second.hash and first.card == second.card


def test_a_recipe_becomes_a_bundle_that_judges_as_it_was_fitted(
    recipe: Recipe, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    said: list[str] = []
    bundle = train(
        recipe,
        tmp_path / "model",
        figures={"loco/one+two: mean": 61.26},
        progress=lambda done, total: seen.append((done, total)),
        say=said.append,
    )
    assert same(read_bundle(tmp_path / "model"), bundle)
    spec = bundle.spec
    assert spec.labels == recipe.labels
    assert spec.baseline is not None
    assert recipe.baseline is not None
    assert spec.baseline.gate == recipe.baseline.gate
    assert spec.dimensions_weak
    assert [(use.name, use.clips, use.speakers) for use in spec.corpora] == [
        ("one", 24, 4),
        ("two", 18, 3),
    ]
    assert seen[-1] == (42, 42)
    assert "the same recipe finds 61 % of each of four classes" in bundle.card
    assert "18 acted, 24 of unknown origin" in bundle.card
    assert [sentence.partition(" is stated")[0] for sentence in said] == [
        "one, two: no licence",
        "one, two: no language",
    ]

    clips = recipe_clips(recipe)
    rest, development = split_speakers(clips, every=8, first=3)
    fitted = fit_calibrated(recipe, rest, development, labels=recipe.labels)
    assert spec.calibration == fitted.calibration
    features = pool_clips(clips, recipe=recipe).features
    expected = fitted.probabilities(features, np.broadcast_to(fitted.prior, features.shape).copy())
    model = load(bundle.folder)
    for clip, row in zip(clips_of(clips), expected, strict=True):
        affect = model.predict(read_clip(clip), sampling_rate=RATE)
        # Pieces are added up in another order than the cache's rows: float32.
        assert affect.probabilities == pytest.approx(row, abs=1e-4)
    guesses = [recipe.labels[place] for place in expected.argmax(axis=1)]
    assert np.mean([g == t for g, t in zip(guesses, clips["label"], strict=True)]) > 0.9


def test_training_again_gives_the_same_bundle_and_another_seed_another(
    recipe: Recipe, tmp_path: Path
) -> None:
    first, again = (train(recipe, tmp_path / name) for name in ("first", "again"))
    other = train(recipe.model_copy(update={"seed": 4}), tmp_path / "other")
    assert same(first, again)
    assert first.spec.files["model.onnx"] != other.spec.files["model.onnx"]


def test_ratings_are_not_called_weak(recipe: Recipe, tmp_path: Path) -> None:
    alone = recipe.model_copy(update={"corpora": {"two": recipe.corpora["two"]}})
    bundle = train(alone, tmp_path / "rated")
    assert not bundle.spec.dimensions_weak
    assert "**weak**" not in bundle.card


def test_one_voice_alone_cannot_be_held_out(recipe: Recipe, tmp_path: Path) -> None:
    rows = made_corpus(tmp_path, "solo", speakers=1, takes=2)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "two.parquet")
    content = {**yaml.safe_load(RECIPE), "corpora": {"solo": "two.parquet"}}
    (tmp_path / "solo.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="solo has 1, two are the least"):
        train(read_recipe(tmp_path / "solo.yaml"), tmp_path / "model")
    assert not (tmp_path / "model").exists()
