"""Temperature and threshold chosen on corpora that the model does not learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_clips import made_corpus

from tonfall.arrays import FloatArray
from tonfall.bundle import Calibration, read_bundle
from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn import fit as fitting
from tonfall.learn.calibrate import Judged, calibrate_left_out
from tonfall.learn.clips import pool_clips
from tonfall.learn.data import calibration_clips, recipe_clips
from tonfall.learn.fit import Fitted, _judge_at_site, calibrate_on, fit
from tonfall.learn.offsets import label_offsets, with_offsets
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.targets import label_shares
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


def test_a_head_adds_its_offsets_to_clips_alone_and_at_their_site(
    recipe: Recipe, tmp_path: Path
) -> None:
    gate = {"held": {"anger": 1}, "floor": 0.05}
    content = {"corpora": OTHERS, "offsets": True}
    path = written(tmp_path, content, baseline={"prior_weight_s": 4, "gate": gate})
    recipe = read_recipe(path)
    clips = recipe_clips(recipe)
    strangers = calibration_clips(recipe, clips)
    assert strangers is not None
    # Labels that no head gets right keep what is fitted finite.
    strangers.loc[strangers.index[::3], "label"] = "anger"
    plain = fit(recipe, clips, labels=recipe.labels)
    bias = plain.judge.categories.bias
    bias += bias.new_tensor([3.0, -1.0, -2.0])  # says one label too often
    even = calibrate_on(strangers, plain, recipe, None)
    assert even.calibration.offsets
    pooled = pool_clips(strangers, recipe=recipe).features
    own = [(strangers["corpus"] == name).to_numpy() for name in ("two", "three")]
    shares = label_shares(strangers, recipe.labels)

    def added(before: FloatArray | None) -> FloatArray:
        """(clips, labels) that the offsets change, each against a mean or the head's own prior."""
        logits = [
            head.logits(pooled, np.tile(head.prior if before is None else before, (len(pooled), 1)))
            for head in (even, plain)
        ]
        found: FloatArray = logits[0] - logits[1]
        return found - found.mean(axis=1, keepdims=True)

    alone = plain.logits(pooled, np.tile(plain.prior, (len(pooled), 1)))
    expected = label_offsets([(alone[part], shares[part]) for part in own])
    assert np.abs(expected).max() > 0.3
    np.testing.assert_allclose(added(None), np.tile(expected, (len(pooled), 1)), atol=1e-3)
    # Against a mean, whatever it is, what is added hangs on neither clip nor mean.
    sites = [added(pooled[row]) for row in (0, 1)]
    np.testing.assert_allclose(sites[0], sites[1], atol=1e-3)
    assert np.abs(sites[0] - sites[0][:1]).max() < 1e-3
    # They are those that calibrate_on finds once offsets of clips alone are taken out again.
    heard = [
        _judge_at_site(
            _alone(replace(plain, calibration=even.calibration), expected),
            strangers[part],
            recipe,
            None,
        )
        for part in own
    ]
    site = label_offsets(
        [(logits - expected, shares[part]) for logits, part in zip(heard, own, strict=True)]
    )
    np.testing.assert_allclose(sites[0][0], site, atol=0.02)


def _alone(fitted: Fitted, offsets: FloatArray) -> Fitted:
    judge, _ = with_offsets(fitted.judge, fitted.prior, alone=offsets, site=None)
    return replace(fitted, judge=judge)


def test_card_and_bundle_say_that_labels_were_evened_out(recipe: Recipe, tmp_path: Path) -> None:
    path = written(tmp_path, {"corpora": OTHERS, "offsets": True})
    bundle = train(read_recipe(path), tmp_path / "even")
    assert bundle.spec.calibration.offsets
    assert bundle.spec.schema_version == 4
    assert "for each label how readily it is said" in bundle.card
    assert "for each label how readily it is said" not in train(recipe, tmp_path / "plain").card
