"""Features of files: tables, their index, what is kept, and the command."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from tonfall.cli import app
from tonfall.errors import AudioError, ConfigError
from tonfall.features import FUNCTIONALS, extract, recordings
from tonfall.features.descriptors import DESCRIPTORS
from tonfall.features.sets import SETS

RATE = 16_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four seconds of a buzz at 8 kHz and two channels, the second of them silent."""
    times = np.arange(4 * 8000) / 8000
    sound = 0.1 * sum(np.sin(2 * np.pi * 140 * k * times) / k for k in range(1, 11))
    path = tmp_path / "buzz.wav"
    soundfile.write(path, np.stack([sound, 0 * sound], axis=1), 8000)
    return path


def test_a_file_is_a_row_of_the_segmented_index(file: Path) -> None:
    table = extract(file)
    assert table.index.names == ["file", "start", "end"]
    assert list(table.index) == [(str(file), pd.Timedelta(0), pd.Timedelta("4s"))]
    assert list(table.columns) == list(FUNCTIONALS)
    above = 12 * np.log2(140 / 27.5)
    assert abs(table["F0semitoneFrom27.5Hz_sma3nz_amean"].iloc[0] - above) < 0.2


def test_windows_cover_the_whole_file(file: Path) -> None:
    starts = [
        start / pd.Timedelta("1s") for _, start, _ in extract(file, "prosody", per="window").index
    ]
    assert starts == [0, 1]


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_frames_and_numbers(name: str, file: Path) -> None:
    frames, whole = extract(file, name, per="frame"), extract(file, name)
    assert tuple(frames.columns) == SETS[name].frame_columns
    assert tuple(whole.columns) == SETS[name].columns
    assert len(frames) > 390
    assert set(frames.columns) <= set(DESCRIPTORS)


def test_stretches_are_rows(file: Path) -> None:
    table = extract(file, "prosody", stretches={str(file): [(0.5, 1.5), (2, 3)]})
    assert [end / pd.Timedelta("1s") for *_, end in table.index] == [1.5, 3]


def test_what_was_computed_is_read_again_by_content(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    first = extract(file, "prosody", cache_folder=kept)
    copy = file.rename(tmp_path / "other.wav")
    monkeypatch.setattr(recordings, "open_audio", lambda path: pytest.fail("computed anew"))
    second = extract(copy, "prosody", cache_folder=kept)
    np.testing.assert_array_equal(first.to_numpy(), second.to_numpy())


def test_bad_requests_are_said(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no feature set 'compare', expected one of egemaps"):
        extract(file, "compare")
    with pytest.raises(AudioError, match=r"none\.wav"):
        extract(tmp_path / "none.wav", cache_folder=tmp_path)


def test_the_command_writes_a_table_and_a_picture(file: Path, tmp_path: Path) -> None:
    table, picture = tmp_path / "a.parquet", tmp_path / "a.png"
    words = ["features", str(file.parent), "--set", "prosody", "--no-cache", "-o", str(table)]
    done = CliRunner().invoke(app, [*words, "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    assert len(pd.read_parquet(table)) == 1
    assert picture.stat().st_size > 10_000


def test_the_command_lists_every_descriptor() -> None:
    listed = CliRunner().invoke(app, ["features", "--list"]).output
    assert all(name in listed for name in DESCRIPTORS)


def test_stretches_go_by_path_however_it_is_written(file: Path) -> None:
    roundabout = file.parent / "." / file.name
    table = extract(str(file), "prosody", stretches={roundabout: [(0.5, 1.5)]})
    assert len(table) == 1


@pytest.mark.parametrize("part", [(1.5, 0.5), (-1, 1), (1, 1), (float("nan"), 1), (0, math.inf)])
def test_a_stretch_that_is_none_is_refused(file: Path, part: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"a stretch from .* is none; its start must be 0 s"):
        extract(file, "prosody", stretches={file: [part]})


@pytest.mark.parametrize("parts", ["01", (0, 1), [("0", "1")], [(0, 1, 2)], 3])
def test_stretches_that_are_no_pairs_of_numbers_are_refused(file: Path, parts: object) -> None:
    with pytest.raises(ConfigError, match=r"stretch.*, expected (two numbers|a list)"):
        extract(file, "prosody", stretches={file: parts})  # type: ignore[dict-item]


def test_stretches_of_another_file_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"other\.wav: stretches are given for a file"):
        extract(file, "prosody", stretches={"other.wav": [(0, 1)]})


@pytest.mark.parametrize("files", [None, np.zeros(3), [1]])
def test_what_is_no_path_is_refused(files: object) -> None:
    with pytest.raises(ConfigError, match="but a path or a list of paths was expected"):
        extract(files)  # type: ignore[arg-type]


def test_no_stretches_are_no_rows(file: Path) -> None:
    assert extract(file, "prosody", per="frame", stretches={}).empty
