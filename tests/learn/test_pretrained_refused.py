"""Checkpoints that cannot be used are refused in one sentence, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tiny_encoders import save_tiny

from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("transformers", reason="these encoders need transformers: extra train")

from safetensors.torch import load_file, save_file

from tonfall.learn.pretrained.checkpoint import read_checkpoint
from tonfall.learn.pretrained.options import TransformersEncoder
from tonfall.learn.recipe import read_recipe, with_checkpoint

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def refused(model: Path | str, message: str, **settings: object) -> None:
    values = {"kind": "transformers", "model": str(model), **settings}
    with pytest.raises(ConfigError, match=message) as caught:
        read_checkpoint(TransformersEncoder.model_validate(values))
    assert "\n" not in str(caught.value)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny", "hubert")


def change(file: Path, **values: object) -> None:
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | values))


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    refused("microsoft/wavlm-none", "^microsoft/wavlm-none: there is no such folder, and the Hu")


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    refused(tmp_path, "there is no checkpoint in this folder, or no whole one; it has to hold")


def test_a_folder_without_weights(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    refused(checkpoint, "there is no checkpoint in this folder, or no whole one")


def test_weights_that_are_cut_off(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    refused(checkpoint, "the weights of the checkpoint cannot be read")


def test_weights_that_lack_some(checkpoint: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    kept = {name: each for name, each in weights.items() if "encoder.layers.1." not in name}
    save_file(kept, checkpoint / "model.safetensors", metadata={"format": "pt"})
    refused(checkpoint, r"16 weights of a hubert encoder are not in the checkpoint, encoder\.layer")
    read_checkpoint(TransformersEncoder(kind="transformers", model=str(checkpoint), blocks=1))


def test_weights_of_another_size(checkpoint: Path) -> None:
    change(checkpoint / "config.json", intermediate_size=40)
    refused(checkpoint, "the weights of the checkpoint cannot be read")


def test_an_encoder_of_words(tmp_path: Path) -> None:
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    refused(tmp_path, "checkpoint of kind bert, but wav2vec2, hubert or wavlm is expected")


def test_an_encoder_that_nobody_knows(checkpoint: Path) -> None:
    change(checkpoint / "config.json", model_type="parrot")
    refused(checkpoint, "checkpoint of an unknown kind, but wav2vec2, hubert or wavlm is expected")


def test_an_encoder_of_other_steps_or_another_rate(checkpoint: Path) -> None:
    change(checkpoint / "preprocessor_config.json", sampling_rate=8000)
    refused(checkpoint, "it takes samples at 8000 Hz, but 16000 are expected")
    change(checkpoint / "config.json", conv_stride=[5, 2, 2, 2, 2, 2, 4])
    refused(checkpoint, "its steps are 640 samples apart, but 320 are expected")


def test_more_blocks_than_there_are(checkpoint: Path) -> None:
    refused(checkpoint, r"encoder\.blocks is 3, but of .* there are 2; name fewer", blocks=3)
    refused(checkpoint, r"encoder\.top is 2, but of .* there are 1", blocks=1, trained="top")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"front_end": {"piece_frames": 100}}, "log_mel_80, but an encoder of kind transformers"),
        ({"training": {"frames": {"vocal_tract": 0.1}}}, r"vocal_tract changes bands, which"),
        ({"encoder": {"kind": "transformers"}}, r"encoder\.model: Field required"),
        (
            {"encoder": {"kind": "transformers", "model": "x", "lora": {"rnk": 2}}},
            r"encoder\.lora\.rnk: unknown key; did you mean 'rank'",
        ),
    ],
)
def test_a_recipe_that_does_not_fit(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    content = yaml.safe_load((RECIPES / "wavlm-lora.yaml").read_text())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content | changes))
    with pytest.raises(ConfigError, match=message):
        read_recipe(tmp_path / "recipe.yaml")


def test_another_checkpoint_is_taken_for_that_of_the_recipe(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, from where the command is; or a name on the hub. The licence is the other's."""
    monkeypatch.chdir(checkpoint.parent)
    recipe = read_recipe(RECIPES / "wav2vec2.yaml")
    for model, expected in ((checkpoint.name, str(checkpoint)), ("a/b", "a/b")):
        encoder = with_checkpoint(recipe, model).encoder
        assert isinstance(encoder, TransformersEncoder)
        assert (encoder.model, encoder.licence) == (expected, None)
        assert encoder.trained == "blocks"


def test_a_recipe_without_a_checkpoint_takes_none() -> None:
    recipe = read_recipe(RECIPES / "ravdess-cnn.yaml")
    with pytest.raises(ConfigError, match="--encoder x: the recipe's encoder is cnn, which begins"):
        with_checkpoint(recipe, "x")
