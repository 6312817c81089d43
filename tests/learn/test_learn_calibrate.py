"""Confidence that holds on other people's recordings: chosen on corpora that were left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_clips import made_corpus

from tonfall.bundle import Calibration, read_bundle
from tonfall.corpora import Manifest
from tonfall.evaluation.metrics import expected_calibration_error

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn import fit as fitting
from tonfall.learn.calibrate import Judged, JudgedDimensions, calibrate, calibrate_left_out
from tonfall.learn.clips import Pooled
from tonfall.learn.recipe import Augmentation, Recipe, read_recipe
from tonfall.learn.targets import SHARES
from tonfall.learn.train import train

SMALL = Path(__file__).resolve().parents[2] / "recipes" / "small-research.yaml"
LABELS = ("sadness", "anger", "neutral")


def drawn(corpus: str, clips: int, *, sure: float, seed: int) -> Judged:
    """Logits ``sure`` times as far apart as they should be."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (clips, 3))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [rng.choice(3, p=row) for row in odds]
    return Judged(corpus, (sure * logits).astype(np.float32), np.eye(3, dtype=np.float32)[truth])


def test_each_corpus_counts_alike_however_large() -> None:
    large, small = (drawn("a", 9000, sure=3, seed=1), drawn("b", 900, sure=1, seed=2))
    found = calibrate_left_out([large, small])
    pooled = calibrate(
        np.concatenate([large.logits, small.logits]), np.concatenate([large.shares, small.shares])
    )
    assert pooled.temperature > found.temperature + 0.2 > 1.5
    assert found.coverage == pytest.approx(0.8, abs=0.001)


def error(one: Judged, temperature: float) -> float:
    """Expected calibration error of a corpus at a temperature."""
    odds = np.exp(one.logits / temperature)
    odds /= odds.sum(axis=1, keepdims=True)
    right = one.shares[np.arange(len(odds)), odds.argmax(axis=1)]
    return expected_calibration_error(odds.max(axis=1), right)


def test_the_error_is_that_of_a_choice_made_on_the_others() -> None:
    timid, bold = drawn("a", 4000, sure=1, seed=1), drawn("b", 4000, sure=4, seed=2)
    found = calibrate_left_out([timid, bold])
    # Each of them alone is honest at the temperature that it was drawn with.
    expected = (error(timid, 4) + error(bold, 1)) / 2
    together = (error(timid, found.temperature) + error(bold, found.temperature)) / 2
    assert found.left_out is not None
    assert found.left_out.corpora == ("a", "b")
    assert found.left_out.expected_calibration_error == pytest.approx(expected, abs=0.02)
    assert found.left_out.expected_calibration_error > together + 0.05


def test_recall_is_higher_above_the_threshold_where_confidence_says_something() -> None:
    found = calibrate_left_out([drawn(name, 3000, sure=2, seed=n) for n, name in enumerate("ab")])
    assert found.left_out is not None
    assert found.left_out.recall_certain is not None
    assert found.left_out.recall_uncertain is not None
    assert found.left_out.recall_certain > found.left_out.recall_uncertain + 0.15


def test_votes_are_right_by_as_much_as_listeners_share_them() -> None:
    logits = np.tile(np.log([[0.7, 0.2, 0.1]]), (50, 1)).astype(np.float32)
    shares = np.tile([[0.7, 0.2, 0.1]], (50, 1)).astype(np.float32)
    found = calibrate_left_out([Judged("a", 2 * logits, shares), Judged("b", 2 * logits, shares)])
    assert found.temperature == pytest.approx(2, abs=0.01)
    assert found.accuracy_certain == pytest.approx(0.7)
    assert found.left_out is not None
    assert found.left_out.expected_calibration_error < 0.01
    # One of three labels is always given, and found as often as it is there.
    assert found.left_out.recall_certain == pytest.approx(1 / 3, abs=1e-3)


def test_a_label_that_the_others_lack_is_no_error_of_numbers() -> None:
    first, second = (drawn(name, 200, sure=2, seed=n) for n, name in enumerate("ab"))
    first.logits[:, 2] = fitting._NEVER
    first.shares[:] = np.eye(3)[first.shares[:, :2].argmax(axis=1)]
    assert np.isfinite(calibrate_left_out([first, second]).temperature)


