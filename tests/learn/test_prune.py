"""What pruning takes out, and how near the rest comes to the whole."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from made_clips import made_corpus, random_weights

from tonfall.bundle import FrontEnd
from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

torch = pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

from tonfall.learn import networks  # noqa: E402
from tonfall.learn.encoders import CnnEncoder, WhisperEncoder, is_trained, left_of  # noqa: E402
from tonfall.learn.nets import NetworkFront, save_weights  # noqa: E402
from tonfall.learn.networks import start_front  # noqa: E402
from tonfall.learn.prune import left, prune_cnn, prune_whisper  # noqa: E402
from tonfall.learn.recipe import read_recipe  # noqa: E402
from tonfall.learn.stage import Runs  # noqa: E402
from tonfall.learn.train import train  # noqa: E402
from tonfall.runtime import Predictor  # noqa: E402

CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
FRONT_END = FrontEnd(piece_frames=100, context_frames=40)


def made_up_weights(layers: int = 1) -> dict[str, np.ndarray]:
    """Whisper's convolutions and blocks, drawn; half of all hidden units repeat the other half."""
    rng = np.random.default_rng(1)
    weights = random_weights()
    for name in ("conv1/weight", "conv1/bias"):
        weights[f"encoder/{name}"][192:] = weights[f"encoder/{name}"][:192]
    shapes = {
        "self_attention/linear_0": (1152, 384),
        "self_attention/linear_1": (384, 384),
        "ffn/linear_0": (1536, 384),
        "ffn/linear_1": (384, 1536),
    }
    for layer in range(layers):
        root = f"encoder/layer_{layer}/"
        for part in ("self_attention", "ffn"):
            weights[f"{root}{part}/layer_norm/gamma"] = np.ones(384, np.float32)
            weights[f"{root}{part}/layer_norm/beta"] = np.zeros(384, np.float32)
        for name, shape in shapes.items():
            weights[f"{root}{name}/weight"] = rng.normal(0, 0.05, shape).astype(np.float32)
            weights[f"{root}{name}/bias"] = rng.normal(0, 0.05, shape[:1]).astype(np.float32)
        for value in ("weight", "bias"):
            units = weights[f"{root}ffn/linear_0/{value}"]
            units[768:] = units[:768]
            heads = weights[f"{root}self_attention/linear_0/{value}"].reshape(3, 6, 64, -1)
            heads[:, 3:] = heads[:, :3]
    return weights


@pytest.fixture
def _weights(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = made_up_weights()
    monkeypatch.setattr(networks, "find_container", lambda: Path("made-up"))
    monkeypatch.setattr(networks, "read_container", lambda _path: weights)


def pieces(count: int = 12) -> np.ndarray:
    """(count, 140, 80) of noise that changes over time and bands as speech does."""
    rng = np.random.default_rng(0)
    slow = rng.normal(0, 1, (count, 14, 8)).repeat(10, axis=1).repeat(10, axis=2)
    return (slow + rng.normal(-3, 0.5, (count, 140, 80))).astype(np.float32)


@pytest.mark.usefixtures("_weights")
def test_what_others_can_say_is_taken_out_without_loss() -> None:
    """Half of the units are copies, so the other half, weighed anew, gives the same."""
    encoder = WhisperEncoder(taps=(0, 1), prune=0.5)
    whole = start_front(WhisperEncoder(taps=(0, 1)), FRONT_END).eval()
    heard = pieces()
    small = prune_whisper(encoder, FRONT_END, heard).eval()
    assert (encoder.channels, encoder.heads, encoder.hidden) == (192, 3, 768)
    unheard = torch.from_numpy(heard[::-1].copy() * 0.9 - 0.2)
    weights = torch.ones(unheard.shape[:2])
    with torch.inference_mode():
        expected, found = whole(unheard, weights), small(unheard, weights)
    cosines = torch.nn.functional.cosine_similarity(expected, found)
    # Which of two copies is kept is chance, so some pairs are lost whole; dropping units without
    # weighing the others anew leaves 0.9.
    assert float(cosines.min()) > 0.99


@pytest.mark.usefixtures("_weights")
def test_the_units_that_do_most_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = made_up_weights()
    loud = np.arange(0, 1536, 4)
    weights["encoder/layer_0/ffn/linear_1/weight"][:, loud] *= 1e4
    monkeypatch.setattr(networks, "read_container", lambda _path: weights)
    small = prune_whisper(WhisperEncoder(taps=(1,), prune=0.75), FRONT_END, pieces())
    kept = weights["encoder/layer_0/ffn/linear_0/weight"][loud]
    np.testing.assert_array_equal(small.whisper.blocks[0].feed_in.weight.detach().numpy(), kept)


def test_a_pruned_cnn_keeps_the_channels_that_weigh_most(tmp_path: Path) -> None:
    encoder = CnnEncoder(channels=(8, 12), width=16, prune=0.5)
    torch.manual_seed(0)
    front = NetworkFront(encoder, FRONT_END).eval()
    strong = torch.arange(0, 8, 2)
    norm = front.network.convolutions.layers[1]
    norm.weight.data[:] = 1e-3
    norm.weight.data[strong] = 1.0
    save_weights(front, tmp_path / "whole.npz")
    small = prune_cnn(encoder, FRONT_END, tmp_path / "whole.npz")
    assert left(encoder).channels == (4, 6)
    layers = small.network.convolutions.layers
    torch.testing.assert_close(layers[1].weight.data, torch.ones(4))
    torch.testing.assert_close(
        layers[0].weight.data, front.network.convolutions.layers[0].weight.data[strong]
    )
    assert small(torch.zeros(2, 140, 80), torch.ones(2, 140)).shape == (2, 33)


def test_sizes_that_are_left_are_what_processors_like() -> None:
    assert [left_of(1536, share) for share in (0.1, 0.25, 0.9)] == [1384, 1152, 152]
    assert WhisperEncoder(taps=(1,), prune=0.25).heads == 5
    assert is_trained(WhisperEncoder(taps=(1,), prune=0.1))
    assert not is_trained(WhisperEncoder(taps=(1,)))


RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
front_end: {piece_frames: 100, context_frames: 40}
training: {epochs: 1, batch_clips: 4, optimiser: {average: 0}, threads: 1}
encoder: ENCODER
"""


@pytest.mark.usefixtures("_weights")
@pytest.mark.parametrize(
    ("encoder", "most_bytes", "said"),
    [
        (
            "{taps: [1], prune: 0.5}",
            5_000_000,
            "192 of 384 channels .*, weighed anew; only",
        ),
        (
            "{taps: [1], prune: 0.5, trained: blocks}",
            5_000_000,
            "anew and whose blocks are trained",
        ),
        (
            "{kind: cnn, channels: [6, 8], width: 16, prune: 0.5}",
            30_000,
            "by 50% of its channels",
        ),
    ],
)
def test_a_recipe_prunes_and_what_comes_out_is_a_bundle_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str, most_bytes: int, said: str
) -> None:
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE.replace("ENCODER", encoder))
    recipe = read_recipe(tmp_path / "tiny.yaml")
    pruned = train(recipe, tmp_path / "pruned", runs=Runs(tmp_path / "runs"))
    assert pruned.model.stat().st_size < most_bytes
    assert re.search(said, " ".join(pruned.card.split()))
    Predictor(pruned).predict(CLIP)


def test_a_share_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE.replace("ENCODER", "{taps: [1], prune: 1}"))
    with pytest.raises(ConfigError, match=r"encoder\.prune: .* less than or equal to 0\.9"):
        read_recipe(tmp_path / "tiny.yaml")
