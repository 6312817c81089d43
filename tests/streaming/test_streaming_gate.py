"""Anger is never learnt away: a caller who is angry from the first word stays angry in a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streams import RATE, push_all, windows_of

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.bundle import Gate, read_bundle, write_bundle
from tonfall.runtime import Predictor, load
from tonfall.streaming import Stream

CALL = Path(__file__).resolve().parents[1] / "golden" / "call.flac"


@pytest.fixture(scope="module")
def angry_caller() -> FloatArray:
    """(1, n) at 8 kHz: the golden call's customer from where he is angry, three times over."""
    waveform, rate = read(CALL)
    assert rate == RATE
    return np.tile(waveform[1:, int(16.3 * rate) : int(21.7 * rate)], (1, 3))


@pytest.fixture(scope="module")
def ungated(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """The model whose baseline takes in whatever is said as it is: a plain average."""
    shipped = read_bundle("medium")
    assert shipped.spec.baseline
    baseline = shipped.spec.baseline.model_copy(update={"gate": Gate(held={}, floor=1.0)})
    spec = shipped.spec.model_copy(update={"name": "ungated", "baseline": baseline})
    folder = tmp_path_factory.mktemp("bundles") / "ungated"
    return Predictor(write_bundle(folder, spec=spec, model=shipped.model.read_bytes(), card="# -"))


def anger(model: Predictor, sound: FloatArray, *, baseline: bool = True) -> tuple[int, float]:
    """Windows whose most probable label is anger, and anger's mean probability in all."""
    windows = windows_of(push_all(Stream(model, sampling_rate=RATE, baseline=baseline), [sound]))
    place = model.labels.index("anger")
    found = [max(window.probabilities) == window.probabilities[place] for window in windows]
    return sum(found), float(np.mean([window.probabilities[place] for window in windows]))


@pytest.mark.parametrize("name", ["medium", "medium-research"])
def test_a_caller_angry_from_the_first_word_is_found_as_without_a_baseline(
    angry_caller: FloatArray, name: str
) -> None:
    model = load(name)
    alone, _ = anger(model, angry_caller, baseline=False)
    gated, _ = anger(model, angry_caller)
    assert alone - 1 <= gated


def test_a_plain_average_would_learn_anger_away(
    angry_caller: FloatArray, ungated: Predictor
) -> None:
    gated, certainty = anger(load("medium"), angry_caller)
    erased, doubt = anger(ungated, angry_caller)
    assert erased <= gated - 3
    assert doubt < certainty - 0.2
