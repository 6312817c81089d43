"""Sound that has no speech, and what is no sound at all."""

from __future__ import annotations

import numpy as np
import pytest
from streams import RATE, cut, example, push_all, turns_of, white_noise, windows_of

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError
from tonfall.runtime import Predictor
from tonfall.streaming import Engine, Stream, StreamEnded

SPEECHLESS = {
    "nothing": np.zeros((1, 0), np.float32),
    "one sample": np.full((1, 1), 0.5, np.float32),
    "5 ms": white_noise(0.005),
    "40 ms": white_noise(0.04),
    "digital silence": np.zeros((1, 10 * RATE), np.float32),
    "white noise": white_noise(10, level=0.1),
    "a tone": 0.5 * np.sin(np.arange(10 * RATE, dtype=np.float32)[None] / 3),
    "direct current": np.full((1, 10 * RATE), 0.9, np.float32),
    "clipping": np.sign(white_noise(10)),
}


@pytest.fixture
def stream(tiny: Predictor) -> Stream:
    return Stream(tiny, sampling_rate=RATE)


@pytest.mark.parametrize("kind", SPEECHLESS)
def test_without_speech_nothing_but_the_end_is_told(stream: Stream, kind: str) -> None:
    samples = SPEECHLESS[kind]
    assert push_all(stream, [samples]) == [StreamEnded(2 * samples.shape[1])]


def test_empty_chunks_change_nothing(tiny: Predictor) -> None:
    mono, stereo = (np.zeros(shape, np.float32) for shape in ((0,), (2, 0)))
    assert push_all(Stream(tiny, sampling_rate=RATE), [mono, mono[None]]) == [StreamEnded(0)]
    chunks = cut(example(0, 5), [8000] * 4)
    events = push_all(Stream(tiny, sampling_rate=RATE, channels=2), chunks)
    between = [part for chunk in chunks for part in (stereo, chunk)]
    assert push_all(Stream(tiny, sampling_rate=RATE, channels=2), between) == events


def test_integers_are_taken_at_their_full_scale(tiny: Predictor) -> None:
    integers = np.round(example(4, 8)[0] * 32767).astype(np.int16)
    floats = integers.astype(np.float32) / 32768
    expected = push_all(Stream(tiny, sampling_rate=RATE), [floats])
    assert push_all(Stream(tiny, sampling_rate=RATE), [integers]) == expected
    assert windows_of(expected)


def test_a_closed_stream_takes_nothing_and_tells_nothing(stream: Stream) -> None:
    stream.close()
    with pytest.raises(AudioError, match="closed; open a new one"):
        stream.push(np.zeros(100, np.float32))
    with pytest.raises(AudioError, match="closed; open a new one"):
        stream.skip(0.1)
    with pytest.raises(AudioError, match="closed; open a new one"):
        stream.skip(60)
    assert stream.close() == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full(100, np.nan, np.float32), "NaN or infinite"),
        (np.full(100, np.inf, np.float32), "NaN or infinite"),
        (np.full(100, 3000.0, np.float32), "divide them by their full scale"),
        (np.zeros((3, 100), np.float32), r"this stream takes \(1, n\)"),
        (np.zeros((100, 1), np.float32), "channels"),
        (np.array(["a"]), "its type is"),
    ],
)
def test_samples_that_are_none_are_refused_and_not_taken(
    stream: Stream, samples: FloatArray, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        stream.push(samples)
    assert stream.close() == [StreamEnded(0)]


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (5_000_000, 1), (8000, 0), (8000, 64)])
def test_rates_and_channels_that_cannot_be_are_refused(
    tiny: Predictor, rate: int, channels: int
) -> None:
    with pytest.raises(AudioError, match=f"{rate} Hz" if channels == 1 else f"{channels} channels"):
        Engine(tiny, sampling_rate=rate, channels=channels)


def test_eight_channels_each_have_a_speaker(tiny: Predictor) -> None:
    silent = np.zeros((7, 4 * RATE), np.float32)
    samples = np.concatenate([silent, example(4, 8)[:1]])
    events = push_all(Stream(tiny, sampling_rate=RATE, channels=8), [samples])
    assert {turn.speaker for turn in turns_of(events)} == {"S8"}
    assert {window.channel for window in windows_of(events)} == {7}


def test_speech_to_the_last_sample_is_told_within_the_stream(tiny: Predictor) -> None:
    samples = example(4, 6.456)[:1]
    events = push_all(Stream(tiny, sampling_rate=RATE), [samples])
    last = turns_of(events)[-1]
    assert last.segment.end == 2 * samples.shape[1]
    assert windows_of(events)[-1].segment.end == 2 * samples.shape[1]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (b"\0\0" * 80, "bytes came, but samples are expected; .* numpy.frombuffer"),
        (b"", "bytes came"),
        (bytearray(160), "bytes came"),
        (memoryview(b"\0\0"), "bytes came"),
        (None, "0 axes"),
        ("call.wav", "0 axes"),
        ([[0.0], [0.0, 0.1]], "it is no array of samples"),
    ],
)
def test_what_is_no_array_of_samples_is_refused_in_one_sentence(
    stream: Stream, samples: object, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        stream.push(samples)  # type: ignore[arg-type]


def test_a_list_of_samples_is_taken(stream: Stream) -> None:
    assert stream.push([0.0] * 800) == []


@pytest.mark.parametrize("shape", [{"sampling_rate": "8000"}, {"channels": "2"}])
def test_a_stream_of_no_number_is_refused_in_one_sentence(
    tiny: Predictor, shape: dict[str, object]
) -> None:
    with pytest.raises(AudioError, match=r"an integer.* is expected"):
        Stream(tiny, **{"sampling_rate": RATE, **shape})  # type: ignore[arg-type]
