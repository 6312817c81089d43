"""A call under a model that takes samples is told as its recording is."""

from __future__ import annotations

from desk_calls import AGENT, CUSTOMER, RATE, Shop, example, finish, open_call, packets, play

from tonfall.analysis import analyze_blocks
from tonfall.audio import AudioInfo
from tonfall.runtime import Predictor


def test_a_model_of_samples_is_served_as_it_analyses(tiny_waveform: Predictor) -> None:
    samples = example(40, 52)
    info = AudioInfo("", RATE, len(samples), samples.shape[1], "WAV/FLOAT")
    expected = analyze_blocks([samples], info=info, predictor=tiny_waveform, scored=(True, False))
    with Shop(tiny_waveform) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        play(call, packets(samples))
        finish(call)
        assert shop.windows(call) == list(expected.timeline.windows)
    assert expected.timeline.windows
