"""``tonfall features`` as a new user meets it: mixed files, folders, manifests, what goes wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

from tonfall.cli import app, feature_turns
from tonfall.cli.feature_turns import turns_of
from tonfall.corpora import Manifest
from tonfall.corpora.rows import audio_files
from tonfall.errors import AudioError, ConfigError, ManifestError
from tonfall.features import picture, rows
from tonfall.features.recordings import read_samples
from tonfall.features.row_tasks import Order, Rows, Task
from tonfall.vad import detect

RATE = 16_000


def buzz(seconds: float, pitch_hz: float = 140) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 11))


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four recordings, three of which can be read, among other things."""
    folder = tmp_path / "mixed"
    (folder / "sub").mkdir(parents=True)
    soundfile.write(folder / "a.wav", buzz(1), RATE)
    soundfile.write(folder / "b.FLAC", np.stack([buzz(1.5), 0 * buzz(1.5)], axis=1), RATE)
    soundfile.write(folder / "sub" / "Grüße an Zoë.ogg", buzz(2), RATE)
    (folder / "empty.wav").touch()
    (folder / "notes.txt").write_text("no recording")
    (folder / ".hidden.wav").touch()
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["features", *map(str, words), "--set", "prosody", "-j", "1"])


def index_of(path: Path) -> list[str]:
    return [Path(file).name for file in pd.read_parquet(path).index.get_level_values("file")]


def test_a_folder_is_read_but_for_the_bad_file_which_is_named(mixed: Path, tmp_path: Path) -> None:
    done = run(mixed, "-o", tmp_path / "a.parquet")
    assert done.exit_code == 1
    assert index_of(tmp_path / "a.parquet") == ["a.wav", "b.FLAC", "Grüße an Zoë.ogg"]
    assert done.stderr.splitlines() == [
        f"{mixed / 'empty.wav'}: the file is empty; copy it again from its source.",
        "1 of 4 recordings failed.",
    ]


def test_a_single_bad_file_is_bad_input(mixed: Path) -> None:
    for name in ("notes.txt", "empty.wav", "none.wav"):
        assert isinstance(run(mixed / name).exception, AudioError)


def test_files_named_twice_are_a_row(mixed: Path) -> None:
    assert len(run(mixed / "a.wav", mixed / "a.wav").stdout.splitlines()) == 2


