"""tonfall adapt: from a folder of recordings to a bundle that analyses as any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tonfall.audio import read
from tonfall.bundle import Bundle, read_bundle

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
PROGRAM = "from tonfall.cli import main; main()"


def tonfall(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten stretches of the example call, five seconds of both sides each, and a note."""
    folder = tmp_path_factory.mktemp("calls")
    samples, rate = read(EXAMPLE)
    for number in range(10):
        part = samples[:, 3 * number * rate : (3 * number + 5) * rate]
        soundfile.write(folder / f"Mrs-Miller-{number}.wav", part.T, rate)
    (folder / "notes.txt").write_text("no recording")
    return folder


def test_a_folder_of_recordings_becomes_a_model(
    recordings: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "our-line"
    done = tonfall("adapt", tiny_bundle.folder, "--recordings", recordings, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}\n"
    assert "notes.txt" in done.stderr
    assert "tiny-our-line: 10 recordings" in done.stderr
    adapted = read_bundle(folder)
    assert adapted.spec.baseline is not None
    assert adapted.spec.baseline.prior_weight_s == 16
    assert all(b"Miller" not in path.read_bytes() for path in folder.iterdir())
    shown = tonfall("analyze", EXAMPLE, "--model", folder, "--json", "--quiet")
    assert json.loads(shown.stdout)["model"]["name"] == "tiny-our-line", shown.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prior-weight", 0], "The prior's weight is 0 seconds"),
        (["--speakers", "many"], "--speakers is 'many'"),
        (["--speakers", 9], "9"),
        (["--channels", "left"], "'left'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_heard(
    recordings: Path, tiny_bundle: Bundle, tmp_path: Path, options: list[object], said: str
) -> None:
    words = ["adapt", tiny_bundle.folder, "-r", recordings, "-o", tmp_path / "site", *options]
    done = tonfall(*words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr
    assert "left out" not in done.stderr


def test_too_few_recordings_and_a_folder_of_calls_are_refused(
    recordings: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "a.wav").write_bytes((recordings / "Mrs-Miller-1.wav").read_bytes())
    done = tonfall("adapt", tiny_bundle.folder, "-r", few, "-o", tmp_path / "site")
    assert done.returncode == 2
    assert "Speech was heard in 1 recordings" in done.stderr
    assert not (tmp_path / "site").exists()
    done = tonfall("adapt", tiny_bundle.folder, "-r", recordings, "-o", recordings)
    assert done.returncode == 2
    assert "it holds files and no bundle" in done.stderr
