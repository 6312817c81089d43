"""What is printed is what was meant: brackets and colons stay, a sentence is a line."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tonfall.analysis.batch import Outcome
from tonfall.cli.call_tables import print_calls
from tonfall.cli.console import bars
from tonfall.cli.data import _print_table as print_data
from tonfall.cli.protocols import _print_table as print_protocols
from tonfall.cli.tables import print_outcomes

CLI = Path(__file__).resolve().parents[2] / "src" / "tonfall" / "cli"
AWKWARD = "a[av]b :cat: [/red] [bold]c.wav"
PROGRAM = "from tonfall.cli import main; main()"


def tonfall(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_file_names_and_messages_of_a_batch_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    error = "m4a needs: pip install 'tonfall[av]'."
    print_outcomes([Outcome(file=AWKWARD, error=error)])
    printed = capsys.readouterr().out
    assert AWKWARD in printed
    assert error in printed


def test_names_in_other_tables_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_data([{"file": AWKWARD}])
    print_protocols([{"name": AWKWARD}], red=[True])
    assert capsys.readouterr().out.count(AWKWARD) == 2


def test_names_of_calls_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    result = SimpleNamespace(
        external_id=AWKWARD,
        name="1",
        seconds=1.0,
        acknowledged=None,
        error="closed: [av]",
        close_code=None,
        frames=1,
        behind_s=0.0,
    )
    plan = SimpleNamespace(address=SimpleNamespace(protocol="native"), calls=1, speed=1.0)
    print_calls([result], plan=plan, listener=None)  # type: ignore[list-item, arg-type]
    printed = capsys.readouterr().out
    assert AWKWARD in printed
    assert "[av]" in printed


def test_the_title_of_a_bar_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with bars() as shown:
        shown.add_task(AWKWARD, total=10)
        shown.refresh()
    assert "a[av]b :cat: [/red]" in stream.getvalue()


def test_only_the_console_module_makes_consoles() -> None:
    """Whatever is printed with rich goes through the one that keeps brackets."""
    for path in CLI.glob("*.py"):
        if path.name != "console.py":
            text = path.read_text()
            assert "rich.console" not in text, path.name
            assert "rich.progress import Progress\n\n    with" not in text, path.name


def test_a_long_sentence_is_one_line_where_nobody_looks(tmp_path: Path) -> None:
    long = tmp_path / "a very long name of a recording that nobody has and that fills a line"
    for words in (["analyze", long / "b.wav"], ["analyze", "x.wav", "--baseline", 60 * "maybe "]):
        done = tonfall(*words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert len(done.stderr) > 100
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    folder = tmp_path / (90 * "o")
    done = tonfall(
        "analyze", tmp_path / "silent.wav", "-m", "small-research", "-o", folder, "--plot", "svg"
    )
    assert done.stderr.splitlines() == [f"wrote {folder / 'silent.svg'}"]


def test_a_note_is_one_line_where_nobody_looks() -> None:
    example = CLI.parents[2] / "examples" / "call.wav"
    lines = tonfall("analyze", example, "-m", "small-research").stdout.splitlines()
    assert any(line.endswith("circumplex, not from ratings.") and len(line) > 100 for line in lines)