def honest(spread: float, *, clips: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Honest logits of three labels; the greater ``spread``, the more of them are right."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (clips, 3)) * spread
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    truth = [rng.choice(3, p=row) for row in odds]
    return logits.astype(np.float32), np.eye(3, dtype=np.float32)[truth]


def test_what_is_nearly_always_right_is_not_called_unclear() -> None:
    found = calibrate(*honest(20))
    assert found.uncertain_below == 0.9
    assert found.coverage is not None
    assert found.coverage > 0.85
    assert found.accuracy_uncertain is not None
    assert found.accuracy_uncertain < 0.9


def test_where_many_are_wrong_a_fifth_is_unclear_as_ever() -> None:
    found = calibrate(*honest(1))
    assert found.uncertain_below < 0.9
    assert found.coverage == pytest.approx(0.8, abs=0.001)


def test_an_older_bundle_reads_as_before_and_says_no_more() -> None:
    bundle = read_bundle("small-research")
    assert bundle.spec.calibration.left_out is None
    plain = Calibration(temperature=1, uncertain_below=0.5)
    assert "left_out" not in plain.model_dump(mode="json")
    found = calibrate_left_out([drawn(name, 50, sure=2, seed=n) for n, name in enumerate("ab")])
    assert Calibration.model_validate(found.model_dump(mode="json")) == found


def test_dimensions_agree_as_a_mean_of_corpora() -> None:
    """One corpus is told exactly, the other with half the spread and an offset."""
    meant = np.random.default_rng(0).uniform(0.2, 0.8, (400, 3)).astype(np.float32)
    rated = np.ones(400, bool)
    exact = JudgedDimensions(meant, meant, rated)
    faint = JudgedDimensions(0.5 * meant + 0.4, meant, ~rated)
    judged = [
        replace(drawn(name, 400, sure=2, seed=n), dimensions=each)
        for n, (name, each) in enumerate({"a": exact, "b": faint}.items())
    ]
    found = calibrate_left_out(judged).left_out
    assert found is not None
    assert found.rated == 0.5
    x, y = meant[:, 0].astype(float), 0.5 * meant[:, 0].astype(float) + 0.4
    spread = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    concordance = 2 * np.cov(x, y, bias=True)[0, 1] / spread
    assert found.dimensions["arousal"].correlation == pytest.approx(1, abs=1e-4)
    assert found.dimensions["arousal"].concordance == pytest.approx((1 + concordance) / 2, abs=1e-4)


def test_dimensions_that_nobody_knows_are_not_told() -> None:
    unknown = JudgedDimensions(
        np.full((50, 3), 0.5, np.float32), np.full((50, 3), np.nan, np.float32), np.zeros(50, bool)
    )
    judged = [replace(drawn(name, 50, sure=2, seed=1), dimensions=unknown) for name in "ab"]
    found = calibrate_left_out(judged).left_out
    assert found is not None
    assert found.dimensions == {}
    assert "dimensions" not in found.model_dump(mode="json")
    assert "rated" not in found.model_dump(mode="json")


@pytest.fixture
def recipe() -> Recipe:
    changes = {
        "augmentation": Augmentation(),
        "baseline": None,
        "calibration": "left_out_corpora",
        "labels": LABELS,
    }
    return read_recipe(SMALL).model_copy(update=changes)


@pytest.fixture
def _sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features that tell the classes of sound apart, drawn by item."""

    def features(items: pd.DataFrame, **_how: object) -> Pooled:
        rng = np.random.default_rng(len(items))
        made = rng.normal(0, 0.3, (len(items), 5)).astype(np.float32)
        made[np.arange(len(items)), [LABELS.index(sound) for sound in items["sound"]]] += 2
        return Pooled(made, np.ones(len(items), np.float32))

    monkeypatch.setattr(fitting, "pool_clips", features)


def corpus(name: str, *, mixed_up: bool = False, labels: tuple[str, ...] = LABELS) -> pd.DataFrame:
    """Ten clips of each label and of four speakers; mixed up, anger sounds as neutral does."""
    swapped = {"sadness": "sadness", "anger": "neutral", "neutral": "anger"}
    rows = [
        (f"{name}-{speaker}-{label}-{take}", name, f"s{speaker}", label)
        for speaker in range(4)
        for label in labels
        for take in range(10)
    ]
    table = pd.DataFrame(rows, columns=["item", "corpus", "speaker", "label"])
    return table.assign(sound=table["label"].map(swapped) if mixed_up else table["label"])


Fit = Callable[..., fitting.Fitted]


@pytest.fixture
def fitted(recipe: Recipe, _sounds: None) -> Fit:
    def fit(*corpora: pd.DataFrame) -> fitting.Fitted:
        clips = pd.concat(corpora, ignore_index=True)
        held = clips["speaker"] == "s3"
        return fitting.fit_calibrated(recipe, clips[~held], clips[held], labels=LABELS)

    return fit


def test_what_is_sure_of_itself_at_home_is_not_on_strangers(fitted: Fit) -> None:
    """Inside each of these corpora every answer is right; of another, one in three."""
    strangers = (corpus("one"), corpus("two", mixed_up=True))
    left_out = fitted(*strangers).calibration
    at_home = fitted(strangers[0]).calibration
    assert left_out.accuracy_certain == pytest.approx(1 / 3, abs=0.15)
    assert left_out.temperature > 5 * at_home.temperature
    assert left_out.left_out is not None
    assert left_out.left_out.corpora == ("one", "two")
    assert at_home.left_out is None
    assert at_home.accuracy_certain == 1


def test_every_voice_of_every_corpus_is_judged_and_learnt(
    fitted: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[list[str]] = []
    real = fitting.fit

    def watched(recipe: Recipe, items: pd.DataFrame, **how: object) -> object:
        learnt.append(sorted(set(items["corpus"] + "/" + items["speaker"])))
        return real(recipe, items, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "fit", watched)
    fitted(corpus("one"), corpus("two"))
    one, two = ([f"{name}/s{n}" for n in range(4)] for name in ("one", "two"))
    assert learnt == [two, one, one + two]


def test_a_label_of_one_corpus_alone_is_not_asked_of_the_others(fitted: Fit) -> None:
    found = fitted(
        corpus("one"), corpus("two", labels=LABELS[:2]), corpus("few", labels=LABELS[:2])
    )
    assert found.calibration.left_out is not None
    assert found.calibration.left_out.corpora == ("one", "two", "few")
    assert found.labels == LABELS


def test_votes_of_a_left_out_corpus_count(fitted: Fit) -> None:
    """Half of the listeners hear sadness in everything, so nobody can be surer than that."""
    half = [
        {label: 0.5, "sadness": 0.5} if label != "sadness" else {label: 1.0} for label in LABELS
    ]
    shares = dict(zip(LABELS, half, strict=True))
    voted = [corpus(name).assign(**{SHARES: lambda c: c["label"].map(shares)}) for name in "ab"]
    plain = fitted(corpus("a"), corpus("b")).calibration
    found = fitted(*voted).calibration
    assert plain.accuracy_certain == 1
    assert found.accuracy_certain is not None
    assert found.accuracy_certain < 0.85
    assert found.temperature > plain.temperature


def made_recipe(folder: Path, *names: str) -> Recipe:
    for name in names:
        rows = made_corpus(folder, name, speakers=3, takes=2)
        Manifest.from_frame(rows, root=folder).write(folder / f"{name}.parquet")
    return Recipe.model_validate(
        {
            "name": "tiny",
            "corpora": {name: folder / f"{name}.parquet" for name in names},
            "labels": list(LABELS),
            "encoder": {"taps": [0]},
            "calibration": "left_out_corpora",
        }
    )


@pytest.mark.usefixtures("tiny_front")
def test_the_card_says_what_confidence_is_worth_on_left_out_corpora(tmp_path: Path) -> None:
    said: list[str] = []
    bundle = train(made_recipe(tmp_path, "one", "two"), tmp_path / "model", say=said.append)
    spec = read_bundle(tmp_path / "model").spec
    measured = spec.calibration.left_out
    assert spec.schema_version == 3  # an older Tonfall says that it is too old
    assert measured is not None
    error = f"{measured.expected_calibration_error:.0%}"
    assert "left out of training one at a time (one, two), each clip alone" in bundle.card
    assert f"expected calibration error on a left-out corpus is {error}" in bundle.card
    assert "held-out speakers of its own corpora that left" not in bundle.card
    assert set(measured.dimensions) == {"arousal", "valence", "dominance"}
    assert measured.rated == 0
    agreement = measured.dimensions["arousal"]
    assert f"arousal {agreement.correlation:.2f} and {agreement.concordance:.2f}" in bundle.card
    assert "None of these corpora has ratings" in bundle.card
    assert not [sentence for sentence in said if "leave out" in sentence]


@pytest.mark.usefixtures("tiny_front")
def test_one_corpus_alone_falls_back_to_its_speakers_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    bundle = train(made_recipe(tmp_path, "solo"), tmp_path / "model", say=said.append)
    assert bundle.spec.calibration.left_out is None
    assert bundle.spec.schema_version == 1
    sentence = "There are no two corpora to leave out one at a time"
    assert sentence in bundle.card
    assert any(sentence in each for each in said)
    assert "On held-out speakers of its own corpora that left" in bundle.card
