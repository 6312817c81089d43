"""A recipe with a network tells of its epochs, fold by fold; a command draws what is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from made_clips import made_corpus
from rich.console import Console
from rich.progress import Progress, TextColumn

from tonfall.cli.measuring_bars import Bars
from tonfall.corpora import Manifest
from tonfall.lab import Step, evaluate

RECIPE = """
name: tiny
corpora: {}
labels: [sadness, neutral, anger]
encoder: {kind: cnn, channels: [4, 8], width: 8}
front_end: {piece_frames: 100, context_frames: 40}
calibration: held_out_speakers
training: {epochs: 2, batch_clips: 16, threads: 1}
"""


def test_folds_and_epochs_of_a_network_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rows = made_corpus(tmp_path, "one", speakers=6, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    steps: list[Step] = []
    report = evaluate(
        tmp_path / "tiny.yaml",
        "grouped/one/2",
        data={"one": "one.parquet"},
        workers=1,
        progress=steps.append,
    )
    assert (report.model.kind, len(report.folds)) == ("recipe", 2)
    own = [step for step in steps if step.title.endswith("grouped/one/2, clean")]
    assert [step.done for step in own if step.unit == "folds"] == [0, 1]
    epochs = [(step.done, step.total, bool(step.note)) for step in own if step.unit == "epochs"]
    assert epochs == [(1, 2, False), (2, 2, True)] * 2


def test_bars_are_those_of_the_stage_and_end_with_it() -> None:
    words = TextColumn("{task.description} {task.completed:g}/{task.total}")
    shown = Progress(words, console=Console(file=io.StringIO(), width=80))
    bars = Bars(shown, quiet=False)
    bars(Step("cnn, loso/one, clean", "stage", 0, 1))
    bars(Step("cnn, loso/one, clean", "folds", 1, 4))
    bars(Step("cnn, loso/one, clean", "epochs", 2.5, 80, "recall 54%"))
    bars(Step("cnn, loso/one, clean", "clips", 7, 7))
    drawn = [task.description for task in shown.tasks if task.visible]
    assert drawn == ["cnn, loso/one, clean", "epoch 3, recall 54%"]
    assert [task.completed for task in shown.tasks if task.visible] == [1, 2.5]
    bars(Step("cnn, loso/one, clean", "stage", 1, 1))
    assert shown.tasks == []


def test_a_stage_without_bars_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars(None, quiet=False)
    bars(Step("checking corpora", "stage", 0, 1))
    bars(Step("checking corpora", "clips", 3, 4))
    assert capsys.readouterr() == ("", "")
    bars.say("wrote it")
    assert capsys.readouterr().err == "wrote it\n"
