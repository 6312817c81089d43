from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from benchmarks.vad import diarization_error, read_turns
from tonfall.analysis import analyze
from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor
from tonfall.timeline import Segment
from tonfall.vad import CHUNK, VoiceSettings, detect, probabilities

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
    assert detect(np.stack([speech, echo]), settings=VoiceSettings(loud=1.0))[1]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", ["detect", "analyze"])
def test_turns_of_real_calls_agree_with_the_silver_ones(
    shared: Path, tiny: Predictor, call: str, way: str
) -> None:
    pytest.importorskip("pyannote.metrics", reason="needs the extra eval")
    file = shared / "data" / "calls" / f"{call}.flac"
    found = turns_of_array(file) if way == "detect" else turns_of_file(file, tiny)
    assert diarization_error(read_turns(file.with_suffix(".silver.rttm")), found) < 0.04


def turns_of_array(file: Path) -> list[list[Segment]]:
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return detect(soxr.resample(samples, rate, 16_000).T)


def turns_of_file(file: Path, tiny: Predictor) -> list[list[Segment]]:
    turns = analyze(file, model=tiny).timeline.turns
    return [[turn.segment for turn in turns if turn.channel == channel] for channel in range(2)]
