"""What is learnt of a clip that listeners voted on: shares, weights, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_clips import made_corpus

from tonfall.corpora import Manifest
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ConfigError
from tonfall.evaluation.items import contradictory

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.data import recipe_clips
from tonfall.learn.recipe import Recipe, Targets
from tonfall.learn.targets import (
    SHARES,
    label_shares,
    row_weights,
    with_shares,
)
from tonfall.learn.train import train

LABELS = ("neutral", "anger", "sadness")
FOUR_VOTES = LabelMap(merge={"calm": "neutral"}, keep=LABELS)

Votes = dict[str, float] | None


def clips(*rows: tuple[str | None, Votes], corpus: str = "heard") -> pd.DataFrame:
    table = pd.DataFrame({"label": [label for label, _ in rows]}, dtype=object)
    return table.assign(
        item=[f"c{number}" for number in range(len(rows))],
        corpus=corpus,
        votes=pd.Series([votes for _, votes in rows], dtype=object),
    )


def shares_of(how: Targets, *rows: tuple[str | None, Votes]) -> tuple[np.ndarray, list[object]]:
    found = with_shares(clips(*rows), {"heard": how}, FOUR_VOTES)
    return label_shares(found, LABELS), found["label"].tolist()


def test_votes_are_merged_and_scaled_without_those_for_other_labels() -> None:
    shares, labels = shares_of("votes", ("anger", {"calm": 2, "neutral": 1, "anger": 1, "fear": 4}))
    np.testing.assert_allclose(shares, [[0.75, 0.25, 0]])
    assert labels == ["neutral"]


def test_mixed_is_half_of_each() -> None:
    shares, labels = shares_of("mixed", ("anger", {"neutral": 3, "sadness": 1}))
    np.testing.assert_allclose(shares, [[0.375, 0.5, 0.125]])
    assert labels == ["anger"]


def test_where_no_label_was_agreed_on_mixed_is_what_was_heard() -> None:
    shares, labels = shares_of("mixed", (None, {"sadness": 2}), ("fear", {"anger": 1}))
    np.testing.assert_allclose(shares, [[0, 0, 1], [0, 1, 0]])
    assert labels == ["sadness", "anger"]


def test_intended_is_the_label_whatever_was_heard() -> None:
    shares, labels = shares_of("intended", ("anger", {"neutral": 9}))
    np.testing.assert_array_equal(shares, [[0, 1, 0]])
    assert labels == ["anger"]


def test_a_tie_goes_to_the_label_that_was_meant() -> None:
    tied = {"neutral": 2, "sadness": 2}
    _, labels = shares_of("votes", ("sadness", tied), ("neutral", tied), ("anger", tied))
    assert labels == ["sadness", "neutral", "neutral"]


@pytest.mark.parametrize("how", ["votes", "mixed"])
def test_clips_whose_votes_leave_nothing_are_left_out_and_counted(how: Targets) -> None:
    said: list[str] = []
    rows = clips(("anger", {"fear": 3}), ("anger", None), ("anger", {}), ("anger", {"anger": 1}))
    found = with_shares(rows, {"heard": how}, FOUR_VOTES, say=said.append)
    assert found["item"].tolist() == ["c3"]
    assert said == [
        "heard: 3 clips were left out because no vote is for a label of the recipe: c0, c1, c2."
    ]


@pytest.mark.parametrize("column", [True, False])
def test_votes_of_a_corpus_without_any_are_refused(column: bool) -> None:
    rows = clips(("anger", None))
    rows = rows if column else rows.drop(columns="votes")
    with pytest.raises(ConfigError, match=r"corpora\.heard\.targets is 'votes'\. Leave the key"):
        with_shares(rows, {"heard": "votes"}, FOUR_VOTES)


def test_one_label_a_clip_weighs_by_its_count() -> None:
    rows = clips(("anger", None), ("anger", None), ("neutral", None), ("fear", None), (None, None))
    shares = label_shares(rows, LABELS)
    weights = row_weights(rows, shares, LABELS, {"anger": 1.5})
    np.testing.assert_allclose(weights, [0.75, 0.75, 1, 1, 1])


def test_with_votes_each_label_hands_out_one_in_proportion_to_its_shares() -> None:
    mostly = {"neutral": 9.0, "anger": 1.0}
    soft = with_shares(
        clips(("anger", mostly), ("anger", mostly), ("anger", {"sadness": 1})),
        {"heard": "votes"},
        FOUR_VOTES,
    )
    hard = clips(("anger", None), ("neutral", None), ("neutral", None), corpus="said")
    rows = pd.concat([soft, hard], ignore_index=True)
    shares = label_shares(rows, LABELS)
    weights = row_weights(rows, shares, LABELS, {})
    np.testing.assert_allclose(weights, [1, 1, 1, 1, 0.5, 0.5])
    # A corpus weighs what it has labels, however they are shared out.
    assert weights[:3].sum() == pytest.approx(3)
    twice = row_weights(rows, shares, LABELS, {"anger": 2})
    np.testing.assert_allclose(twice, [1.5, 1.5, 1, 2, 0.5, 0.5])


def test_the_same_sound_under_different_labels_is_contradictory() -> None:
    rows = pd.DataFrame(
        [
            ("a", "x", "anger"),
            ("b", "x", "fear"),
            ("calm", "y", "calm"),
            ("neutral", "y", "neutral"),
            ("again", "z", "anger"),
            ("once more", "z", "anger"),
            ("unlabelled", "z", None),
            ("no sound", None, "anger"),
            ("none either", None, "fear"),
        ],
        columns=["item", "hash", "label"],
    ).assign(start=0.0, end=None)
    found = contradictory(rows, merge={"calm": "neutral"})
    assert rows.loc[found, "item"].tolist() == ["a", "b"]
    assert not contradictory(rows.drop(columns="hash")).any()


def test_two_stretches_of_one_file_are_two_sounds() -> None:
    rows = pd.DataFrame({"item": ["a", "b"], "hash": "x", "label": ["anger", "fear"]})
    rows = rows.assign(start=[0.0, 1.0], end=[1.0, 2.0])
    assert not contradictory(rows).any()


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Four voices that mean one thing and are mostly heard as another; one pair of files alike."""
    rows = made_corpus(tmp_path, "heard", speakers=4, takes=2).assign(intensity=0.9)
    heard = {"neutral": "anger", "anger": "neutral", "sadness": "sadness"}
    rows["votes"] = pd.Series(
        [{heard[label]: 8.0, "sadness": 2.0, "fear": 5.0} for label in rows["label"]], dtype=object
    )
    rows["hash"] = rows["item"]
    twin = rows["item"] == "s0-neutral-0"
    rows.loc[twin, "hash"] = "s0-anger-0"
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "heard.parquet")
    return Recipe.model_validate(
        {
            "name": "tiny",
            "corpora": {"heard": {"place": tmp_path / "heard.parquet", "targets": "votes"}},
            "labels": ["sadness", "neutral", "anger"],
            "encoder": {"taps": [0]},
            "baseline": {
                "prior_weight_s": 4,
                "gate": {"held": {"anger": 1.0}, "floor": 0.05},
                "histories": [0, 2],
                "draws": 1,
            },
        }
    )


