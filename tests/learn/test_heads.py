"""Training: convex, masked, calibrated, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tonfall.bundle import Gate
from tonfall.errors import ConfigError

torch = pytest.importorskip("torch")

from tonfall.learn import fit as fitting  # noqa: E402
from tonfall.learn.calibrate import calibrate  # noqa: E402
from tonfall.learn.clips import Pooled  # noqa: E402
from tonfall.learn.degrade import parse_degradation  # noqa: E402
from tonfall.learn.head import Lesson, fit_judge  # noqa: E402
from tonfall.learn.history import draw_histories, prior_mean  # noqa: E402
from tonfall.learn.recipe import BaselineRecipe, read_recipe  # noqa: E402

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def lesson(rows: int = 60) -> Lesson:
    rng = np.random.default_rng(0)
    truth = np.arange(rows) % 3
    centred = rng.normal(0, 0.1, (rows, 4)).astype(np.float32)
    centred[np.arange(rows), truth] += 1
    targets = np.eye(3, dtype=np.float32)[truth]
    dimensions = np.full((rows, 3), np.nan, np.float32)
    dimensions[:, 0] = truth / 2
    return Lesson(
        centred=centred,
        learnt=np.zeros_like(centred),
        targets=targets,
        possible=np.ones_like(targets, bool),
        weights=np.ones(rows, np.float32),
        dimensions=dimensions,
    )


def test_the_head_learns_what_can_be_told_apart() -> None:
    made = lesson()
    logits, dimensions = fit_judge(made, strength=100)(
        torch.from_numpy(made.centred), torch.zeros(60, 4)
    )
    assert (logits.numpy().argmax(axis=1) == made.targets.argmax(axis=1)).all()
    assert np.corrcoef(dimensions.numpy()[:, 0], made.dimensions[:, 0])[0, 1] > 0.9


def test_a_head_that_hears_the_baseline_uses_it_and_is_the_same_without_one() -> None:
    made = lesson()
    rng = np.random.default_rng(1)
    told = rng.normal(0, 0.1, made.learnt.shape).astype(np.float32)
    told[:, 3] += made.targets[:, 1]
    mute = replace(made, centred=np.zeros_like(made.centred) + told[:, :1], learnt=told)
    prior = np.full(4, 0.5, np.float32)
    deaf = fit_judge(mute, strength=100, prior=prior)
    judge = fit_judge(mute, strength=100, prior=prior, hears_baseline=1.0)
    baseline = torch.from_numpy(told + prior)
    pooled = torch.from_numpy(mute.centred) + baseline
    found = judge(pooled, baseline)[0].numpy().argmax(axis=1) == 1
    assert (found == (made.targets[:, 1] > 0)).all()
    assert deaf.voice is None
    assert judge.voice is not None
    at_prior = torch.from_numpy(prior).expand(60, 4)
    logits, _ = judge(pooled, at_prior)
    alone = judge.categories((pooled - at_prior) / judge.scale)
    assert torch.equal(logits, alone)


def test_training_twice_gives_the_same_head() -> None:
    first, second = fit_judge(lesson(), strength=10), fit_judge(lesson(), strength=10)
    assert torch.equal(first.categories.weight, second.categories.weight)


def test_a_label_that_a_corpus_lacks_is_not_learnt_as_absent() -> None:
    made = lesson()
    barred = made.possible.copy()
    barred[:, 2] = made.targets[:, 2] > 0
    masked = replace(made, possible=barred)
    third = torch.from_numpy(made.centred[made.targets[:, 2] > 0])
    with_mask, _ = fit_judge(masked, strength=10)(third, torch.zeros_like(third))
    without, _ = fit_judge(made, strength=10)(third, torch.zeros_like(third))
    assert with_mask[:, 2].mean() != without[:, 2].mean()


def test_a_clip_counts_as_much_more_than_its_copies_as_the_recipe_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learnt: list[Lesson] = []

    def learn(lesson: Lesson, **_how: object) -> None:
        learnt.append(lesson)

    features = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    pooled = Pooled(features, np.ones(4, np.float32))
    monkeypatch.setattr(fitting, "pool_clips", lambda *_args, **_how: pooled)
    monkeypatch.setattr(fitting, "fit_judge", learn)
    medium = read_recipe(RECIPES / "medium-research.yaml")
    clips = pd.DataFrame(
        {
            "corpus": "emodb",
            "speaker": "03",
            "label": ["neutral", "anger"] * 2,
            "item": list("abcd"),
        }
    )
    for weight in (1, 2):
        augmentation = medium.augmentation.model_copy(
            update={"copies": ("telephone", "room"), "clip_weight": weight}
        )
        recipe = medium.model_copy(update={"augmentation": augmentation})
        fitting.fit(recipe, clips, labels=("anger", "neutral"))
    alike, stressed = (lesson.weights for lesson in learnt)
    np.testing.assert_allclose(stressed / alike, [2] * 4 + [1] * 8)


def test_temperature_makes_sure_logits_honest() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1, (4000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(3, p=row) for row in odds])
    found = calibrate((3 * logits).astype(np.float32), np.eye(3, dtype=np.float32)[truth])
    assert found.temperature == pytest.approx(3, rel=0.1)
    assert found.coverage == pytest.approx(0.8, abs=0.01)


def test_a_history_never_holds_the_clip_itself() -> None:
    clips = pd.DataFrame(
        {
            "corpus": "c",
            "speaker": ["a"] * 6 + ["b"] * 6,
            "label": ["neutral", "anger", "sadness"] * 4,
            "seconds": 2.0,
        }
    )
    recipe = BaselineRecipe(prior_weight_s=4, gate=Gate(held={"anger": 1.0}, floor=0.05), draws=5)
    drawn = draw_histories(clips, recipe=recipe, rng=np.random.default_rng(0))
    assert len(drawn.clips) == 60
    for clip, members in zip(drawn.clips, drawn.members, strict=True):
        assert clip not in members
        assert (clips["speaker"][members] == clips["speaker"][clip]).all()


def test_the_prior_weighs_corpora_alike() -> None:
    pooled = np.array([[0.0], [0.0], [0.0], [4.0]], np.float32)
    assert prior_mean(pooled, pd.Series(["a", "a", "a", "b"])) == pytest.approx([2.0])


def test_shipped_recipes_are_read_and_typos_are_answered(tmp_path: Path) -> None:
    for name in ("medium", "small"):
        assert read_recipe(RECIPES / f"{name}.yaml").name == name
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        (RECIPES / "small-research.yaml").read_text().replace("strength:", "strenght:")
    )
    with pytest.raises(ConfigError, match="did you mean 'strength'"):
        read_recipe(wrong)


@pytest.mark.parametrize("name", ["telephone", "loss:30", "level:-30", "mp3:32"])
def test_degradations_keep_the_length_and_repeat(name: str) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_001).astype(np.float32)
    chain = parse_degradation(name)
    once, again = chain(waveform, "item"), chain(waveform, "item")
    assert once.shape == waveform.shape
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, waveform)


def test_an_unknown_degradation_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="telephone"):
        parse_degradation("fog:3")
