"""The wheel, installed with no extra in a fresh environment, analyses a recording."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from made_clips import PITCHES, made_corpus

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "call.wav"
LARGEST_WHEEL = 30_000_000
ABSENT = ("torch", "sklearn", "onnx", "transformers", "librosa", "av", "pytest")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, REPOSITORY)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [programs / "python", "-m", "pip", "install", "-qq"]
    run(*pip, "--constraint", REPOSITORY / "constraints.txt", wheel)
    return programs


def test_the_wheel_holds_the_models_and_the_licences_and_no_recording(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < LARGEST_WHEEL
    for model in ("medium", "small", "medium-research", "small-research"):
        for file in ("bundle.json", "model.onnx", "card.md"):
            assert f"tonfall/bundles/{model}/{file}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert "tonfall/py.typed" in names
    assert not [name for name in names if name.endswith((".wav", ".flac", ".opus", ".mp3"))]


def test_nothing_of_training_is_installed(programs: Path) -> None:
    find = "import sys; from importlib.util import find_spec; print([*filter(find_spec, sys.argv)])"
    assert run(programs / "python", "-c", find, *ABSENT).strip() == "[]"


def test_it_tells_its_version(programs: Path) -> None:
    assert run(programs / "tonfall", "--version").split()[-1] == "0.1.0"


def test_it_analyses_the_example(programs: Path, tmp_path: Path) -> None:
    run(programs / "tonfall", "analyze", EXAMPLE, "--output", tmp_path, "--format", "json")
    timeline = json.loads((tmp_path / "call.json").read_text())
    assert {turn["channel"] for turn in timeline["turns"]} == {0, 1}
    assert timeline["windows"]


def test_it_runs_a_classical_model_without_scikit_learn(programs: Path, tmp_path: Path) -> None:
    made_corpus(tmp_path, "tones", speakers=8)[["file", "speaker", "label"]].to_csv(
        tmp_path / "tones.csv", index=False
    )
    recipe = REPOSITORY / "recipes" / "egemaps-svm.yaml"
    manifest, model = tmp_path / "tones.csv", tmp_path / "model"
    train = [sys.executable, "-m", "tonfall", "train", recipe, "--manifest", manifest, "-o", model]
    run(*train)
    words = ("--model", model, "--output", tmp_path, "--format", "json")
    run(programs / "tonfall", "analyze", EXAMPLE, *words)
    timeline = json.loads((tmp_path / "call.json").read_text())
    assert {window["label"] for window in timeline["windows"]} <= {*PITCHES, "unclear"}
    assert timeline["windows"]


def test_it_asks_for_the_extra_where_training_is_called(programs: Path) -> None:
    done = subprocess.run(
        [programs / "tonfall", "train", REPOSITORY / "recipes" / "small-research.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "tonfall[train]" in done.stderr
    assert "Traceback" not in done.stderr
