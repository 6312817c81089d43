"""Networks of our own: from a recipe to a bundle, the same after a kill, blind to test speakers."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_clips import made_corpus

from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

import soundfile
import torch
import yaml

from tonfall import Stream, analyze
from tonfall.bundle import FrontEnd, read_bundle
from tonfall.cli import main
from tonfall.learn import loop, task
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.encoders import (
    CnnEncoder,
    CnnTransformerEncoder,
    NetworkEncoder,
    RecurrentEncoder,
)
from tonfall.learn.export import export_graph
from tonfall.learn.fold import RecipeModel
from tonfall.learn.nets import NetworkFront
from tonfall.learn.networks import Judge, Network, pool
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.stage import Runs, with_trained
from tonfall.learn.train import train
from tonfall.ort import open_session
from tonfall.runtime import Predictor, clip_pieces
from tonfall.streaming import WindowScored

RECIPE = """
name: tiny
seed: 3
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {kind: cnn, channels: [4, 8], width: 8}
front_end: {piece_frames: 100, context_frames: 40}
training:
  epochs: 3
  batch_clips: 4
  optimiser: {learning_rate: 0.01, average: 0.5}
  threads: 1
"""

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
FRONT_END = FrontEnd(piece_frames=100, context_frames=40)
INPUTS = ("frames", "weights", "statistics", "baseline")
OUTPUTS = ("encoded", "pooled", "logits", "dimensions")

SMALL: dict[str, NetworkEncoder] = {
    "cnn": CnnEncoder(channels=(4, 8), width=8),
    "bilstm": RecurrentEncoder(kind="bilstm", hidden=8, width=8),
    "gru": RecurrentEncoder(kind="gru", hidden=8, layers=1, width=8),
    "cnn-transformer": CnnTransformerEncoder(channels=(4, 8), width=8, heads=2),
}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A corpus of four voices, three labels and twelve clips."""
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


def trained(recipe: Recipe, folder: Path) -> Path:
    """The folder of a finished run."""
    clips = recipe_clips(recipe)
    rest, development = split_speakers(clips, every=8, first=3)
    with_trained(recipe, rest, development, labels=recipe.labels, runs=Runs(folder))
    (run,) = folder.iterdir()
    return run


