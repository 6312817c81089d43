"""From a classical recipe to a bundle: trained, calibrated, and run without scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from made_clips import PITCHES, RATE, made_corpus, voice

from tonfall.bundle import read_bundle
from tonfall.cli import main
from tonfall.errors import ConfigError
from tonfall.learn.classical.model import classical_model, clip_features
from tonfall.learn.classical.recipe import read_classical
from tonfall.learn.classical.train import train_classical
from tonfall.runtime import Predictor, load
from tonfall.streaming import Stream, WindowScored

pytest.importorskip("sklearn", reason="training needs scikit-learn: extra train")
pytest.importorskip("onnx", reason="training needs onnx: extra train")

LABELS = ["neutral", "anger", "sadness"]
WITHOUT = """
import sys

class Absent:
    @staticmethod
    def find_spec(name, *_):
        if name.partition(".")[0] in ("sklearn", "torch", "onnx"):
            raise ImportError(name)

sys.meta_path.insert(0, Absent)
import tonfall
print(tonfall.load(sys.argv[1]).predict(sys.argv[2]).guess)
"""
GATE = {"held": {"anger": 1.0}, "floor": 0.05}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Nine voices with a pitch for each label, in a folder with their table."""
    folder = tmp_path_factory.mktemp("made")
    made = made_corpus(folder, "clips", speakers=9)
    table = made[["speaker", "label"]].assign(file=[f"clips/{item}.wav" for item in made["item"]])
    table.to_csv(folder / "tones.csv", index=False)
    return made


@pytest.fixture(scope="module")
def table(clips: pd.DataFrame) -> Path:
    return Path(clips["file"].iloc[0]).parents[1] / "tones.csv"


