"""Recipes are read strictly, and a slip is answered with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.recipe import read_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CONTENT: dict[str, object] = yaml.safe_load(
    (RECIPES / "small-research.yaml").read_text(encoding="utf-8")
)


def write(folder: Path, **changes: object) -> Path:
    """The recipe of ``small`` with some top-level keys changed."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**CONTENT, **changes}), encoding="utf-8")
    return path


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, corpora={"emodb": "corpora/emodb"}))
    assert recipe.places == {"emodb": tmp_path / "corpora" / "emodb"}
    assert recipe.augmentation.acoustics is not None
    assert recipe.augmentation.acoustics.is_absolute()


def test_a_corpus_of_ones_own_says_its_licence_and_language(tmp_path: Path) -> None:
    own = {"place": "shop.csv", "licence": "ours", "language": "de"}
    recipe = read_recipe(write(tmp_path, corpora={"our.shop": own}))
    assert recipe.places == {"our.shop": tmp_path / "shop.csv"}
    assert recipe.corpora["our.shop"].licence == "ours"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 1}, "seeds: unknown key; did you mean 'seed'"),
        ({"head": {"strenght": 1}}, r"head\.strenght: unknown key; did you mean 'strength'"),
        ({"zzz": 1}, r"zzz: unknown key\."),
        ({"labels": ["neutral", "rage"]}, "unknown categories: rage"),
        ({"merge": {"calm": "quiet"}}, "unknown categories: quiet"),
        ({"encoder": {"taps": []}}, r"encoder\.taps"),
        ({"encoder": {"taps": [5]}}, r"encoder\.taps\.0"),
        ({"encoder": {"kind": "wavlm", "taps": [1]}}, r"encoder: kind has to be one of whisper"),
        ({"encoder": {"kind": "trained"}}, r"encoder: kind has to be one of whisper"),
        ({"encoder": {"kind": "cnn", "taps": [1]}}, r"encoder\.taps: unknown key"),
        ({"encoder": {"kind": "bilstm", "hiden": 8}}, r"encoder\.hiden: .*did you mean 'hidden'"),
        ({"encoder": {"kind": "cnn-transformer", "width": 10}}, "multiple of heads, 4"),
        ({"front_end": {"piece_frames": 99}}, "have to be multiples of 2"),
        ({"training": {"epoch": 3}}, r"training\.epoch: unknown key; did you mean 'epochs'"),
        ({"training": {"loss": {"kind": "hinge"}}}, r"training\.loss\.kind"),
        ({"training": {"frames": {"crop_s": [4, 2]}}}, r"crop_s goes from 4\.0 to 2\.0"),
        ({"head": {"strength": 0}}, r"head\.strength"),
        ({"augmentation": {"copies": ["telephone"]}}, "acoustics is needed"),
        ({"augmentation": {"copies": ["underwater"]}}, r"augmentation\.copies\.0"),
        ({"name": "../small"}, "name"),
        ({"labels": ["neutral", "anger", "anger"]}, "a label is named twice"),
        ({"labels": ["neutral"]}, "labels"),
        ({"labels": ["neutral", "anger"]}, r"baseline\.gate\.held names happiness"),
        ({"corpora": {"a+b": "x"}}, r"corpora\.a\+b"),
        ({"corpora": {"a": {"place": "x", "license": "y"}}}, "did you mean 'licence'"),
        ({"corpora": {"a": {"place": "x", "language": "German"}}}, r"corpora\.a\.language"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_does_not_belong_is_named(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .* name a YAML file"):
        read_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"- 1", b"", b"just words"])
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="recipe"):
        read_recipe(path)


@pytest.mark.parametrize("name", ["small", "medium"])
def test_the_bundles_are_what_the_recipes_say(name: str) -> None:
    from tonfall.bundle import read_bundle

    recipe, spec = read_recipe(RECIPES / f"{name}.yaml"), read_bundle(name).spec
    assert spec.labels == recipe.labels
    assert spec.front_end == recipe.front_end
    assert spec.windows == recipe.windows
    assert spec.baseline is not None
    assert recipe.baseline is not None
    assert spec.baseline.gate == recipe.baseline.gate
    assert spec.baseline.prior_weight_s == recipe.baseline.prior_weight_s
    assert {use.name for use in spec.corpora} == set(recipe.corpora)


def test_a_value_given_beside_the_recipe_replaces_its_own(tmp_path: Path) -> None:
    settings = ["training.epochs=3", "training.loss.kind=focal", "labels=[neutral, anger]"]
    changed = write(tmp_path, baseline=None, encoder={"kind": "cnn"})
    recipe = read_recipe(changed, settings=settings)
    assert (recipe.training.epochs, recipe.training.loss.kind) == (3, "focal")
    assert recipe.labels == ("neutral", "anger")
    assert recipe.training.batch_clips == read_recipe(changed).training.batch_clips


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.epoch=3", r"training\.epoch: unknown key; did you mean 'epochs'"),
        ("training.epochs=many", r"training\.epochs: Input should be a valid integer"),
        ("seed.x=1", r"seed: Input should be a valid integer"),
        ("training.epochs", r"--set training\.epochs: expected a key of the recipe and its value"),
        ("=3", r"--set =3: expected a key"),
        ("seed=[", r"--set seed=\[: the value is not YAML"),
    ],
)
def test_a_value_that_does_not_belong_is_named(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(write(tmp_path), settings=[setting])
    assert "\n" not in str(caught.value)