@pytest.mark.parametrize("kind", SMALL)
def test_a_network_becomes_a_bundle_of_which_a_file_equals_a_stream(
    recipe: Recipe, tmp_path: Path, kind: str
) -> None:
    short = recipe.training.model_copy(update={"epochs": 1})
    recipe = recipe.model_copy(update={"encoder": SMALL[kind], "training": short})
    bundle = train(recipe, tmp_path / "model", runs=Runs(tmp_path / "runs"))
    assert "Whisper" not in bundle.card
    assert f"A network of kind {kind}" in bundle.card
    model = Predictor(bundle)
    timeline = analyze(CLIP, model=model).timeline
    assert timeline.windows
    samples, rate = soundfile.read(CLIP, dtype="float32")
    stream = Stream(sampling_rate=rate, model=model)
    events = [*stream.push(samples[: rate // 3]), *stream.push(samples[rate // 3 :])]
    events += stream.close()
    heard = [event.window.probabilities for event in events if isinstance(event, WindowScored)]
    said = [window.probabilities for window in timeline.windows]
    np.testing.assert_allclose(heard, said, atol=1e-6)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("level", ["loudest", "absolute"])
def test_the_exported_graph_gives_what_the_network_gives(kind: str, level: str) -> None:
    """On a real clip, within 1e-4 of float32: statistics, and what becomes of no pieces at all."""
    encoder = SMALL[kind].model_copy(update={"level": level})
    torch.manual_seed(1)
    front = NetworkFront(encoder, FRONT_END).eval()
    for parameter in front.buffers():  # as if it had been trained
        parameter.copy_(torch.rand_like(parameter, dtype=torch.float32).add(0.5))
    judge = Judge(pooled=encoder.pooled, labels=3, dimensions=3)
    graph = export_graph(Network(front, judge).eval(), frames=140, int8=False)
    samples, rate = soundfile.read(CLIP, dtype="float32")
    frames, weights, _ = clip_pieces(samples, sampling_rate=rate, front_end=FRONT_END)
    session = open_session(graph, inputs=INPUTS, outputs=OUTPUTS)
    feeds = {
        "frames": frames,
        "weights": weights,
        "statistics": np.zeros((0, encoder.statistics), np.float32),
        "baseline": np.zeros((0, encoder.pooled), np.float32),
    }
    with torch.inference_mode():
        expected = front(torch.from_numpy(frames), torch.from_numpy(weights)).numpy()
    found = session.run(["encoded"], feeds)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    none = {**feeds, "frames": frames[:0], "weights": weights[:0]}
    assert session.run(["encoded"], none)[0].shape == (0, encoder.statistics)


def test_attention_adds_up_over_pieces() -> None:
    """A quotient of sums over two pieces is the softmax over the steps of both."""
    encoder = SMALL["cnn"]
    torch.manual_seed(2)
    front = NetworkFront(encoder, FRONT_END).eval()
    frames, weights = torch.randn(2, 140, 80), torch.rand(2, 140)
    with torch.inference_mode():
        outputs, shares = front.steps(frames, weights)
        flat, share = outputs.flatten(0, 1), shares.flatten()[:, None]
        mean = (flat * share).sum(0) / share.sum()
        deviation = (((flat - mean).square() * share).sum(0) / share.sum()).sqrt()
        pooled = pool(front(frames, weights).sum(0, keepdim=True))[0]
    np.testing.assert_allclose(pooled[:8], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(pooled[8:], deviation.clamp_min(1e-3), rtol=1e-2, atol=1e-3)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    recipe: Recipe, tmp_path: Path
) -> None:
    first, again = (trained(recipe, tmp_path / name) for name in ("first", "again"))
    other = trained(recipe.model_copy(update={"seed": 4}), tmp_path / "other")
    files = [(run / "weights.npz").read_bytes() for run in (first, again, other)]
    assert files[0] == files[1] != files[2]
    assert (first / "curves.csv").read_text() == (again / "curves.csv").read_text()
    assert yaml.safe_load((first / "resolved.yaml").read_text())["training"]["epochs"] == 3
    data = pd.read_csv(first / "data.csv")
    assert set(data.loc[data["part"] == "development", "speaker"]).isdisjoint(
        data.loc[data["part"] == "train", "speaker"]
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from tonfall.learn import task
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.recipe import read_recipe
from tonfall.learn.stage import Runs, with_trained

real = task.NetworkTask.training_step

def step(self, batch, place):
    if (self.current_epoch, place) == (1, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, batch, place)

task.NetworkTask.training_step = step
recipe = read_recipe(sys.argv[1])
parts = split_speakers(recipe_clips(recipe), every=8, first=3)
with_trained(recipe, *parts, labels=recipe.labels, runs=Runs(Path(sys.argv[2])))
"""


def test_a_run_killed_in_mid_epoch_ends_as_if_it_had_not_been(
    recipe: Recipe, tmp_path: Path
) -> None:
    whole = trained(recipe, tmp_path / "whole")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "tiny.yaml", tmp_path / "killed"], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (unfinished,) = (tmp_path / "killed").iterdir()
    assert (unfinished / "last.ckpt").exists()
    assert not (unfinished / "result.json").exists()
    run = trained(recipe, tmp_path / "killed")
    assert run == unfinished
    for name in ("curves.csv", "weights.npz", "result.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_weights(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = task.categories_loss
    calls = []

    def spoilt(*parts: torch.Tensor, **how: object) -> torch.Tensor:
        calls.append(1)
        return real(*parts, **how) * (float("nan") if len(calls) > 4 else 1)

    monkeypatch.setattr(task, "categories_loss", spoilt)
    with pytest.raises(ConfigError, match=r"loss is nan in epoch 2, batch 2 \(one/") as caught:
        trained(recipe, tmp_path / "runs")
    assert "\n" not in str(caught.value)
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "last.ckpt").exists()
    with np.load(run / "weights.npz") as weights:
        assert all(np.isfinite(weights[name]).all() for name in weights.files)


def test_a_finished_run_is_not_repeated_and_another_setting_is_another_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 1})})
    run = trained(short, tmp_path / "runs")
    monkeypatch.setattr(loop, "run_epochs", lambda *_args, **_how: pytest.fail("trained again"))
    assert trained(short, tmp_path / "runs") == run
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        trained(recipe, tmp_path / "runs")


def test_under_a_protocol_no_network_hears_a_tested_speaker(recipe: Recipe, tmp_path: Path) -> None:
    """Each fold trains its own, on the train part, judged on the development part."""
    short = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 1})})
    clips = recipe_clips(recipe)
    speakers = sorted(clips["speaker"].unique())
    model = RecipeModel(short, calibrated=False)
    for tested in speakers[:2]:
        held = next(speaker for speaker in speakers if speaker != tested)
        test = clips[clips["speaker"] == tested]
        development = clips[clips["speaker"] == held]
        rest = clips[~clips["speaker"].isin([tested, held])]
        scores = model.predict(rest, development, test.drop(columns="label"))
        assert scores["item"].tolist() == test["item"].tolist()
    runs = [pd.read_csv(file) for file in (tmp_path / "cache/networks").glob("*/data.csv")]
    learnt = [set(run["speaker"]) for run in runs]
    assert sorted(map(sorted, learnt)) == sorted(
        sorted(set(speakers) - {tested}) for tested in speakers[:2]
    )


@pytest.mark.parametrize("name", ["ravdess-cnn", "ravdess-bilstm", "ravdess-cnn-transformer"])
def test_each_recipe_trains_on_recordings_of_ones_own(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By the command of docs/training.md, an epoch long."""
    words = ["tonfall", "train", str(RECIPES / f"{name}.yaml"), "--quiet"]
    words += ["--manifest", str(tmp_path / "one.parquet"), "--set", "training.epochs=1"]
    monkeypatch.setattr("sys.argv", [*words, "--output", str(tmp_path / "model")])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    bundle = read_bundle(tmp_path / "model")
    assert bundle.spec.labels == ("neutral", "sadness", "anger")
    assert [use.name for use in bundle.spec.corpora] == ["one"]
    (run,) = (each for each in (tmp_path / "model.training").iterdir() if each.is_dir())
    assert len((run / "curves.csv").read_text().splitlines()) == 2
