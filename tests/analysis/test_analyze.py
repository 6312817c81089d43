"""A recording becomes a timeline: its facts, its order, its notes, and what is refused."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from tiny_bundle import tiny_spec, write_tiny

from tonfall.analysis import Analysis, analyze, analyze_blocks
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, Encoding, RawFormat, open_audio, read
from tonfall.errors import AudioError, BundleError, ConfigError
from tonfall.ort import OncePerProcess
from tonfall.runtime import Predictor
from tonfall.timeline import SAMPLING_RATE, Segment, Timeline
from tonfall.vad import VoiceSettings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000
opening = sys.modules["tonfall.analysis.opening"]


@pytest.fixture(scope="module")
def analysis(tiny: Predictor) -> Analysis:
    return analyze(EXAMPLE, model=tiny)


@pytest.fixture(scope="module")
def timeline(analysis: Analysis) -> Timeline:
    return analysis.timeline


def write(path: Path, samples: FloatArray, *, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, samples.T, RATE, subtype=subtype)
    return path


def test_the_facts_are_those_of_the_file(timeline: Timeline, tiny: Predictor) -> None:
    info = soundfile.info(EXAMPLE)
    recording = timeline.recording
    assert recording.file == str(EXAMPLE)
    assert (recording.sampling_rate, recording.channels) == (info.samplerate, info.channels)
    assert recording.samples == info.frames * SAMPLING_RATE // info.samplerate
    assert (timeline.model, timeline.model_hash) == ("tiny", tiny.hash)
    assert timeline.labels == tiny.labels
    assert timeline.baseline


def test_a_recording_is_judged_to_the_same_bits_whatever_was_heard_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are opened once a process: nothing of one recording may reach the next."""
    clip = write(tmp_path / "clip.wav", read(EXAMPLE)[0].mean(axis=0, keepdims=True)[:, :80_000])
    timelines = [analyze(clip, model="small-research").timeline]
    analyze(EXAMPLE, model="small-research")
    timelines.append(analyze(clip, model="small-research").timeline)
    monkeypatch.setattr(sys.modules["tonfall.ort.session"], "_SHIPPED", OncePerProcess(most=8))
    monkeypatch.setattr(sys.modules["tonfall.runtime.predictor"], "_LOADED", OncePerProcess(most=4))
    timelines.append(analyze(clip, model="small-research").timeline)
    assert timelines[0].windows
    assert timelines[0] == timelines[1] == timelines[2]


def test_turns_and_windows_are_in_order_within_the_recording(timeline: Timeline) -> None:
    starts = [(turn.segment.start, turn.channel) for turn in timeline.turns]
    ends = [(window.segment.end, window.channel) for window in timeline.windows]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    for told in (*timeline.turns, *timeline.windows):
        assert 0 <= told.segment.start < told.segment.end <= timeline.recording.samples
    assert timeline.speakers == ("S2", "S1")


def test_windows_are_complete(timeline: Timeline) -> None:
    for window in timeline.windows:
        assert sum(window.probabilities) == pytest.approx(1)
        assert window.confidence == max(window.probabilities)
        assert 0 < window.speech_ratio <= 1
        assert window.segment.samples <= 3 * SAMPLING_RATE
    assert {window.segment.end % SAMPLING_RATE for window in timeline.windows[:-1]} == {0}


def test_the_clips_of_the_example_are_found_in_their_channel(timeline: Timeline) -> None:
    clips = pd.read_csv(EXAMPLE.with_suffix(".csv"))
    shares = []
    for clip in clips.itertuples():
        spoken = Segment(int(clip.start * SAMPLING_RATE), int(clip.end * SAMPLING_RATE))
        turns = [turn for turn in timeline.turns if turn.channel == clip.channel]
        shares.append(sum(turn.segment.overlap(spoken) for turn in turns) / spoken.samples)
    # Two soft clips in a row (25.5 to 30 s) are hardly found.
    assert sorted(shares)[2] > 0.65
    assert np.mean(shares) > 0.88


def test_little_else_of_the_example_is_taken_for_speech(timeline: Timeline) -> None:
    clips = pd.read_csv(EXAMPLE.with_suffix(".csv"))
    for channel in (0, 1):
        own = clips[clips["channel"] == channel]
        turns = [turn.segment for turn in timeline.turns if turn.channel == channel]
        spoken = (own["end"] - own["start"]).sum()
        assert sum(turn.samples for turn in turns) / SAMPLING_RATE < spoken + 0.3 * len(own)


@pytest.mark.parametrize(("batch", "block"), [(100_000, 1.0), (1, 0.37), (30_000, 7.0)])
def test_neither_blocks_nor_batches_show(
    timeline: Timeline,
    tiny: Predictor,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    block: float,
) -> None:
    monkeypatch.setattr(opening, "_BATCH_SAMPLES", batch)
    with open_audio(EXAMPLE, block_seconds=block) as reader:
        other = analyze_blocks(reader, info=reader.info, predictor=tiny).timeline
    assert [turn.segment for turn in other.turns] == [turn.segment for turn in timeline.turns]
    assert [turn.label for turn in other.turns] == [turn.label for turn in timeline.turns]
    for found, expected in zip(other.windows, timeline.windows, strict=True):
        assert found.segment == expected.segment
        assert (found.label, found.snr_db, found.heard) == (
            expected.label,
            expected.snr_db,
            expected.heard,
        )
        assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-6)


