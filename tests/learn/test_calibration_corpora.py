"""Temperature and threshold chosen on corpora that the model does not learn from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from made_clips import made_corpus

from tonfall.bundle import Calibration, read_bundle
from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn import fit as fitting
from tonfall.learn.calibrate import Judged, calibrate_left_out
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.train import train

LABELS = ("sadness", "anger", "neutral")
OTHERS = {"two": "two.parquet", "three": {"place": "three.parquet", "licence": "ask first"}}


def written(folder: Path, calibration: object, **changes: object) -> Path:
    content = {
        "name": "tiny",
        "corpora": {"one": {"place": "one.parquet", "licence": "free", "language": "en"}},
        "labels": list(LABELS),
        "encoder": {"taps": [0]},
        "calibration": calibration,
        **changes,
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "tiny.yaml"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """One corpus to learn from; of two others one has a label that the recipe lacks."""
    for name, speakers in (("one", 3), ("two", 2), ("three", 2)):
        rows = made_corpus(tmp_path, name, speakers=speakers, takes=2)
        if name == "three":
            rows["label"] = rows["label"].replace("sadness", "fear")
        Manifest.from_frame(rows, root=tmp_path).write(tmp_path / f"{name}.parquet")
    return read_recipe(written(tmp_path, {"corpora": OTHERS}))


def test_places_are_relative_to_the_recipe(recipe: Recipe, tmp_path: Path) -> None:
    assert {name: use.place for name, use in recipe.calibration_corpora.items()} == {
        "two": tmp_path / "two.parquet",
        "three": tmp_path / "three.parquet",
    }
    assert recipe.places == {"one": tmp_path / "one.parquet"}


@pytest.mark.parametrize("word", ["held_out_speakers", "left_out_corpora"])
def test_the_words_are_what_they_were(tmp_path: Path, word: str) -> None:
    recipe = read_recipe(written(tmp_path, word))
    assert recipe.calibration == word
    assert recipe.calibration_corpora == {}


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ("strangers", r": calibration: Input should be 'held_out_speakers' or 'left_out_corpora'"),
        ({"corpra": {}}, r": calibration\.\w+: "),
        ({"corpora": {"two": "a"}}, r": calibration\.corpora: .*at least 2"),
        ({"corpora": {"two": {"plaice": "a"}, "b": "b"}}, r": calibration\.corpora\.two\.place"),
        ({"corpora": {"one": "a", "b": "b"}}, "one stands in corpora and in calibration.corpora"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, calibration: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(written(tmp_path, calibration))
    assert "\n" not in str(caught.value)
    assert "<" not in str(caught.value)


@pytest.mark.usefixtures("tiny_front")
def test_the_whole_head_is_calibrated_on_them_and_learns_nothing(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Judged] = []
    real = fitting.calibrate_left_out

    def watched(judged: list[Judged], *, offsets: bool) -> Calibration:
        seen.extend(judged)
        return real(judged, offsets=offsets)

    monkeypatch.setattr(fitting, "calibrate_left_out", watched)
    said: list[str] = []
    train(recipe, tmp_path / "model", say=said.append)
    spec = read_bundle(tmp_path / "model").spec
    assert [use.name for use in spec.corpora] == ["one"]
    assert [(use.name, use.clips) for use in spec.calibration.corpora] == [
        ("two", 12),
        ("three", 8),
    ]
    assert [(one.corpus, len(one.logits)) for one in seen] == [("two", 12), ("three", 8)]
    assert spec.calibration.temperature == calibrate_left_out(seen).temperature
    assert spec.calibration.left_out is not None
    assert spec.calibration.left_out.corpora == ("two", "three")
    assert spec.schema_version == 3

    plain = recipe.model_copy(update={"calibration": "held_out_speakers"})
    alone = train(plain, tmp_path / "plain")
    assert alone.spec.files["model.onnx"] == spec.files["model.onnx"]
    assert alone.spec.baseline == spec.baseline
    assert (alone.spec.schema_version, alone.spec.calibration.corpora) == (1, ())
    assert any("calibration.corpora.two.licence" in sentence for sentence in said)


@pytest.mark.usefixtures("tiny_front")
def test_the_card_says_what_was_chosen_on_them_and_their_licences(
    recipe: Recipe, tmp_path: Path
) -> None:
    figures = {"clip alone: mean": 57.4}
    card = train(recipe, tmp_path / "model", figures=figures).card
    learnt, _, chosen = card.partition("## What its confidence was chosen on\n")
    table, _, rest = chosen.partition("\n## ")
    assert "| one | en | 18 | 3 | free |" in learnt
    assert "three" not in learnt
    assert "none of their content is in the model" in table
    assert "Two numbers were chosen" in table
    assert "| three | not stated | 8 | 2 | ask first |" in table
    assert "on corpora that it did not learn from (two, three), each clip alone" in rest
    assert "left out of training one at a time" not in card
    assert "This model as it is, on whole corpora that it learnt nothing from" in rest
    assert "a corpus that it never heard, it finds 57 % of each of four classes" in rest


@pytest.mark.usefixtures("tiny_front")
def test_a_sound_that_is_learnt_calibrates_nothing(recipe: Recipe, tmp_path: Path) -> None:
    for name in ("one", "two"):
        rows = made_corpus(tmp_path / "again", name, speakers=2, takes=2)
        rows["hash"] = [f"{number:064d}" for number in range(len(rows))]
        Manifest.from_frame(rows, root=tmp_path).write(tmp_path / f"{name}.parquet")
    with pytest.raises(ConfigError, match="corpora: 12 recordings of them are the same sound"):
        train(recipe, tmp_path / "model")


@pytest.mark.usefixtures("tiny_front")
def test_a_corpus_without_a_known_label_is_named(recipe: Recipe, tmp_path: Path) -> None:
    rows = made_corpus(tmp_path / "odd", "two", speakers=2).assign(label="boredom")
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "two.parquet")
    with pytest.raises(ConfigError, match=r"calibration\.corpora\.two: none of its clips has"):
        train(recipe, tmp_path / "model")


def test_offsets_come_from_the_other_corpora_and_change_head_and_prior(
    recipe: Recipe, tmp_path: Path
) -> None:
    baseline = {"prior_weight_s": 4, "gate": {"held": {"anger": 1}, "floor": 0.05}}
    bundles = []
    for name, offsets in (("plain", False), ("even", True)):
        path = written(tmp_path, {"corpora": OTHERS, "offsets": offsets}, baseline=baseline)
        bundles.append(train(read_recipe(path), tmp_path / name))
    plain, even = (bundle.spec for bundle in bundles)
    assert plain.baseline is not None
    assert even.baseline is not None
    assert plain.baseline.prior_mean != even.baseline.prior_mean
    assert plain.baseline.gate == even.baseline.gate
    assert "how readily each label is said" in bundles[1].card
    assert "how readily each label is said" not in bundles[0].card
