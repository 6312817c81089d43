"""Processes that share work out: what programs are told that cannot start them, or lose them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.errors import ConfigError, ServiceError
from tonfall.workers import worker_pool

PROGRAM = """
from tonfall.errors import TonfallError
from tonfall.features import extract

def main():
    try:
        print(len(extract(["a.wav", "b.wav"], "spectrum", workers=2)), "rows")
    except TonfallError as error:
        print(type(error).__name__, error)

"""
OPEN = PROGRAM + "main()\n"
GUARDED = PROGRAM + 'if __name__ == "__main__":\n    main()\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    noise = 0.1 * np.random.default_rng(0).normal(size=8000)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, noise, 16_000)
    return tmp_path


def said(folder: Path, *words: str, text: str | None = None) -> str:
    """Everything that a program prints, on either stream."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_program_without_a_guard_is_told_so_in_one_sentence(folder: Path) -> None:
    (folder / "program.py").write_text(OPEN)
    found = said(folder, "program.py")
    assert found.startswith("ConfigError No process could be started")
    assert 'below `if __name__ == "__main__":`' in found
    assert "\n" not in found


def test_a_program_from_standard_input_is_told_so(folder: Path) -> None:
    found = said(folder, "-", text=OPEN)
    assert found.startswith("ConfigError Several processes are asked for")
    assert "Save the program in one" in found
    assert "\n" not in found


def test_a_guarded_program_and_one_on_the_command_line_start_processes(folder: Path) -> None:
    (folder / "program.py").write_text(GUARDED)
    assert said(folder, "program.py") == "2 rows"
    assert said(folder, "-c", OPEN) == "2 rows"


def test_a_process_that_is_ended_from_outside_can_be_tried_again() -> None:
    with (
        pytest.raises(ServiceError, match="with fewer processes") as caught,
        worker_pool(1) as pool,
    ):
        pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL).result()
    assert caught.value.retry


def test_a_daemon_may_start_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonfall.workers.current_process", lambda: type("", (), {"daemon": True}))
    with pytest.raises(ConfigError, match="daemon"), worker_pool(1):
        pass


def test_other_errors_go_through() -> None:
    with pytest.raises(ZeroDivisionError), worker_pool(1) as pool:
        pool.submit(divmod, 1, 0).result()


WAITING = """
import os, sys, time
from pathlib import Path
from tonfall.workers import worker_pool

def wait(_number):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    with worker_pool(2) as pool:
        list(pool.map(wait, range(4)))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who still runs")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_program_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    script, begun = tmp_path / "waiting.py", tmp_path / "begun"
    script.write_text(WAITING)
    begun.mkdir()
    process = subprocess.Popen([sys.executable, str(script), str(begun)])
    try:
        _await(lambda: len(list(begun.iterdir())) == 2)
    finally:
        process.send_signal(how)
        process.wait()
    workers = [int(path.name) for path in begun.iterdir()]
    try:
        _await(lambda: not any(map(_runs, workers)))
    finally:
        for worker in filter(_runs, workers):
            os.kill(worker, signal.SIGKILL)


def _await(come_true: Callable[[], bool]) -> None:
    """Gives up far later than it takes, and before the workers wake up."""
    for _ in range(1200):
        if come_true():
            return
        time.sleep(0.1)
    pytest.fail("it did not come true in two minutes")


def _runs(process: int) -> bool:
    """False for one that has ended, whether or not anybody has asked how."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
