"""Statistics of clips: of the stretch that the manifest names, and never out of date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grimp
import numpy as np
import pandas as pd
import pytest
import soundfile
from made_clips import RATE, joined, made_corpus, voice

from tonfall.arrays import FloatArray

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.errors import AudioError
from tonfall.learn import clips as clips_module
from tonfall.learn import encode
from tonfall.learn.clips import pool_clips
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.recipe import Augmentation, Recipe, read_recipe
from tonfall.learn.shelves import open_shelves

SMALL = Path(__file__).resolve().parents[2] / "recipes" / "small-research.yaml"

pytestmark = pytest.mark.usefixtures("tiny_front")


@pytest.fixture
def items(tmp_path: Path) -> pd.DataFrame:
    return made_corpus(tmp_path, "made", speakers=2, takes=1)


@pytest.fixture
def acoustics(tmp_path: Path) -> Path:
    """A noise and a room."""
    folder = tmp_path / "acoustics"
    folder.mkdir()
    write_noise(folder, seed=1)
    decay = np.exp(-np.arange(1600) / 200)
    soundfile.write(folder / "rir_hall.wav", decay * 0.5, RATE)
    return folder


def write_noise(folder: Path, *, seed: int) -> None:
    soundfile.write(folder / "hiss.wav", np.random.default_rng(seed).uniform(-0.3, 0.3, RATE), RATE)


@pytest.fixture
def recipe(acoustics: Path) -> Recipe:
    augmentation = Augmentation(copies=("room",), acoustics=acoustics)
    return read_recipe(SMALL).model_copy(update={"augmentation": augmentation})


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all clips that went through the front."""
    seen: list[str] = []
    real = encode.encode_clips

    def counted(clips: list[encode.Clip], work: encode.Work) -> FloatArray:
        seen.extend(clip.item for clip in clips)
        return real(clips, work)

    monkeypatch.setattr(clips_module, "encode_clips", counted)
    return seen


def test_turns_of_a_dialogue_are_the_clips_cut_apart(
    items: pd.DataFrame, recipe: Recipe, tmp_path: Path
) -> None:
    apart = pool_clips(items, recipe=recipe)
    together = pool_clips(joined(items, tmp_path / "dialogue.wav"), recipe=recipe)
    np.testing.assert_array_equal(together.features, apart.features)
    np.testing.assert_array_equal(together.seconds, apart.seconds)
    assert len(np.unique(apart.features[:, 0])) == len(items)


def test_what_was_encoded_is_not_encoded_again(
    items: pd.DataFrame, recipe: Recipe, encoded: list[str]
) -> None:
    first = pool_clips(items[:4], recipe=recipe)
    open_shelves.cache_clear()  # as another process would begin
    second = pool_clips(items, recipe=recipe)
    np.testing.assert_array_equal(second.features[:4], first.features)
    assert encoded == [f"made/{item}" for item in items["item"]]


Change = Callable[[pd.DataFrame, Recipe, pytest.MonkeyPatch], tuple[pd.DataFrame, Recipe]]


def another_sound(
    items: pd.DataFrame, recipe: Recipe, _patch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, Recipe]:
    sound = voice(222, seconds=0.9, seed=0)
    soundfile.write(items["file"][0], sound, RATE, subtype="PCM_16")
    return items, recipe


def another_end(
    items: pd.DataFrame, recipe: Recipe, _patch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, Recipe]:
    return items.assign(end=0.6), recipe


def another_noise(
    items: pd.DataFrame, recipe: Recipe, _patch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, Recipe]:
    assert recipe.augmentation.acoustics
    write_noise(recipe.augmentation.acoustics, seed=2)
    encode._acoustics.cache_clear()
    return items, recipe


def another_code(
    items: pd.DataFrame, recipe: Recipe, patch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, Recipe]:
    """As if a line of voice activity had changed."""
    patch.setattr(clips_module, "code_hash", lambda *parts: "0" * 64 if "vad" in parts else "")
    return items, recipe


def another_library(
    items: pd.DataFrame, recipe: Recipe, patch: pytest.MonkeyPatch
) -> tuple[pd.DataFrame, Recipe]:
    patch.setattr(clips_module, "library_versions", lambda *_names: "numpy 99")
    return items, recipe


@pytest.mark.parametrize(
    "change", [another_sound, another_end, another_noise, another_code, another_library]
)
def test_what_decides_a_copy_has_it_made_anew(
    items: pd.DataFrame,
    recipe: Recipe,
    encoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
) -> None:
    items = items[:1].assign(hash=None)
    before = pool_clips(items, recipe=recipe, copy="room")
    items, recipe = change(items, recipe, monkeypatch)
    after = pool_clips(items, recipe=recipe, copy="room")
    assert len(encoded) == 2
    if change not in (another_code, another_library):
        assert not np.array_equal(before.features, after.features)


def test_another_test_noise_is_another_degradation(
    items: pd.DataFrame, recipe: Recipe, acoustics: Path, encoded: list[str]
) -> None:
    for seed in (1, 1, 2):
        write_noise(acoustics, seed=seed)
        chain = parse_degradation("noise:5", acoustics=acoustics)
        pool_clips(items[:1], recipe=recipe, degrade=chain)
    assert len(encoded) == 2
    assert parse_degradation("loss:5").key != parse_degradation("loss:6").key


def test_a_silent_clip_is_named(recipe: Recipe, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(RATE), RATE)
    rows = pd.DataFrame([{"item": "nothing", "file": str(tmp_path / "nothing.wav")}])
    with pytest.raises(AudioError, match=r"made/nothing \(.*nothing\.wav\): The clip is"):
        pool_clips(rows.assign(corpus="made"), recipe=recipe)


def test_the_key_covers_all_code_that_a_clip_goes_through() -> None:
    """Whatever `encode` imports, at any remove, decides; but for values that stand in the key."""
    graph = grimp.build_graph("tonfall")
    graph.remove_module("tonfall.learn.recipe")  # what it says stands in the key
    used = graph.find_upstream_modules("tonfall.learn.encode") | {"tonfall.learn.encode"}
    covered = {
        part.removesuffix(".py").replace("/", ".") for part in (*encode.CODE, *encode.PRETRAINED)
    }
    settings = {
        *("bundle", "contents", "corpora.contents", "emotion", "errors", "parsing", "timeline"),
    }
    left = [
        name
        for module in used
        for name in [module.removeprefix("tonfall.")]
        if not any(f"{name}.".startswith(f"{each}.") for each in covered | settings)
    ]
    assert left == []
