"""Where a baseline lives: in its stream's memory, for sides that are scored, and nowhere else."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tonfall.analysis import analyze
from tonfall.analysis.exports import FORMATS
from tonfall.analysis.outputs import PLOTS, write_outputs
from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.bundle import Bundle, read_bundle
from tonfall.runtime import Baseline, Judgement, Predictor
from tonfall.streaming import Event, Stream, WindowScored

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000


class Witness(Predictor):
    """Remembers every baseline that something was judged against."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.means: list[FloatArray] = []

    def judge_windows(
        self, statistics: FloatArray, baselines: Sequence[Baseline | None]
    ) -> list[Judgement]:
        self.means += [baseline.mean for baseline in baselines if baseline and baseline.heard]
        return super().judge_windows(statistics, baselines)

    def traces(self) -> set[bytes]:
        """Every learnt number, as it would stand in text (eight decimals) and in binary."""
        numbers = np.concatenate(self.means)
        numbers = numbers[np.abs(numbers) > 0.001]
        long = {f"{abs(float(number)):.12f}"[:10].encode() for number in numbers}
        short = {str(abs(number)).encode() for number in numbers}
        binary = {kind(number).tobytes() for number in numbers for kind in (np.float32, np.float64)}
        return long | {text for text in short if len(text) > 9} | binary


@pytest.fixture
def witness(tiny_bundle: Bundle) -> Witness:
    return Witness(tiny_bundle)


