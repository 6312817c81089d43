"""``tonfall data`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from tonfall.cli import main
from tonfall.cli.data import app
from tonfall.corpora import CORPORA, Archive, Manifest, measure_levels, registry, summarize

Clip = Callable[[Path], Path]
runner = CliRunner()


@pytest.fixture
def emodb(tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("03a01Fa", "03a02Wb", "08a01Na"):
        clip(tmp_path / "emodb" / "wav" / f"{name}.wav")
    (tmp_path / "emodb" / "wav" / "08a02Na.wav").write_bytes(
        (tmp_path / "emodb" / "wav" / "08a01Na.wav").read_bytes()
    )
    return tmp_path / "emodb"


def tonfall(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Status and output of the whole program, which turns errors into sentences."""
    monkeypatch.setattr("sys.argv", ["tonfall", "data", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_list_names_every_corpus() -> None:
    table = runner.invoke(app, ["list"])
    assert table.exit_code == 0
    assert all(name in table.stdout for name in CORPORA)
    rows = json.loads(runner.invoke(app, ["list", "--format", "json"]).stdout)
    ravdess = next(row for row in rows if row["name"] == "ravdess")
    assert (ravdess["speakers"], ravdess["languages"], ravdess["download"]) == (24, ["en"], "yes")
    assert "calm" in ravdess["labels"]


def test_list_cuts_no_word_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from tonfall.cli import data

    monkeypatch.setattr(data, "_PIPE_WIDTH", 80)
    shown = runner.invoke(app, ["list"]).stdout
    head, *rows = shown.splitlines()
    assert head.split() == ["name", "title", "languages", "items", "speakers", "hours", "download"]
    assert all(any(row.startswith(f"{name} ") for row in rows) for name in CORPORA)
    assert max(map(len, shown.splitlines())) <= 80
    assert rows[-1] == "labels, licence and access need 140 columns, or --format json."


def test_prepare_writes_a_manifest_and_reports(emodb: Path) -> None:
    done = runner.invoke(app, ["prepare", "emodb", str(emodb), "--partial"])
    assert done.exit_code == 0, done.output
    assert "4 items, 2 speakers" in done.stdout
    assert "08a02Na: is the same sound as 08a01Na" in done.stdout
    manifest = Manifest.read(Path("manifests/emodb.parquet"))
    assert len(manifest) == 4
    assert all(path and path.is_file() for path in manifest.paths)


def test_prepare_reports_as_json(emodb: Path) -> None:
    done = runner.invoke(
        app, ["prepare", "emodb", str(emodb), "--partial", "--format", "json", "--output", "m.csv"]
    )
    said = json.loads(done.stdout)
    assert (said["items"], said["manifest"]) == (4, "m.csv")
    assert [problem["kind"] for problem in said["problems"]] == ["the same sound twice"]
    assert said["labels"] == {"N": 2, "F": 1, "W": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "emodb", "emodb"], "found: 4, released: 535"),
        (["prepare", "ravdess", "emodb"], "is no release of RAVDESS"),
        (["prepare", "emo-db", "emodb"], "There is no corpus 'emo-db'"),
        (["prepare", "emodb", "gone"], "no such folder"),
        (["prepare", "emodb", "emodb", "--partial", "--output", "m.xlsx"], "ending '.xlsx'"),
        (["show", "ravdess"], "no such manifest"),
        (["download", "iemocap", "there"], "sign the agreement"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    emodb: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    status, out, err = tonfall(arguments, monkeypatch, capsys)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""
    assert sorted(entry.name for entry in Path().iterdir()) == ["emodb"]


def test_show_gives_a_table_and_a_picture(emodb: Path) -> None:
    runner.invoke(app, ["prepare", "emodb", str(emodb), "--partial"])
    done = runner.invoke(app, ["show", "emodb"])
    assert done.exit_code == 0, done.output
    assert "neutral" in done.stdout
    assert "50.0%" in done.stdout
    assert Path("manifests/emodb.png").read_bytes().startswith(b"\x89PNG")
    said = json.loads(runner.invoke(app, ["show", "emodb", "--format", "json"]).stdout)
    assert said["classes"] == {"neutral": 2, "happiness": 1, "anger": 1}
    assert said["sexes"] == {"male": 2, "female": 2}
    assert said["levels_measured"] == 4


def test_labels_only_can_be_shown_too(shared: Path, tmp_path: Path) -> None:
    root = shared / "data" / "meld_labels"
    path = tmp_path / "meld.parquet"
    done = runner.invoke(
        app, ["prepare", "meld", str(root), "--labels-only", "--output", str(path)]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(runner.invoke(app, ["show", str(path), "--format", "json"]).stdout)
    assert (said["items"], said["levels_measured"]) == (13_708, 0)
    assert said["duration"]["median"] is None


def test_levels_are_of_full_scale_and_of_the_item_alone(tmp_path: Path) -> None:
    loud = np.sqrt(2) * np.sin(np.arange(1600) * 2 * np.pi / 16)
    soundfile.write(tmp_path / "a.wav", np.concatenate([0.1 * loud, 0 * loud]), 16_000)
    (tmp_path / "m.csv").write_text("item,file,start,end\na,a.wav,0,0.1\nb,a.wav,0.1,\n")
    manifest = Manifest.read(tmp_path / "m.csv")
    levels = measure_levels(manifest, at_most=9, rng=np.random.default_rng(0))
    # A sine of RMS 0.1 is at -20 dB; 16-bit rounding moves it by less than 0.01 dB.
    assert levels["a"] == pytest.approx(-20, abs=0.01)
    assert levels["b"] == -120
    assert summarize(manifest, levels).classes == {"none": 2}
    assert measure_levels(manifest, at_most=1, rng=np.random.default_rng(0)).size == 1


def test_a_host_that_fails_is_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = (Archive("http://127.0.0.1:9/clips.zip"),)
    unreachable = replace(registry.CORPORA["ravdess"], archives=nowhere)
    monkeypatch.setattr(registry, "CORPORA", {"ravdess": unreachable})
    status, _, err = tonfall(["download", "ravdess", str(tmp_path)], monkeypatch, capsys)
    assert status == 1
    assert "the connection broke" in err