def test_other_files_of_the_same_sound_have_the_same_timeline(
    timeline: Timeline, tiny: Predictor, tmp_path: Path
) -> None:
    samples, _ = read(EXAMPLE)
    for file in ("call.flac", "float.wav"):
        subtype = "PCM_16" if file.endswith("flac") else "FLOAT"
        other = analyze(write(tmp_path / file, samples, subtype=subtype), model=tiny).timeline
        assert other.windows == timeline.windows
        assert other.turns == timeline.turns


def test_a_model_may_be_named_by_its_folder(timeline: Timeline, tmp_path: Path) -> None:
    bundle = write_tiny(tmp_path / "model")
    assert analyze(EXAMPLE, model=bundle.folder).timeline == timeline


def test_without_baseline_nothing_was_heard(timeline: Timeline, tiny: Predictor) -> None:
    alone = analyze(EXAMPLE, model=tiny, baseline=False).timeline
    assert not alone.baseline
    assert {window.heard for window in alone.windows} == {0.0}
    assert [turn.segment for turn in alone.turns] == [turn.segment for turn in timeline.turns]
    assert [w.probabilities for w in alone.windows] != [w.probabilities for w in timeline.windows]


def test_a_model_without_a_baseline_says_that_there_is_none(tmp_path: Path) -> None:
    model = Predictor(write_tiny(tmp_path / "model", spec=tiny_spec(baseline=False)))
    found = analyze(EXAMPLE, model=model).timeline
    assert not found.baseline
    assert found.windows


def test_a_side_that_is_not_scored_has_turns_only(timeline: Timeline, tiny: Predictor) -> None:
    customer = analyze(EXAMPLE, model=tiny, customer=0).timeline
    assert {window.channel for window in customer.windows} == {0}
    assert [turn.segment for turn in customer.turns] == [turn.segment for turn in timeline.turns]
    assert {turn.label for turn in customer.turns if turn.channel == 1} == {None}


@pytest.mark.parametrize("channel", [-1, 2])
def test_a_side_that_there_is_not_is_refused(tiny: Predictor, channel: int) -> None:
    with pytest.raises(ConfigError, match=f"channel {channel}, but .* channels 0 to 1"):
        analyze(EXAMPLE, model=tiny, customer=channel)


def test_settings_of_voice_activity_are_followed(timeline: Timeline, tiny: Predictor) -> None:
    patient = VoiceSettings(shortest_pause_ms=3000)
    assert len(analyze(EXAMPLE, model=tiny, settings=patient).timeline.turns) < len(timeline.turns)


def test_weak_dimensions_are_said_to_be_weak(tmp_path: Path) -> None:
    weak = Predictor(write_tiny(tmp_path / "model", spec=tiny_spec(dimensions_weak=True)))
    assert "weak" in analyze(EXAMPLE, model=weak).timeline.notes[0]


