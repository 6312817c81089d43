"""The bundles that ship: made by a recipe of the repository, and judging alike in any batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonfall.analysis import analyze
from tonfall.analysis.trajectory import Trend
from tonfall.audio import read
from tonfall.bundle import bundled_models
from tonfall.runtime import Predictor, clip_pieces, load

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "call.wav"


@pytest.fixture(scope="module", params=sorted(bundled_models()))
def model(request: pytest.FixtureRequest) -> Predictor:
    return load(request.param)


def test_its_recipe_and_card_are_there(model: Predictor) -> None:
    assert (ROOT / model.spec.recipe).is_file()
    assert model.spec.corpora
    assert {"loco/four: mean", "clip alone: mean"} & set(model.spec.figures)


def test_a_window_is_judged_alike_alone_and_with_others(model: Predictor) -> None:
    waveform, rate = read(EXAMPLE)
    windows = []
    for channel, starts in zip(waveform, ((5, 15, 30, 55), (1, 10, 22, 50)), strict=True):
        for second in starts:
            clip = channel[second * rate : (second + 3) * rate]
            frames, weights, _ = clip_pieces(
                clip, sampling_rate=rate, front_end=model.spec.front_end
            )
            windows.append(model.encode(frames, weights).sum(axis=0))
    baseline = model.baseline()
    (first,) = model.judge_windows(windows[0][None], [baseline])
    heard = baseline.updated(first.pooled, seconds=3, gate=first.gate)
    baselines = [None, heard] * (len(windows) // 2)
    together = model.judge_windows(np.stack(windows), baselines)
    for window, before, judgement in zip(windows, baselines, together, strict=True):
        (alone,) = model.judge_windows(window[None], [before])
        assert alone.affect.probabilities == pytest.approx(judgement.affect.probabilities, abs=1e-6)


def test_the_trend_of_the_example_is_what_listeners_hear() -> None:
    """Its customer turns angry, its agent stays calm; nothing of it was chosen by a model."""
    customer, agent = sorted(analyze(EXAMPLE).summary(), key=lambda speaker: speaker.channel)
    assert customer.trend is Trend.WORSENING
    assert agent.trend is Trend.STEADY
    assert customer.probabilities["anger"] > 2 * agent.probabilities["anger"]
