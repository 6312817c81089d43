"""What calibrates a head: voices that it did not learn from, in the order of its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn import fit as fitting
from tonfall.learn.clips import Pooled
from tonfall.learn.recipe import Augmentation, Recipe, read_recipe

SMALL = Path(__file__).resolve().parents[2] / "recipes" / "small-research.yaml"
LABELS = ("sadness", "anger", "neutral")
"""In no alphabetical order."""


@pytest.fixture
def recipe() -> Recipe:
    changes = {"augmentation": Augmentation(), "baseline": None}
    return read_recipe(SMALL).model_copy(update=changes)


def clips(speakers: range, *, sounds_like: dict[str, str]) -> pd.DataFrame:
    """Ten clips of each label and speaker; ``sounds_like`` says which class its sound is of."""
    rows = [
        (f"{speaker}-{label}-{take}", "made", f"s{speaker}", label, sounds_like[label])
        for speaker in speakers
        for label in LABELS
        for take in range(10)
    ]
    return pd.DataFrame(rows, columns=["item", "corpus", "speaker", "label", "sound"])


HONEST = {label: label for label in LABELS}
MIXED_UP = {"sadness": "sadness", "anger": "neutral", "neutral": "anger"}


@pytest.fixture(autouse=True)
def _pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features that tell the classes of sound apart, drawn by item."""

    def features(items: pd.DataFrame, **_how: object) -> Pooled:
        rng = np.random.default_rng(len(items))
        made: FloatArray = rng.normal(0, 0.3, (len(items), 5)).astype(np.float32)
        made[np.arange(len(items)), [LABELS.index(sound) for sound in items["sound"]]] += 2
        return Pooled(made, np.ones(len(items), np.float32))

    monkeypatch.setattr(fitting, "pool_clips", features)


def test_confidence_is_that_on_held_out_voices(recipe: Recipe) -> None:
    """These sound otherwise than those in training, where every answer is right."""
    train = clips(range(4), sounds_like=HONEST)
    strangers = clips(range(4, 6), sounds_like=MIXED_UP)
    found = fitting.fit_calibrated(recipe, train, strangers, labels=LABELS).calibration
    alike = clips(range(4, 6), sounds_like=HONEST)
    sure = fitting.fit_calibrated(recipe, train, alike, labels=LABELS).calibration
    assert found.accuracy_certain == pytest.approx(1 / 3, abs=0.1)
    assert found.temperature > 5 * sure.temperature


def test_calibration_counts_labels_in_the_order_of_the_model(recipe: Recipe) -> None:
    train, alike = (clips(each, sounds_like=HONEST) for each in (range(4), range(4, 6)))
    fitted = fitting.fit_calibrated(recipe, train, alike, labels=LABELS)
    assert fitted.labels == LABELS
    assert fitted.calibration.accuracy_certain == 1
    assert fitted.calibration.temperature < 1


def test_the_shipped_head_learns_from_the_held_out_voices_too(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[set[str]] = []
    real = fitting.fit

    def watched(recipe: Recipe, items: pd.DataFrame, **how: object) -> object:
        learnt.append(set(items["speaker"]))
        return real(recipe, items, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "fit", watched)
    train, held_out = (clips(each, sounds_like=HONEST) for each in (range(4), range(4, 6)))
    fitting.fit_calibrated(recipe, train, held_out, labels=LABELS)
    assert learnt == [{"s0", "s1", "s2", "s3"}, {"s0", "s1", "s2", "s3", "s4", "s5"}]


def test_held_out_voices_without_labels_cannot_calibrate(recipe: Recipe) -> None:
    train = clips(range(4), sounds_like=HONEST)
    unknown = clips(range(4, 6), sounds_like=HONEST).assign(label=None)
    with pytest.raises(ConfigError, match=r"held out for calibration \(the speakers s4, s5\)"):
        fitting.fit_calibrated(recipe, train, unknown, labels=LABELS)
