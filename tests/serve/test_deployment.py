"""What deploy/ ships, as the documentation says to use it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tonfall.cli import serving
from tonfall.errors import ConfigError
from tonfall.serve.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "server" / "deployment.md"
UNIT = ROOT / "deploy" / "tonfall.service"
STUBS = ("useradd", "systemctl", "python3")
"""Commands that would change the machine; what they are called with is noted."""


def block_of(section: str) -> str:
    """The first shell block of a section of the page."""
    text = PAGE.read_text()
    found = re.search(rf"^## {section}$.*?^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found is not None, section
    return found[1]


def stub(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, as the block does")
def test_the_systemd_block_works_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, commands = tmp_path / "root", tmp_path / "commands"
    commands.mkdir()
    for folder in ("etc/systemd/system", "opt/tonfall/bin", "var/lib"):  # As a system has them.
        (root / folder).mkdir(parents=True)
    for name in STUBS:
        stub(commands, name, f'echo "{name} $*" >> {tmp_path}/called')
    stub(root / "opt/tonfall/bin", "pip", f'echo "pip $*" >> {tmp_path}/called')
    # The group is not there, since useradd did nothing.
    stub(commands, "install", f'exec {shutil.which("install")} $(echo "$@" | sed "s/-g tonfall//")')
    script = re.sub(r"(?<![\w.])/(?=(etc|opt|var)/)", f"{root}/", block_of("systemd"))
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    called = (tmp_path / "called").read_text()
    assert "systemctl enable --now tonfall" in called
    assert "pip install --constraint constraints.txt .[serve,postgresql]" in called
    check_installed(root, monkeypatch)


def check_installed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the unit reads is there, and the settings are accepted with the secrets."""
    secrets = root / "etc/tonfall/secrets.env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "etc/tonfall/tonfall.yaml").stat().st_mode) == 0o640
    for line in secrets.read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    settings = read_settings(root / "etc/tonfall/tonfall.yaml")
    assert settings.privacy.salt is not None
    unit = (root / "etc/systemd/system/tonfall.service").read_text()
    assert "--config /etc/tonfall/tonfall.yaml" in unit
    assert "EnvironmentFile=-/etc/tonfall/secrets.env" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_one_that_systemd_knows(tmp_path: Path) -> None:
    unit = tmp_path / "tonfall.service"
    unit.write_text(UNIT.read_text().replace("/opt/tonfall/bin/tonfall", sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "tonfall.service" in line]
    assert said == []


def test_the_server_may_open_as_many_files_as_the_system_allows() -> None:
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 600:
        pytest.skip("this system allows hardly any open files")
    code = (
        "import resource; from tonfall.cli.serving import allow_open_files; "
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE); "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard)); allow_open_files(); "
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    soft, left = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert int(soft) >= 600
    assert int(left) == hard


def test_serve_says_that_it_does_not_run_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "sys", SimpleNamespace(platform="win32"))
    with pytest.raises(ConfigError, match=r"does not run on Windows, .* WSL 2 or in a container"):
        serving.load_node(None, server={}, database={}, model=None)
