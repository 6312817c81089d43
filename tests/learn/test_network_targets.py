"""What a network learns of a clip: its category, its dimensions or both, where they are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_clips import made_corpus

from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

import torch
from pydantic import ValidationError

from tonfall.bundle import FrontEnd
from tonfall.learn.batches import Batch
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.encoders import CnnEncoder
from tonfall.learn.losses import categories_loss, concordance_loss
from tonfall.learn.networks import start_front
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.stage import Runs, with_trained
from tonfall.learn.task import Learner, NetworkTask
from tonfall.learn.training import FrameAugmentation, Loss, Selection, Training

RECIPE = """
name: tiny
seed: 3
corpora: {one: one.parquet, levels: levels.parquet}
labels: [sadness, neutral, anger]
encoder: {kind: cnn, channels: [4, 8], width: 8}
front_end: {piece_frames: 100, context_frames: 40}
training:
  epochs: 2
  batch_clips: 6
  loss: {categories: 0, dimensions: 1, concordance: 1}
  selection: {metric: concordance}
  optimiser: {learning_rate: 0.01, average: 0}
  threads: 1
"""
NAN = float("nan")


def batch(dimensions: list[list[float]], targets: list[list[float]]) -> Batch:
    """Clips of a piece each."""
    count = len(targets)
    drawn = torch.Generator().manual_seed(3)
    return Batch(
        clips=torch.arange(count),
        frames=torch.randn(count, 140, 80, generator=drawn),
        weights=torch.ones(count, 140),
        owner=torch.arange(count),
        targets=torch.tensor(targets),
        possible=torch.ones(count, 2, dtype=torch.bool),
        dimensions=torch.tensor(dimensions),
        clip_weights=torch.ones(count),
    )


def task_of(loss: Loss) -> NetworkTask:
    torch.manual_seed(2)
    encoder = CnnEncoder(channels=(4, 8), width=8, dropout=0)
    front = start_front(encoder, FrontEnd(piece_frames=100, context_frames=40))
    metric = "recall" if loss.categories else "concordance"
    return NetworkTask(
        Learner(front, pooled=16, labels=2, dropout=0.0),
        Training(loss=loss, frames=FrameAugmentation(mixup=0), selection=Selection(metric=metric)),
        seed=1,
        steps=4,
        label_shares=np.full(2, 0.5, np.float32),
        clip_names=np.array(["a", "b", "c"]),
    )


DIMENSIONS = [[0.2, NAN, NAN], [0.9, NAN, 0.4], [0.5, NAN, 0.7]]
TARGETS = [[0.75, 0.25], [0.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("categories", "dimensions", "concordance"),
    [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.5, 2.0, 0.25)],
)
def test_a_steps_loss_is_the_weighted_sum_of_what_is_known(
    monkeypatch: pytest.MonkeyPatch, categories: float, dimensions: float, concordance: float
) -> None:
    """Soft labels cost their cross-entropy, dimensions the squared error and 1 - CCC."""
    loss = Loss(categories=categories, dimensions=dimensions, concordance=concordance, smoothing=0)
    task = task_of(loss)
    monkeypatch.setattr(NetworkTask, "current_epoch", 0)
    given = batch(DIMENSIONS, TARGETS)
    found = float(task.training_step(given, 0).detach())
    with torch.no_grad():
        logits, placed = task.learner.judge(task.learner.pooled(given))
        apart = categories_loss(logits, given.targets, given.possible)
        errors = []
        for column, known in ((0, [0, 1, 2]), (2, [1, 2])):
            guess, truth = placed[known, column], given.dimensions[known, column]
            squared = (guess - truth).square().mean()
            agreed = concordance_loss(guess, truth)
            errors.append((1 - concordance) * squared + concordance * agreed)
        expected = categories * apart + dimensions * torch.stack(errors).mean()
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_what_is_not_known_of_a_clip_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(Loss(categories=1, dimensions=1))
    monkeypatch.setattr(NetworkTask, "current_epoch", 0)
    nothing = [[NAN] * 3] * 3
    task.training_step(batch(nothing, [[0.0, 0.0]] * 3), 0).backward()
    grown = [each.grad for each in task.learner.parameters() if each.grad is not None]
    assert all(not each.any() for each in grown)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A corpus with categories, and one with three levels that are an arousal, as BAVED's."""
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    levels = made_corpus(tmp_path, "levels", speakers=4, takes=1)
    arousal = levels["label"].map({"sadness": 0.0, "neutral": 0.5, "anger": 1.0})
    levels = levels.assign(label=None, arousal=arousal, intensity=arousal)
    Manifest.from_frame(levels, root=tmp_path).write(tmp_path / "levels.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


def test_levels_alone_are_learnt_and_choose_the_epoch(recipe: Recipe, tmp_path: Path) -> None:
    """A corpus without categories is heard in training and in development."""
    parts = split_speakers(recipe_clips(recipe), every=8, first=3)
    with_trained(recipe, *parts, labels=recipe.labels, runs=Runs(tmp_path / "runs"))
    (run,) = (tmp_path / "runs").iterdir()
    data = pd.read_csv(run / "data.csv")
    heard = data[data["corpus"] == "levels"]
    assert set(heard["part"]) == {"train", "development"}
    assert heard["label"].isna().all()
    levels = heard["dimensions"].str.split().str[0].astype(float)
    assert sorted(set(levels)) == [0, 0.5, 1]
    curves = pd.read_csv(run / "curves.csv")
    assert curves["development_concordance"].notna().all()
    best = curves["development_concordance"].idxmax()
    assert curves["best"].to_numpy().nonzero()[0][-1] == best


def test_a_choice_by_dimensions_that_nobody_has_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    clips = recipe_clips(recipe).assign(arousal=None, valence=None, dominance=None)
    parts = split_speakers(clips, every=8, first=3)
    with pytest.raises(ConfigError, match="concordance, but of the held-out clips 0 have a dim"):
        with_trained(recipe, *parts, labels=recipe.labels, runs=Runs(tmp_path / "runs"))


def test_a_label_without_clips_is_refused_before_anything_is_trained(
    recipe: Recipe, tmp_path: Path
) -> None:
    parts = split_speakers(recipe_clips(recipe), every=8, first=3)
    with pytest.raises(ConfigError, match="training clips have no fear; take these out"):
        with_trained(recipe, *parts, labels=("neutral", "fear"), runs=Runs(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loss": {"categories": 0, "dimensions": 0}}, "both 0; give one of them a weight"),
        ({"loss": {"categories": 0}}, "metric is recall, which is of the categories, but loss"),
        (
            {"loss": {"dimensions": 0}, "selection": {"metric": "concordance"}},
            r"of the dimensions, but loss\.dimensions is 0",
        ),
    ],
)
def test_weights_and_choice_have_to_fit(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Training.model_validate(values)