def test_a_recipe_reads_what_was_heard(recipe: Recipe) -> None:
    said: list[str] = []
    found = recipe_clips(recipe, say=said.append)
    assert len(found) == 22
    assert "same sound stands under different labels: s0-neutral-0, s0-anger-0" in said[0]
    angry = found[found["item"] == "s1-neutral-0"].iloc[0]
    assert angry["label"] == "anger"
    assert angry[SHARES] == {"anger": 0.8, "sadness": 0.2}
    # Anger's place and sadness's, four to one; the acted strength is that of what was meant.
    assert angry["arousal"] == pytest.approx(0.8 * 0.795 + 0.2 * 0.365)


@pytest.mark.usefixtures("tiny_front")
def test_a_model_that_learns_votes_says_what_was_heard(recipe: Recipe, tmp_path: Path) -> None:
    from tonfall.corpora.clips import clips_of, read_clip
    from tonfall.runtime import load

    bundle = train(recipe, tmp_path / "model")
    assert "Of heard it learnt the shares of the listeners' votes" in bundle.card
    model, found = load(bundle.folder), recipe_clips(recipe)
    judged = [
        np.asarray(model.predict(read_clip(clip), sampling_rate=16_000).probabilities)
        for clip in clips_of(found)
    ]
    guesses = [recipe.labels[row.argmax()] for row in judged]
    assert np.mean([g == t for g, t in zip(guesses, found["label"], strict=True)]) > 0.9
    # Nobody agrees on more than four votes of five, so nothing is surer than about that.
    sure = np.array(
        [row.max() for row, t in zip(judged, found["label"], strict=True) if t != "sadness"]
    )
    assert sure.mean() == pytest.approx(0.8, abs=0.1)