def write_recipe(table: Path, **changes: object) -> Path:
    """A recipe beside the table, whose corpora are named as a user would."""
    content: dict[str, object] = {
        "name": "tones-svm",
        "description": "For a test.",
        "features": "prosody",
        "classifier": {"kind": "svm", "c": 2.0},
        "corpora": {"tones": {"place": table.name, "licence": "none needed", "language": "de"}},
        "labels": LABELS,
        "baseline": {"prior_weight_s": 8, "gate": GATE},
    }
    content |= changes
    file = table.parent / "recipe.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if value}))
    return file


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["tonfall", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def made(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, by the command of the documentation."""
    folder = tmp_path_factory.mktemp("trained") / "my-bundle"
    with pytest.MonkeyPatch.context() as patch:
        assert command(patch, "train", write_recipe(table), "-o", folder, "-q") == 0
    return folder


def test_a_classical_recipe_becomes_a_bundle(made: Path) -> None:
    bundle = read_bundle(made)
    assert bundle.spec.schema_version == 4
    assert bundle.spec.front_end.feature_set == "prosody"
    assert bundle.spec.labels == tuple(LABELS)
    assert bundle.spec.baseline is not None
    assert set(bundle.spec.baseline.prior_mean) == {0.0}
    assert bundle.spec.calibration.coverage is not None
    assert bundle.spec.corpora[0].speakers == 9
    assert "support vector machine, rbf kernel, C = 2" in bundle.card
    assert "tones: none needed" in bundle.spec.licence
    assert "arousal" not in bundle.card


def test_it_tells_the_labels_of_a_stranger_apart(made: Path) -> None:
    model = load(made)
    for label, pitch in (("neutral", 121), ("anger", 311), ("sadness", 86)):
        clip = voice(pitch, seconds=1.1, seed=99)
        affect = model.predict(clip, sampling_rate=RATE)
        assert affect.guess == label
        assert affect.arousal is None


def test_a_clip_is_judged_as_scikit_learn_judges_its_file(made: Path, clips: pd.DataFrame) -> None:
    """The features of the file, as training reads it, through the classifier that was learnt."""
    model = load(made)
    features = clip_features(clips[:6], "prosody")
    judged = model.judge_windows(features, [None] * 6)
    for file, expected in zip(clips["file"], judged, strict=False):
        affect = model.predict(file)
        assert affect.label == expected.affect.label
        # A number of a few hundred rounds to float32 by as much as moves its scores by 1e-5.
        np.testing.assert_allclose(affect.probabilities, expected.affect.probabilities, atol=1e-4)


def test_it_scores_a_stream_and_learns_the_voice(made: Path) -> None:
    live = Stream(load(made), sampling_rate=RATE)
    sound = np.concatenate([voice(120, seconds=1.5, seed=each) for each in range(5)])
    scored = [
        each.window for each in live.push(sound) + live.close() if isinstance(each, WindowScored)
    ]
    assert isinstance(load(made), Predictor)
    assert all(window.label in (*LABELS, "unclear") for window in scored)


def test_it_runs_without_scikit_learn_and_pytorch(made: Path, clips: pd.DataFrame) -> None:
    """As where Tonfall is installed with no extra; tests/test_wheel.py does it with a wheel."""
    file = clips["file"][clips["label"] == "anger"].iloc[0]
    words = [sys.executable, "-c", WITHOUT, str(made), file]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "anger", done.stderr


def test_recordings_of_ones_own_need_no_edit_of_a_recipe(
    table: Path, clips: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "egemaps-svm.yaml"
    changes = ("--set", "features=mfcc", "--set", "classifier.kernel=linear")
    where = tmp_path / "own"
    said = ("train", recipe, "--manifest", table, *changes, "-o", where, "-q")
    assert command(monkeypatch, *said) == 0
    bundle = read_bundle(where)
    assert set(bundle.spec.labels) == set(LABELS)
    assert bundle.spec.front_end.feature_set == "mfcc"
    assert "linear kernel" in bundle.card


@pytest.mark.parametrize("kind", ["forest", "gmm", "logistic", "discriminant"])
def test_every_classifier_can_be_shipped(kind: str, table: Path, tmp_path: Path) -> None:
    few = {"trees": 20} if kind == "forest" else {}
    recipe = write_recipe(table, classifier={"kind": kind, **few}, baseline=None)
    bundle = train_classical(read_classical(recipe), tmp_path / "model")
    affect = Predictor(bundle).predict(voice(311, seconds=1.1, seed=98), sampling_rate=RATE)
    assert affect.guess == "anger"


def more_tones(table: Path, name: str, *, seed: int) -> dict[str, object]:
    """Another corpus beside the table: other voices and sounds under the same labels."""
    rows = []
    for number, (speaker, label) in enumerate(product(range(3), PITCHES)):
        file = table.parent / f"{name}-{speaker}-{label}.wav"
        sound = voice(PITCHES[label] + seed + 5 * speaker, seconds=1.0, seed=100 * seed + number)
        soundfile.write(file, sound, RATE)
        rows.append((file.name, f"{name}{speaker}", label))
    made = pd.DataFrame(rows, columns=["file", "speaker", "label"])
    made.to_csv(table.parent / f"{name}.csv", index=False)
    return {"place": f"{name}.csv", "licence": "none needed", "language": "de"}


def test_confidence_can_be_chosen_on_corpora_that_are_left_out(table: Path, tmp_path: Path) -> None:
    corpora = {name: more_tones(table, name, seed=seed) for seed, name in enumerate("abc", 2)}
    left_out = write_recipe(table, corpora=corpora, calibration="left_out_corpora")
    spec = train_classical(read_classical(left_out), tmp_path / "left-out").spec
    assert spec.calibration.left_out is not None
    assert spec.calibration.left_out.corpora == ("a", "b", "c")
    assert not spec.calibration.corpora
    strange = {"corpora": {name: corpora.pop(name) for name in "bc"}}
    strangers = write_recipe(table, corpora=corpora, calibration=strange)
    spec = train_classical(read_classical(strangers), tmp_path / "strangers").spec
    assert [use.name for use in spec.calibration.corpora] == ["b", "c"]
    assert [use.name for use in spec.corpora] == ["a"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpora": None}, "names no corpora, or fewer than two labels; .* --manifest"),
        ({"labels": None, "baseline": None}, "names no corpora, or fewer than two labels"),
        ({"features": "opensmile/eGeMAPSv02"}, "are openSMILE's, which a model cannot bring along"),
        ({"labels": [*LABELS, "fear"]}, "training clips have no fear; take these out"),
    ],
)
def test_a_recipe_of_which_no_bundle_can_be_made_is_refused(
    changes: dict[str, object], message: str, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        train_classical(read_classical(write_recipe(table, **changes)), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["neutral", "rage"]}, "unknown categories: rage"),
        ({"corpora": {"a": {"place": "a.csv", "targets": "votes"}}}, "learns labels and not votes"),
        (
            {"baseline": {"prior_weight_s": 4, "gate": {"held": {"fear": 1}, "floor": 0}}},
            "no label",
        ),
        ({"clasifier": {"kind": "svm"}}, "unknown key; did you mean 'classifier'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(
    changes: dict[str, object], message: str, table: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_classical(write_recipe(table, **changes))


def test_the_keys_of_a_bundle_change_no_measured_figure(table: Path) -> None:
    """A recipe that names corpora is measured as the baseline of the same classifier is."""
    here = Path(__file__).parents[2] / "recipes"
    _, shipped = classical_model(read_classical(here / "egemaps-svm.yaml"))
    _, plain = classical_model("egemaps-svm")
    assert shipped == plain


def test_a_classical_recipe_takes_no_encoder(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(table)
    assert command(monkeypatch, "train", recipe, "--encoder", "microsoft/wavlm-base") == 2
    assert "has a classifier and no encoder" in " ".join(capsys.readouterr().err.split())
