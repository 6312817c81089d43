"""Classical baselines: features are computed once, and nothing of the test part is learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall.corpora import open_corpora
from tonfall.corpora.sounds import ClipSound
from tonfall.errors import ConfigError, ManifestError
from tonfall.evaluation.items import pool
from tonfall.evaluation.metrics import unweighted_recall
from tonfall.evaluation.protocols import FOUR, Sources, corpora_of, find_protocol
from tonfall.evaluation.running import Results, run
from tonfall.learn.classical import model as classical
from tonfall.learn.classical.model import ClassicalModel, classical_model
from tonfall.learn.classical.recipe import (
    BASELINES,
    baseline_recipe,
    is_classical,
    read_classical,
)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Eight speakers, each with two low and two high buzzing tones of a second."""
    folder = tmp_path_factory.mktemp("voices")
    rng = np.random.default_rng(0)
    rows = []
    for speaker in range(8):
        for number, (label, pitch) in enumerate(
            [("sadness", 110), ("sadness", 125), ("anger", 240), ("anger", 260)]
        ):
            time = np.arange(16_000) / 16_000
            tone = 0.3 * np.sign(np.sin(2 * np.pi * (pitch + 4 * speaker) * time))
            path = folder / f"{speaker}-{number}.wav"
            soundfile.write(path, tone + 0.01 * rng.standard_normal(16_000), 16_000)
            rows.append((path.stem, str(path), str(speaker), label))
    table = pd.DataFrame(rows, columns=["item", "file", "speaker", "label"])
    return table.assign(corpus="tones", start=0.0, end=None)


@pytest.mark.parametrize(
    ("file", "message"), [(None, "the manifest names no audio"), ("no.wav", "no such file")]
)
def test_an_item_without_audio_is_refused(voices, kept, file, message):
    model, _ = classical_model("egemaps-svm", cache_folder=kept)
    with pytest.raises(ManifestError, match=message):
        model.predict(voices[:16], voices[16:20], voices[20:].assign(file=file))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("functionals")


@pytest.mark.parametrize("name", [name for name in BASELINES if "egemaps" in name])
def test_each_baseline_tells_what_is_easy_and_knows_that_it_does(voices, kept, name):
    if name.startswith("opensmile"):
        pytest.importorskip("opensmile")
    model, facts = classical_model(name, cache_folder=kept)
    protocol = find_protocol("grouped/tones/2", Sources(items=voices))
    results = run(protocol, voices, model, facts)
    assert unweighted_recall(results.truth, results.prediction) > 0.9
    assert results.confidence.mean() > 0.6
    assert ("free for private" in facts.details.get("notice", "")) == name.startswith("opensmile")


def test_test_items_change_nothing_for_each_other(voices, kept):
    train, development, test = voices[:16], voices[16:20], voices[20:]
    model, _ = classical_model("egemaps-svm", cache_folder=kept)
    together = model.predict(train, development, test).set_index("item")
    alone = model.predict(train, development, test[:1]).set_index("item")
    np.testing.assert_allclose(alone, together.loc[alone.index], atol=1e-12)


def test_clips_whose_features_are_undefined_are_judged_all_the_same(voices, kept, monkeypatch):
    model, _ = classical_model("egemaps-logistic", cache_folder=kept)
    real = classical.functionals

    def holes(sounds: list[ClipSound], *options: object, **more: object) -> np.ndarray:
        features = real(sounds, *options, **more)
        features[0], features[1, 87] = np.nan, -np.inf
        return features

    monkeypatch.setattr(classical, "functionals", holes)
    scores = model.predict(voices[:16], voices[16:20], voices[20:])
    assert np.isfinite(scores[["anger", "sadness"]].to_numpy()).all()


def test_without_development_data_probabilities_are_as_they_come(voices, kept):
    model = ClassicalModel(baseline_recipe("egemaps-svm"), kept)
    scores = model.predict(voices[:20], voices[:0], voices[20:])
    assert np.allclose(scores[["anger", "sadness"]].sum(axis=1), 1.0)


def test_an_unknown_baseline_is_refused():
    with pytest.raises(ConfigError, match="There is no baseline 'mfcc-svm'"):
        classical_model("mfcc-svm")


