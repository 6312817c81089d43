"""A clip is the stretch from its start to its end, whoever reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall import contents
from tonfall.audio import resample
from tonfall.contents import code_hash, library_versions
from tonfall.corpora.clips import Clip, clips_of, named_errors, read_clip, read_stretch
from tonfall.corpora.contents import clip_hash, file_hash
from tonfall.errors import AudioError, ManifestError

RATE = 8000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three and a half seconds on two channels, no two samples alike in a row."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (7 * RATE // 2, 2))
    soundfile.write(tmp_path / "talk.wav", noise, RATE, subtype="FLOAT")
    return tmp_path / "talk.wav"


def samples(file: Path) -> np.ndarray:
    return soundfile.read(file, dtype="float32")[0].T


@pytest.mark.parametrize(
    ("start", "end"),
    # Inside a block, over several blocks of a second, at their edges, and to the file's end.
    [(0.25, 0.75), (0.5, 3.25), (1.0, 2.0), (2.0, 3.5), (0.0, None), (3.1, None), (0.3001, 0.9)],
)
def test_a_clip_is_the_stretch_of_its_file(
    recording: Path, start: float, end: float | None
) -> None:
    clip = Clip("turn", recording, start, end)
    expected = samples(recording)[:, round(start * RATE) : end and round(end * RATE)]
    stretch, rate = read_stretch(clip)
    assert rate == RATE
    np.testing.assert_array_equal(stretch, expected)
    mono = resample(expected.mean(axis=0, keepdims=True), source_rate=RATE)[0]
    np.testing.assert_array_equal(read_clip(clip), mono)


@pytest.mark.parametrize(("start", "end"), [(3.0, 3.6), (4.0, 5.0), (4.0, None)])
def test_a_clip_past_the_end_of_its_file_is_refused(
    recording: Path, start: float, end: float | None
) -> None:
    with pytest.raises(AudioError, match=r"item turn is .*, but the file ends at 3\.50 s"):
        read_clip(Clip("turn", recording, start, end))


def test_a_rounded_end_is_no_error(recording: Path) -> None:
    assert read_stretch(Clip("turn", recording, 3.0, 3.508))[0].shape == (2, RATE // 2)


def test_a_clip_of_no_length_is_named(recording: Path) -> None:
    with pytest.raises(AudioError, match=r"talk\.wav, turn: it lasts 20\.0 ms"):
        read_clip(Clip("turn", recording, 1.0, 1.02))


def test_rows_become_clips() -> None:
    rows = pd.DataFrame({"item": ["a", "b"], "file": ["x.wav", "x.wav"], "start": [None, 1.5]})
    assert clips_of(rows.assign(end=[None, 2.5])) == [
        Clip("a", Path("x.wav"), 0.0, None),
        Clip("b", Path("x.wav"), 1.5, 2.5),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"file": None}, "a: the manifest names no audio"),
        ({"file": "x.wav", "start": 2.0, "end": 2.0}, "a: its stretch is 2 to 2 s"),
        ({"file": "x.wav", "start": -1.0, "end": 2.0}, "a: its stretch is -1 to 2 s"),
    ],
)
def test_a_row_without_a_stretch_is_refused(row: dict[str, object], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        clips_of(pd.DataFrame([{"item": "a", **row}]))


def test_what_is_said_against_samples_names_the_clip() -> None:
    with (
        pytest.raises(AudioError, match=r"turn \(talk\.wav\): It is silent"),
        named_errors(Clip("turn", Path("talk.wav"))),
    ):
        raise AudioError("It is silent.")


def test_a_clip_is_known_by_content_and_place(recording: Path) -> None:
    copy = recording.with_name("copy.wav")
    copy.write_bytes(recording.read_bytes())
    assert clip_hash(Clip("a", recording)) == clip_hash(Clip("b", copy)) == file_hash(copy)
    parts = {clip_hash(Clip("a", recording, start, 2.0)) for start in (0.0, 0.5, 1.0)}
    assert len(parts | {clip_hash(Clip("a", recording))}) == 4


def test_a_file_that_was_written_to_is_another(recording: Path) -> None:
    before = file_hash(recording)
    with recording.open("ab") as file:
        file.write(b"more")
    assert file_hash(recording) != before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none\.wav: no such file"):
        file_hash(tmp_path / "none.wav")


def test_code_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(name: str, content: bytes) -> str:
        (tmp_path / "vad" / name).write_bytes(content)
        code_hash.cache_clear()
        return code_hash("vad", "one.py")

    (tmp_path / "vad").mkdir()
    (tmp_path / "one.py").write_text("1\n")
    monkeypatch.setattr(contents, "_PACKAGE", tmp_path)
    first = changed("detect.py", b"THRESHOLD = 0.5\n")
    second = changed("detect.py", b"THRESHOLD = 0.45\n")
    third = changed("voice.onnx", b"weights")
    again = changed("detect.py", b"THRESHOLD = 0.5\n")
    code_hash.cache_clear()
    assert len({first, second, third, again}) == 4


def test_versions_of_libraries_are_those_installed() -> None:
    assert library_versions("numpy", "no-such-package") == (
        f"numpy {np.__version__} no-such-package absent"
    )