def test_where_all_fail_nothing_is_written(mixed: Path, tmp_path: Path) -> None:
    done = run(mixed / "empty.wav", mixed / "notes.txt", "-o", tmp_path / "a.csv")
    assert done.exit_code == 1
    assert "2 of 2 recordings failed." in done.stderr
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("per", "count"), [("file", 1), ("window", 3), ("frame", 495), ("turn", 0)]
)
def test_rows_stand_for_what_was_asked(per: str, count: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", buzz(5), RATE)
    for suffix, read in (
        (".parquet", pd.read_parquet),
        (".PARQUET", pd.read_parquet),
        (".csv", pd.read_csv),
    ):
        output = tmp_path / f"out{suffix}"
        done = run(tmp_path / "a.wav", "--per", per, "-o", output)
        assert done.exit_code == 0, done.output
        assert len(read(output)) == count
    assert list(pd.read_csv(tmp_path / "out.csv").columns)[:3] == ["file", "start", "end"]


def test_turns_are_those_of_voice_activity(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = read_samples(next(audio_files(shared / "data" / "turns")))
    monkeypatch.setattr(feature_turns, "_BLOCK", 70_001)
    expected = [(turn.start / RATE, turn.end / RATE) for turn in detect(samples[None])[0]]
    assert len(expected) > 1
    assert list(turns_of(samples)) == expected


def test_blocks_do_not_show_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the network makes of noise that comes and goes."""
    gain = np.repeat([0.0, 0.4, 0.0, 0.3, 0.05], RATE)
    samples = (gain * np.random.default_rng(3).normal(size=len(gain))).astype(np.float32)
    whole = turns_of(samples)
    monkeypatch.setattr(feature_turns, "_BLOCK", 10_007)
    assert turns_of(samples) == whole


def test_a_manifest_is_a_row_for_each_item(mixed: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "item": ["one", "two", "gone"],
            "corpus": "own",
            "file": ["mixed/b.FLAC", "mixed/b.FLAC", "mixed/none.wav"],
            "start": [0.0, 0.5, 0.0],
            "end": [0.5, None, None],
        }
    )
    Manifest.from_frame(frame, root=tmp_path).write(tmp_path / "own.csv")
    done = run(tmp_path / "own.csv", "-o", tmp_path / "a.parquet")
    assert done.exit_code == 1
    assert "none.wav: no such file" in done.stderr
    table = pd.read_parquet(tmp_path / "a.parquet")
    bounds = [(start.total_seconds(), end.total_seconds()) for _, start, end in table.index]
    assert bounds == [(0.0, 0.5), (0.5, 1.5)]


def test_the_picture_of_a_row_of_a_manifest_is_of_that_row(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(picture, "draw", lambda samples, *_, **__: drawn.append(len(samples)))
    frame = pd.DataFrame(
        {"item": ["one"], "corpus": "own", "file": "mixed/a.wav", "start": 0.5, "end": 0.75}
    )
    Manifest.from_frame(frame, root=tmp_path).write(tmp_path / "own.csv")
    assert run(tmp_path / "own.csv", "--plot", tmp_path / "a.png").exit_code == 0
    assert drawn == [RATE // 4]


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["nothing"], ConfigError, "nothing: holds no recording, expected files such as .wav"),
        (["a.wav", "-o", "a.xlsx"], ConfigError, "ends with '.xlsx', expected .csv or .parquet"),
        (["none.csv"], ManifestError, r"none.csv: no such manifest"),
        ([], ConfigError, "No recording is named"),
        (["a.wav", "--set", "mfcc"], ConfigError, "2 sets are asked for (mfcc, prosody), but a"),
    ],
)
def test_what_cannot_be_done_is_said_first(words, kind, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    error = run(*words).exception
    assert isinstance(error, kind)
    assert message in str(error)


def test_an_unwritable_output_leaves_what_was_there(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "taken.csv").mkdir()
    error = run(mixed / "a.wav", "-o", tmp_path / "taken.csv").exception
    assert isinstance(error, ManifestError)
    assert "cannot be written" in str(error)


def test_a_killed_run_goes_on_where_it_was(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second recording kills the process, as kill -9 would."""
    program = (
        "import os, signal\n"
        "from tonfall.features import rows\n"
        "computed = rows._computed\n"
        "def second(task, order):\n"
        "    if task.sound.file.name == 'b.FLAC':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return computed(task, order)\n"
        "rows._computed = second\n"
        "from tonfall.cli import app\n"
        f"app(['features', {str(mixed)!r}, '--set', 'prosody', '-j', '1', '-o', 'a.csv'])\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.csv").exists()
    computed, seen = rows._computed, []

    def watched(task: Task, order: Order) -> Rows:
        seen.append(task.sound.file.name)
        return computed(task, order)

    monkeypatch.setattr(rows, "_computed", watched)
    assert run(mixed, "-o", tmp_path / "a.csv").exit_code == 1
    assert len(pd.read_csv(tmp_path / "a.csv")) == 3
    assert seen == ["b.FLAC", "empty.wav", "Grüße an Zoë.ogg"]


def test_many_small_tables_are_one_file(mixed: Path, tmp_path: Path, monkeypatch) -> None:
    from tonfall.cli import feature_tables

    run(mixed, "--per", "frame", "-o", tmp_path / "once.parquet")
    monkeypatch.setattr(feature_tables, "_AT_ONCE", 100)
    run(mixed, "--per", "frame", "-o", tmp_path / "often.parquet")
    once, often = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("once", "often"))
    pd.testing.assert_frame_equal(once, often)


def test_the_list_names_opensmiles_sets_and_their_licence() -> None:
    listed = CliRunner().invoke(app, ["features", "--list"]).stdout
    assert "opensmile/ComParE_2016: 65 contours, 6,373 numbers" in listed
    assert "prosody: pitch, loudness and rhythm (5 contours, 33 numbers)" in listed
    assert "  syllables_per_s [1/s]: voiced peaks" in listed
    assert "free for private, research and educational use" in listed