RECIPES = Path(__file__).parents[2] / "recipes" / "baselines"


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_has_its_recipe_in_a_file(name):
    path = RECIPES / f"{name}.yaml"
    assert is_classical(path)
    assert read_classical(path) == baseline_recipe(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classifier: {kind: svm, c: -1}", "name: Field required"),
        ("{", "is not YAML"),
        (
            "name: a\ndescription: b\nfeatures: eGeMAPSv02\nclassifier: {kind: svm}",
            "bad.yaml: features: there is no set 'eGeMAPSv02', expected one of egemaps, ",
        ),
        (
            "name: a\ndescription: b\nfeatures: egemaps\nclassifier: {kind: svm, c: -1}",
            "classifier.svm.c: Input should be greater than 0",
        ),
        (
            "name: a\ndescription: b\nfeatures: egemaps\nclassifier: {kind: tree}",
            "'svm', 'forest', 'gmm', 'logistic'",
        ),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused(tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_classical(tmp_path / "bad.yaml")


def test_what_was_learnt_is_kept_for_another_condition(voices, kept, monkeypatch):
    fits: dict[str, object] = {}
    louder = ("louder", lambda waveform, item: waveform * 2)
    first, _ = classical_model("egemaps-svm", cache_folder=kept, fits=fits)
    clean = first.predict(voices[:16], voices[16:20], voices[20:])
    monkeypatch.setattr("tonfall.learn.classical.model.fit", None)  # to learn now would fail
    second, _ = classical_model("egemaps-svm", cache_folder=kept, fits=fits, degrade=louder)
    loud = second.predict(voices[:16], voices[16:20], voices[20:])
    assert (loud["item"] == clean["item"]).all()
    assert not np.allclose(loud["anger"], clean["anger"])
    with pytest.raises(TypeError):
        second.predict(voices[:15], voices[16:20], voices[20:])


OUTSIDE = {
    "emobox/ravdess": (47.5, 1.5),
    "loso/emodb": (65.0, 1.0),
    "loso/nemo": (36.3, 1.0),
    "loso/emovo": (31.5, 1.5),
}
LEFT_OUT = {"ravdess": 41.3, "emodb": 45.6, "nemo": 46.8, "ased": 39.6, "emovo": 44.3}


def baseline_results(protocol: str, shared: Path) -> Results:
    """openSMILE's eGeMAPS + SVM on the real corpora; features are taken from the user's cache."""
    pytest.importorskip("opensmile")
    places = {name: shared / "data" / name for name in FOUR}
    items = pool(open_corpora(corpora_of(protocol), places))
    model, facts = classical_model("opensmile-egemaps-svm", workers=2)
    return run(find_protocol(protocol, Sources(items=items)), items, model, facts)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol", OUTSIDE)
def test_egemaps_and_svm_give_what_scikit_learn_gave_outside(protocol, shared):
    """Measured apart from this code on the same files."""
    results = baseline_results(protocol, shared)
    expected, margin = OUTSIDE[protocol]
    found = 100 * unweighted_recall(results.truth, results.prediction)
    assert found == pytest.approx(expected, abs=margin)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_left_out_corpora_give_what_scikit_learn_gave_outside(shared):
    results = baseline_results("loco/four", shared)
    table = results.items.assign(prediction=results.prediction)
    found = {
        str(fold): 100 * unweighted_recall(own["truth"].tolist(), own["prediction"].tolist())
        for fold, own in table.groupby("fold")
    }
    assert found == pytest.approx(LEFT_OUT, abs=2)
    assert np.mean(list(found.values())) == pytest.approx(43.5, abs=2)


def test_tied_votes_are_decided_as_scikit_learn_decides_them(kept, monkeypatch):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    rng = np.random.default_rng(1)
    known = pd.DataFrame({"item": map(str, range(90)), "label": ["anger", "fear", "sadness"] * 30})
    known["file"], known["corpus"] = "a.wav", "one"
    asked = pd.DataFrame({"item": map(str, range(400)), "file": "a.wav"})
    tables = {90: rng.normal(size=(90, 2)), 400: rng.normal(size=(400, 2))}
    monkeypatch.setattr(classical, "functionals", lambda sounds, *_, **__: tables[len(sounds)])
    model = ClassicalModel(baseline_recipe("egemaps-svm"), kept)
    scores = model.predict(known, known[:0], asked).set_index("item")
    plain = make_pipeline(StandardScaler(), SVC(class_weight="balanced"))
    plain.fit(tables[90], known["label"])
    expected = plain.predict(tables[400])
    shape = plain.decision_function(tables[400]).argmax(axis=1)
    assert (np.array(["anger", "fear", "sadness"])[shape] != expected).any()
    assert (scores.idxmax(axis=1) == expected).all()


def test_the_kernel_by_matrix_products_is_scikit_learns():
    from sklearn.svm import SVC

    from tonfall.learn.classical.kernel_svm import RbfSvm

    rng = np.random.default_rng(2)
    known, asked = rng.normal(2.0, 3.0, (120, 30)), rng.normal(2.0, 3.0, (50, 30))
    for names in (["anger", "fear"], ["anger", "fear", "sadness", "neutral"]):
        labels = np.array([names[n % len(names)] for n in range(120)], object)
        plain = SVC(C=0.7, class_weight="balanced").fit(known, labels)
        ours = RbfSvm(0.7).fit(known, labels)
        np.testing.assert_allclose(
            ours.decision_function(asked), plain.decision_function(asked), atol=1e-8
        )
        assert (ours.predict(asked) == plain.predict(asked)).all()