def test_under_a_protocol_the_recipe_says_what_is_learnt(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol's labels count, merged as the recipe says where it lacks one."""
    from tonfall.learn import fold

    learnt: list[pd.DataFrame] = []

    def watched(_recipe: Recipe, *parts: pd.DataFrame, **_how: object) -> None:
        learnt.extend(parts)

    monkeypatch.setattr(fold, "fit_calibrated", watched)
    heard = clips(("anger", {"calm": 3, "anger": 1}), ("neutral", {"neutral": 2, "fear": 2}))
    others = clips(("anger", {"neutral": 9}), corpus="of no name")
    merging = recipe.model_copy(update={"merge": {"calm": "neutral"}})
    fold.RecipeModel(merging).fit(pd.concat([heard, others], ignore_index=True), heard[:1])
    train, development = learnt
    assert label_shares(train, ("anger", "neutral")).tolist() == [[0.25, 0.75], [0, 1], [1, 0]]
    assert label_shares(development, ("anger", "neutral")).tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("how", "shares"),
    [
        ("intended", [[1, 0]]),
        ("votes", [[0.25, 0.75], [0, 1]]),
        ("mixed", [[0.625, 0.375], [0, 1]]),
    ],
)
def test_where_the_truth_is_what_was_heard_the_recipe_still_says_what_is_learnt(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, how: Targets, shares: list[list[float]]
) -> None:
    """``loco/six`` gives both; what was meant may be no label of the protocol."""
    from tonfall.learn import fold

    learnt: list[pd.DataFrame] = []
    monkeypatch.setattr(
        fold, "fit_calibrated", lambda _recipe, *parts, **_how: learnt.extend(parts)
    )
    heard = clips(("neutral", {"neutral": 3, "anger": 1}), ("neutral", {"neutral": 2, "fear": 1}))
    heard = heard.assign(meant=["anger", None])
    of_others = clips(("anger", None), corpus="of no name").assign(meant="anger")
    uses = {"heard": recipe.corpora["heard"].model_copy(update={"targets": how})}
    fold.RecipeModel(recipe.model_copy(update={"corpora": uses})).fit(
        pd.concat([heard, of_others], ignore_index=True), heard
    )
    train, development = learnt
    assert label_shares(train, ("anger", "neutral")).tolist() == [*shares, [1, 0]]
    assert label_shares(development, ("anger", "neutral")).tolist() == shares


def corpus_on_disk(folder: Path) -> Path:
    rows = made_corpus(folder, "heard", speakers=3, takes=1)
    rows.assign(file=[Path(file).name for file in rows["file"]])[
        ["file", "speaker", "label"]
    ].to_csv(folder / "heard" / "clips.csv", index=False)
    return folder / "heard" / "clips.csv"


def recipe_without(folder: Path, *speakers: object) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "without",
            "corpora": {"heard": {"place": corpus_on_disk(folder), "without": list(speakers)}},
            "labels": LABELS,
        }
    )


def test_speakers_kept_for_something_else_are_not_learnt(tmp_path: Path) -> None:
    clips = recipe_clips(recipe_without(tmp_path, "s1"))
    assert sorted(set(clips["speaker"])) == ["s0", "s2"]


def test_a_speaker_who_is_not_there_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"heard\.without names 7, but the corpus has no"):
        recipe_clips(recipe_without(tmp_path, "s1", 7))
