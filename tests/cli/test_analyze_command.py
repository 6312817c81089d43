"""tonfall analyze: tables, files, many recordings, and bad input in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
PROGRAM = "from tonfall.cli import main; main()"


def tonfall(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120)


def one_sentence(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode().strip()
    assert done.returncode == 2, text
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_a_call_becomes_a_table_and_files(tmp_path: Path) -> None:
    done = tonfall(
        "analyze",
        EXAMPLE,
        "-m",
        "small-research",
        "-o",
        tmp_path,
        "--format",
        "json,rttm",
        "--plot",
        "html",
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "S1" in done.stdout.decode()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "call.html",
        "call.json",
        "call.rttm",
    ]


def test_the_page_and_the_exports_hold_no_baseline(tmp_path: Path) -> None:
    tonfall(
        "analyze",
        EXAMPLE,
        "-m",
        "small-research",
        "-o",
        tmp_path,
        "--format",
        "json,csv",
        "--plot",
        "html",
    )
    for file in tmp_path.iterdir():
        text = file.read_text(encoding="utf-8")
        assert "pooled" not in text
        assert "prior_mean" not in text


def test_many_workers_for_one_recording_are_said_to_change_nothing() -> None:
    said = [tonfall("analyze", EXAMPLE, "-m", "small-research", "-j", n, "--json") for n in (1, 2)]
    assert said[0].stdout == said[1].stdout
    assert said[0].stderr == b""
    assert said[1].stderr.decode().startswith("-j changes nothing here: it spreads files over")
    quiet = tonfall("analyze", EXAMPLE, "-m", "small-research", "-j", 2, "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, b"")


def test_raw_samples_come_by_standard_input() -> None:
    samples, rate = soundfile.read(EXAMPLE, dtype="int16")
    raw = f"s16le,{rate},2"
    done = tonfall(
        "analyze", "-", "-m", "small-research", "--raw", raw, "--json", stdin=samples.tobytes()
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["windows"]


def test_silence_is_an_empty_timeline_that_says_so(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
    done = tonfall("analyze", tmp_path / "silence.wav", "-m", "small-research")
    assert done.returncode == 0
    assert "No speech was found" in done.stdout.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")
def test_a_name_that_is_not_utf_8_ends_no_batch(tmp_path: Path) -> None:
    odd, out = tmp_path / os.fsdecode(b"caf\xe9.wav"), tmp_path / "out"
    shutil.copy(EXAMPLE, odd)
    done = tonfall("analyze", EXAMPLE, odd, "-m", "small-research", "-o", out, "--format", "json")
    assert done.returncode == 0, done.stderr.decode()
    assert "caf\\xe9.wav" in done.stdout.decode()
    names = sorted(os.fsencode(path.name) for path in out.iterdir())
    assert names == [b"caf\xe9.json", b"call.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")
def test_names_neither_break_lines_nor_colour_the_terminal(tmp_path: Path) -> None:
    odd, absent, out = tmp_path / "a\nb\x1b[31m.wav", tmp_path / "no\n.wav", tmp_path / "out"
    shutil.copy(EXAMPLE, odd)
    done = tonfall("analyze", odd, odd, absent, "-m", "small-research", "-o", out)
    assert "1 of 2 recordings failed." in done.stderr.decode()
    assert "\x1b" not in done.stdout.decode()
    assert "a\\nb\\x1b[31m.wav" in done.stdout.decode().replace("\n", "").replace(" ", "")
    alone = tonfall("analyze", absent)
    assert alone.stderr.decode().count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")
def test_every_output_of_a_name_that_is_not_utf_8_is_written(tmp_path: Path) -> None:
    odd, out = tmp_path / os.fsdecode(b"caf\xe9.wav"), tmp_path / "out"
    shutil.copy(EXAMPLE, odd)
    formats = "json,csv,turns,parquet,textgrid,rttm,webvtt,elan,audacity"
    done = tonfall(
        "analyze",
        odd,
        "-m",
        "small-research",
        "-o",
        out,
        "--format",
        formats,
        "--plot",
        "png,svg,html",
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr.decode().count("wrote ") == 12
    (document,) = out.glob("*.json")
    assert json.loads(document.read_text())["recording"]["file"].endswith("caf\\xe9.wav")
    (page,) = out.glob("*.html")
    assert "audio/flac" in page.read_text(encoding="utf-8")
    as_json = tonfall("analyze", odd, "-m", "small-research", "--json")
    assert json.loads(as_json.stdout)["turns"]


def test_a_file_given_twice_is_analysed_once_under_its_own_name(tmp_path: Path) -> None:
    done = tonfall(
        "analyze",
        EXAMPLE,
        EXAMPLE,
        "-m",
        "small-research",
        "-o",
        tmp_path,
        "--format",
        "json",
        "-j",
        "1",
    )
    assert done.returncode == 0, done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["call.json"]


def test_one_bad_file_of_many_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    out = tmp_path / "out"
    done = tonfall(
        "analyze",
        EXAMPLE,
        tmp_path / "text.wav",
        "-m",
        "small-research",
        "-o",
        out,
        "--format",
        "json",
    )
    assert done.returncode == 1
    assert "1 of 2 recordings failed" in done.stderr.decode()
    assert [path.name for path in out.iterdir()] == ["call.json"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["missing.wav"], "no such file"),
        ([EXAMPLE, "--format", "docx"], "docx"),
        ([EXAMPLE, "--plot", "gif"], "gif"),
        ([EXAMPLE, "--model", "large"], "medium, medium-research, small, small-research"),
        ([EXAMPLE, "--baseline", "maybe"], "on or off"),
        ([EXAMPLE, "--customer", "5"], "channels 0 to 1"),
        (["-", "--raw", "s16le"], "ENCODING,RATE,CHANNELS"),
        ([EXAMPLE.parent], "folder"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(words: list[object], expected: str) -> None:
    assert expected in one_sentence(tonfall("analyze", *words))


def test_an_unwritable_folder_is_said_before_anything_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = tonfall(
        "analyze", EXAMPLE, "-m", "small-research", "-o", tmp_path / "file", "--format", "json"
    )
    one_sentence(done)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "src" / "tonfall" / "bundles" / "small"
    shutil.copytree(shipped, tmp_path / "model")
    (tmp_path / "model" / "card.md").write_text("changed")
    assert "altered" in one_sentence(tonfall("analyze", EXAMPLE, "-m", tmp_path / "model"))