def test_progress_goes_forward_to_the_end(tiny: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_BATCH_SAMPLES", 100_000)
    told: list[tuple[float, float | None]] = []
    analyze(EXAMPLE, model=tiny, progress=lambda done, total: told.append((done, total)))
    done = [seconds for seconds, _ in told]
    assert done == sorted(done)
    assert len(done) > 5
    duration = soundfile.info(EXAMPLE).duration
    assert done[-1] == pytest.approx(duration, abs=0.02)
    assert {total for _, total in told} == {duration}


def test_raw_samples_come_from_standard_input(
    timeline: Timeline, tiny: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, rate = read(EXAMPLE)
    data = np.round(samples.T * 32768).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    raw = RawFormat(encoding=Encoding.S16LE, sampling_rate=rate, channels=2)
    told: list[float | None] = []
    found = analyze(
        "-", model=tiny, raw=raw, progress=lambda _done, total: told.append(total)
    ).timeline
    assert found.windows == timeline.windows
    assert found.recording.file == "-"
    assert set(told) == {None}


SPEECHLESS: dict[str, Callable[[], FloatArray]] = {
    "silence": lambda: np.zeros((1, 4 * RATE), np.float32),
    "40 ms": lambda: np.full((1, 320), 0.1, np.float32),
    "noise": lambda: np.random.default_rng(0).normal(0, 0.1, (2, 4 * RATE)).astype(np.float32),
    "a tone": lambda: 0.3 * np.sin(np.arange(4 * RATE, dtype=np.float32)[None] / 4),
}


@pytest.mark.parametrize("kind", SPEECHLESS)
def test_without_speech_the_timeline_is_empty_and_says_so(
    tiny: Predictor, tmp_path: Path, kind: str
) -> None:
    found = analyze(write(tmp_path / "sound.wav", SPEECHLESS[kind]()), model=tiny).timeline
    assert (found.turns, found.windows, found.speakers) == ((), (), ())
    assert found.notes == ("No speech was found.",)


def test_music_on_hold_is_no_speech(shared: Path, tiny: Predictor) -> None:
    noise = shared / "data" / "noise"
    for name in ("hold_music_1", "ringback_eu", "dtmf_1234567890", "mains_hum_50"):
        assert analyze(noise / f"{name}.flac", model=tiny).timeline.windows == (), name


def bad_recordings(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each recording that cannot be used, and what is said of it."""
    (folder / "empty.wav").write_bytes(b"")
    yield folder / "empty.wav", "the file is empty"
    (folder / "text.wav").write_text("no sound at all\n" * 50)
    yield folder / "text.wav", "text.wav"
    yield folder, "this is a folder"
    yield folder / "missing.wav", "no such file"
    yield write(folder / "5ms.wav", np.ones((1, 40), np.float32) / 2), "it lasts 5.0 ms"
    yield write(folder / "nan.wav", np.full((1, RATE), np.nan, np.float32)), "NaN or infinite"
    yield write(folder / "none.wav", np.zeros((1, 0), np.float32)), "no samples"
    whole = EXAMPLE.read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    yield folder / "cut.wav", "truncated"
    huge = bytearray(whole)
    huge[huge.index(b"data") + 4 : huge.index(b"data") + 8] = struct.pack("<I", 10**9)
    (folder / "huge.wav").write_bytes(huge)
    yield folder / "huge.wav", "its header promises 62500.0 s"


def test_what_is_no_recording_is_refused_in_one_sentence(tiny: Predictor, tmp_path: Path) -> None:
    for path, message in bad_recordings(tmp_path):
        with pytest.raises(AudioError, match=message) as caught:
            analyze(path, model=tiny)
        assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(BundleError, match="neither a bundled model"):
        analyze(EXAMPLE, model="enormous")


def test_the_outline_covers_the_recording(analysis: Analysis) -> None:
    outline = analysis.envelope
    seconds = outline.extremes.shape[1] * outline.bin_seconds
    assert outline.extremes.shape[0] == 2
    assert seconds == pytest.approx(analysis.timeline.recording.duration, abs=outline.bin_seconds)


def test_blocks_may_come_from_anywhere(tiny: Predictor, timeline: Timeline) -> None:
    samples, rate = read(EXAMPLE)
    info = AudioInfo("", rate, 2, None, "made")
    found = analyze_blocks([samples], info=info, predictor=tiny).timeline
    assert found.windows == timeline.windows
    assert found.recording.file == ""


def test_an_array_gives_the_timeline_of_its_file(tiny: Predictor, timeline: Timeline) -> None:
    waveform, rate = read(EXAMPLE)
    found = analyze(waveform, rate, model=tiny).timeline
    assert (found.turns, found.windows) == (timeline.turns, timeline.windows)
    assert found.recording.file == ""


def test_an_array_of_one_channel_is_heard_for_its_speakers_first(
    tiny: Predictor, tmp_path: Path
) -> None:
    waveform, rate = read(EXAMPLE)
    mono = waveform.mean(axis=0)
    file = write(tmp_path / "mono.wav", mono[None])
    found = analyze(mono, sampling_rate=rate, model=tiny).timeline
    assert found.turns == analyze(file, model=tiny).timeline.turns


@pytest.mark.parametrize(
    ("source", "rate", "message"),
    [
        (["a.wav", "b.wav"], None, "Several recordings came, but one is expected"),
        ((Path("a.wav"),), 8000, "Several recordings came"),
        (np.zeros(8000), None, "An array came without its sampling rate"),
        ([0.0] * 8000, None, "An array came without its sampling rate"),
        (np.zeros(8000), "8000", "the sampling rate is '8000', but an integer"),
        (np.zeros((8000, 2)), 8000, "looks transposed"),
        (EXAMPLE, 8000, "a recording has a sampling rate of its own; leave out the 8000 Hz"),
        (EXAMPLE.parent, None, "this is a folder; name the recordings in it"),
        (None, None, "A NoneType came, but the path of a recording is expected"),
        (b"\0\0" * 8000, 8000, "bytes came, but samples are expected"),
        ([[0.0], [0.0, 0.1]], 8000, "it is no array of samples"),
    ],
)
def test_what_is_neither_a_path_nor_an_array_is_refused_in_one_sentence(
    tiny: Predictor, source: object, rate: int, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        analyze(source, rate, model=tiny)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"customer": "agent"}, {"speakers": "auto"}, {"speakers": 2.0}])
def test_words_in_place_of_numbers_are_one_sentence(
    tiny: Predictor, option: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match="but an integer is expected, or None"):
        analyze(EXAMPLE, model=tiny, **option)  # type: ignore[arg-type]