def reachable(root: object, kind: type) -> Iterator[object]:
    """Every object of a kind that the root holds; the model, which all share, is left out."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (type, Predictor, type(sys))) or callable(each):
            continue
        seen.add(id(each))
        if isinstance(each, kind):
            yield each
        waiting += gc.get_referents(each)


def call(start: float, end: float) -> FloatArray:
    waveform, _ = read(EXAMPLE)
    return waveform[:, int(start * RATE) : int(end * RATE)]


def heard(events: Sequence[Event]) -> list[float]:
    return [event.window.heard for event in events if isinstance(event, WindowScored)]


def test_no_export_page_or_picture_holds_what_a_baseline_learnt(
    witness: Witness, tmp_path: Path
) -> None:
    analysis = analyze(EXAMPLE, model=witness)
    assert len(witness.means) > 5
    written = write_outputs(analysis, tmp_path, formats=list(FORMATS), plots=PLOTS)
    assert len(written) == len(FORMATS) + len(PLOTS)
    contents = b"".join(file.read_bytes() for file in written)
    found = {trace for trace in witness.traces() if trace in contents}
    assert not found
    assert not list(reachable(analysis, Baseline))


def test_a_number_that_were_written_would_be_found(witness: Witness) -> None:
    """The test above can fail."""
    analyze(EXAMPLE, model=witness)
    spilt = json.dumps(witness.means[-1].tolist()).encode()
    assert any(trace in spilt for trace in witness.traces())


def test_no_log_at_any_level_tells_of_a_baseline(
    witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        stream = Stream(witness, sampling_rate=RATE, channels=2)
        stream.push(call(0, 14))
        stream.close()
    text = caplog.text.encode()
    assert witness.means
    assert not {trace for trace in witness.traces() if trace in text}
    assert not [record for record in caplog.records if list(reachable(record.args, Baseline))]


def test_events_hold_no_baseline(witness: Witness) -> None:
    stream = Stream(witness, sampling_rate=RATE, channels=2)
    events = [*stream.push(call(0, 14)), *stream.close()]
    assert max(heard(events)) > 3
    assert not list(reachable(events, Baseline))
    assert not list(reachable(events, np.ndarray))


def test_a_side_that_is_not_scored_never_has_a_baseline(tiny: Predictor) -> None:
    def baselines(scored: list[bool]) -> int:
        stream = Stream(tiny, sampling_rate=RATE, channels=2, scored=scored)
        stream.push(call(0, 14))
        return len({id(each) for each in reachable(stream, Baseline)})

    both, one, none = baselines([True, True]), baselines([True, False]), baselines([False, False])
    assert both > one > none == 0


def test_without_the_baseline_none_is_built(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=RATE, channels=2, baseline=False)
    stream.push(call(0, 14))
    assert not list(reachable(stream, Baseline))


def test_a_closed_stream_can_be_forgotten_with_its_baselines(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    stream.push(call(0, 14))
    stream.close()
    ours = {id(each) for each in reachable(stream, Baseline)}
    assert ours
    del stream
    gc.collect()
    assert not [each for each in gc.get_objects() if id(each) in ours and type(each) is Baseline]


def hold_music(seconds: int) -> FloatArray:
    """A melody of pure tones."""
    melody = np.repeat([523.0, 659.0, 784.0, 1047.0, 880.0, 698.0], RATE // 4)
    pitch = np.resize(melody, seconds * RATE)
    return (0.2 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)).astype(np.float32)


def vowel(seconds: int) -> FloatArray:
    """A glottal buzz at 120 Hz through three formants: speech to any detector, for ever."""
    import scipy.signal

    time = np.arange(seconds * RATE) / RATE
    sound = scipy.signal.sawtooth(2 * np.pi * 120 * time)
    for formant, width in ((700, 110), (1200, 120), (2500, 160)):
        radius = np.exp(-np.pi * width / RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2]
        sound = scipy.signal.lfilter([1 - radius], poles, sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


SPEECHLESS = {
    "silence": lambda: np.zeros(600 * RATE, np.float32),
    "hold music": lambda: hold_music(600),
}


@pytest.mark.parametrize("kind", SPEECHLESS)
def test_what_is_no_speech_leaves_the_baseline_as_it_was(tiny: Predictor, kind: str) -> None:
    stream = Stream(tiny, sampling_rate=RATE)
    speech = call(4, 12)[0]
    before = heard(stream.push(speech))
    assert before
    for minute in np.split(SPEECHLESS[kind](), 10):
        assert heard(stream.push(minute)) == []
    after = heard(stream.push(speech))
    whole = before[-1] + 1.0
    assert before[-1] < after[0] <= whole


@pytest.mark.slow
def test_recorded_hold_music_hardly_moves_the_baseline(tiny: Predictor, shared: Path) -> None:
    """Voice activity takes about a chunk in a hundred of it for a voice."""
    stream = Stream(tiny, sampling_rate=16_000)
    for number in (1, 2):
        music, rate = read(shared / "data" / "noise" / f"hold_music_{number}.flac")
        stream.push(resample(np.tile(music[:1], 12), source_rate=rate)[0])
    assert max([0.0, *heard(stream.close())]) < 5


@pytest.mark.slow
def test_hours_of_one_vowel_take_no_more_memory_than_a_minute(tiny: Predictor) -> None:
    stream, minute = Stream(tiny, sampling_rate=RATE), vowel(60)
    sizes = []
    for _ in range(10):
        stream.push(minute)
        sizes.append(sum(each.nbytes for each in reachable(stream, np.ndarray)))  # type: ignore[attr-defined]
    assert max(sizes[2:]) <= 1.1 * max(sizes[:2])
    values = [each.mean for each in reachable(stream, Baseline)]  # type: ignore[attr-defined]
    assert all(np.isfinite(mean).all() for mean in values)


def test_a_pause_of_an_hour_keeps_the_baseline_and_nothing_more(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=RATE)
    before = heard(stream.push(call(4, 12)[0]))
    size = sum(each.nbytes for each in reachable(stream, np.ndarray))  # type: ignore[attr-defined]
    stream.skip(3600)
    paused = sum(each.nbytes for each in reachable(stream, np.ndarray))  # type: ignore[attr-defined]
    after = heard(stream.push(call(4, 12)[0]))
    assert paused <= size
    assert after[0] > before[-1]


def test_a_thousand_voices_share_one_prior(tiny: Predictor) -> None:
    """Each keeps one sum of its own: what a thousand cost is that, and no more."""
    pooled = np.ones(tiny.baseline().prior.shape, np.float32)
    voices = [tiny.baseline()]
    voices += [voices[0].updated(pooled, seconds=1) for _ in range(999)]
    voices = [voice.updated(pooled, seconds=1) for voice in voices]
    arrays = {id(each): each for each in reachable(voices, np.ndarray)}
    own = 1000 * voices[0].total.nbytes
    assert sum(each.nbytes for each in arrays.values()) <= own + voices[0].prior.nbytes  # type: ignore[attr-defined]


def test_a_thousand_voices_of_a_shipped_model_fit_in_13_megabytes() -> None:
    spec = read_bundle("medium").spec.baseline
    assert spec is not None
    assert 1000 * len(spec.prior_mean) * np.dtype(np.float64).itemsize < 13e6
