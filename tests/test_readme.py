"""The README's first five minutes: each line of it is run as it is written, from a clean clone.

``make demo`` and ``pip install`` are run for real, so the slow test needs a package index.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", flags=re.MULTILINE | re.DOTALL)
CORPUS = ("tonfall data download ravdess", "tonfall data prepare ravdess", "tonfall evaluate")
"""Lines that fetch or read a corpus: run where one is at hand."""
STAYS = ("tonfall serve", "curl -N")
"""Lines that go on until they are stopped."""
NOT_HERE = ("make test",)
"""It is what runs this."""
PORT = 8000


def blocks(language: str) -> list[str]:
    found = BLOCK.finditer(README.read_text(encoding="utf-8"))
    return [each["code"] for each in found if each["language"] == language]


def lines() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    code = "".join(blocks("sh")).splitlines()
    return [re.sub(r"\s+# .*", "", line) for line in code if line.strip()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would hold of the checkout as it stands."""
    folder = tmp_path_factory.mktemp("clone") / "tonfall"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("needs git and the repository")
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = REPOSITORY / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return folder


class Shell:
    """One bash session in the clone, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        home = folder.parent / "home"
        home.mkdir()
        kept = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
        environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **kept}
        self._environment, self._folder = environment, folder
        self._before: list[str] = []
        self.staying: list[tuple[str, subprocess.Popen[str]]] = []

    def _script(self, line: str) -> list[str]:
        return ["bash", "-ec", "\n".join([*self._before, line])]

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        if line.startswith((". ", "cd ")):
            self._before.append(line)
            line = "true"
        return subprocess.run(
            self._script(line),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, line: str) -> None:
        process = subprocess.Popen(
            self._script(f"exec {line}"),
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.staying.append((line, process))

    def stop(self) -> dict[str, str]:
        """End what stays, the last first; what each printed."""
        printed = {}
        for line, process in reversed(self.staying):
            process.send_signal(signal.SIGINT)
            printed[line] = process.communicate(timeout=60)[0]
        self.staying.clear()
        return printed


@pytest.fixture
def shell(clone: Path) -> Iterator[Shell]:
    session = Shell(clone)
    yield session
    for _, process in session.staying:
        process.kill()


def listens() -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", PORT)) == 0


def wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    while not listens():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_each_line_does_what_it_says(shell: Shell, clone: Path) -> None:
    if listens():
        pytest.skip(f"port {PORT}, which the README's server takes, is in use")
    printed = {}
    for line in lines():
        if line.startswith((*NOT_HERE, *CORPUS)):
            continue
        if line.startswith(STAYS):
            shell.start(line)
            if line.startswith("tonfall serve"):
                wait_until_it_listens(shell.staying[-1][1])
            continue
        done = shell.run(line)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        printed[line] = done.stdout + done.stderr
        if line.startswith("tonfall call"):
            printed.update(shell.stop())
    assert "out/demo/call.html" in printed["make demo"]
    assert {path.suffix for path in (clone / "out").iterdir() if path.is_file()} == {
        ".json",
        ".csv",
        ".TextGrid",
        ".html",
    }
    events = next(text for line, text in printed.items() if line.startswith("curl"))
    assert "event: window" in events


def test_the_summary_is_what_the_example_gives() -> None:
    """The table that is quoted is what is printed, but for the spaces between its columns."""
    command = ["analyze", str(REPOSITORY / "examples" / "call.wav")]
    program = "from tonfall.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
    )
    printed = {" ".join(line.split()) for line in done.stdout.splitlines()}
    (quoted,) = blocks("text")
    for line in quoted.splitlines():
        assert " ".join(line.split()) in printed, line


def test_every_file_that_a_line_names_is_in_the_clone(clone: Path) -> None:
    folder = clone
    for line in lines():
        words = shlex.split(line)
        folder = clone / words[1] if words[0] == "cd" else folder
        for word in words[1:]:
            if re.search(r"\.(wav|gz|yaml|json)$", word) and "=" not in word:
                assert list(folder.glob(word)), f"{line}: no {word}"


def test_the_package_index_gets_links_that_lead_somewhere() -> None:
    """The README there has no repository around it: nothing in it may be relative."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    rules = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    text = README.read_text(encoding="utf-8")
    for rule in rules:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
    for page in re.findall(r"/latest/([\w/-]+)\.html", text):
        made = {"changelog", "contributing"}
        assert page in made or (REPOSITORY / "docs" / f"{page}.md").is_file(), page
