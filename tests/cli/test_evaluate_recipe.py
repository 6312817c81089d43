"""tonfall evaluate with a recipe that is trained: each fold once, whatever it is tested under."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from test_evaluate_command import Shell, corpus, report, shell, work

pytest.importorskip("torch")
from tonfall.learn import fold

__all__ = ["shell", "work"]

SMALL = Path(__file__).parents[2] / "recipes" / "small-research.yaml"


@pytest.fixture
def recipe(work: Path, tiny_front: None) -> Path:
    """`small` without copies and histories, which need noises and more clips."""
    content = yaml.safe_load(SMALL.read_text())
    del content["augmentation"], content["baseline"]
    path = work / "tones.yaml"
    path.write_text(yaml.safe_dump({**content, "name": "tones", "corpora": {}}))
    return path


@pytest.mark.slow
def test_a_recipe_is_trained_once_a_fold_and_tested_under_every_condition(
    recipe: Path, shell: Shell, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[set[str]] = []
    real = fold.fit_calibrated

    def counted(*words: object, **options: object) -> object:
        fitted.append(set(words[1]["speaker"]) | set(words[2]["speaker"]))  # type: ignore[index]
        return real(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(fold, "fit_calibrated", counted)
    corpus(work, "tones", speakers=6, takes=3)
    shell.good(f"evaluate {recipe} -p grouped/tones/2 --data tones.parquet --degrade loss:20 -q")
    assert len(fitted) == 2
    assert fitted[0].isdisjoint(fitted[1])
    made = report("reports/grouped-tones-2/tones-recipe/report.json")
    assert made.model.kind == "recipe"
    assert made.model.details["recipe"] == recipe.read_text()
    assert made.figures["ua"].value is not None
    assert made.figures["ua"].value > 0.6
    assert Path("reports/grouped-tones-2/robustness.matrix.json").is_file()
