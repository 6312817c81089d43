from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tonfall.arrays import FloatArray
from tonfall.vad import CHUNK, detect, probabilities

CALLS = ["auto_repairs_40", "auto_repairs_49", "genesys_connector_test", "spokenwoz_mul1011"]


def test_every_chunk_has_a_probability_even_a_partial_one() -> None:
    assert probabilities(np.zeros((2, 3 * CHUNK + 1), np.float32)).shape == (2, 4)


def test_silence_and_noise_have_no_turns() -> None:
    noise = np.random.default_rng(0).normal(size=(1, 5 * 16_000)).astype(np.float32)
    assert detect(np.concatenate([0 * noise, 0.01 * noise])) == [[], []]


def test_speech_is_found_where_it_is(speech: FloatArray) -> None:
    silence = np.zeros(32_000, np.float32)
    [turns] = detect(np.concatenate([silence, speech, silence])[None])
    assert 32_000 < turns[0].start < 32_000 + 0.7 * 16_000
    assert abs(turns[-1].end - (32_000 + len(speech))) < 0.3 * 16_000
    assert sum(turn.samples for turn in turns) > 0.8 * len(speech)


def test_the_other_channels_echo_is_no_turn(speech: FloatArray) -> None:
    echo = 10 ** (-25 / 20) * np.roll(speech, 640)
    voice, leaked = detect(np.stack([speech, echo]))
    assert voice
    assert leaked == []
    assert detect(echo[None])[0]


@pytest.mark.parametrize("call", CALLS)
def test_turns_of_real_calls_agree_with_the_silver_ones(shared: Path, call: str) -> None:
    benchmark = pytest.importorskip("benchmarks.vad", reason="needs pyannote.metrics")
    reference = benchmark.read_turns(shared / "data" / "calls" / f"{call}.silver.rttm")
    samples, rate = soundfile.read(
        shared / "data" / "calls" / f"{call}.flac", dtype="float32", always_2d=True
    )
    waveform = soxr.resample(samples, rate, 16_000).T
    assert benchmark.diarization_error(reference, detect(waveform)) < 0.04
