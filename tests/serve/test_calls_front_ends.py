"""A call under a model of samples, or of functionals, is told as its recording is."""

from __future__ import annotations

import pytest
from desk_calls import AGENT, CUSTOMER, RATE, Shop, example, finish, open_call, packets, play

from tonfall.analysis import analyze_blocks
from tonfall.audio import AudioInfo
from tonfall.runtime import Predictor


@pytest.mark.parametrize("name", ["tiny_waveform", "tiny_functionals"])
def test_a_model_of_another_front_end_is_served_as_it_analyses(
    name: str, request: pytest.FixtureRequest
) -> None:
    model: Predictor = request.getfixturevalue(name)
    samples = example(44, 54)
    info = AudioInfo("", RATE, len(samples), samples.shape[1], "WAV/FLOAT")
    expected = analyze_blocks([samples], info=info, predictor=model, scored=(True, False))
    with Shop(model) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        play(call, packets(samples))
        finish(call)
        assert shop.windows(call) == list(expected.timeline.windows)
    assert expected.timeline.windows
