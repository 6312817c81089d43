"""A real server in a process of its own: ``tonfall serve`` with every telephone system."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

__all__ = ["LiveServer", "live_server"]

LISTENS = re.compile(r"^(?P<name>\w+).* listens at (?:http://)?[^:\s]+:(?P<port>\d+)$", re.M)
COMMAND = "from tonfall.cli import main; main()"
PATIENCE_S = 60
SETTINGS: dict[str, Any] = {
    "server": {"host": "127.0.0.1", "port": 0},
    "model": "small-research",
    "carriers": {
        "asterisk": {"main": {"role": "customer"}},
        "audiosocket": {"line": {"port": 0, "role": "customer"}},
        "rtp": {"line": {"port": 0, "role": "customer", "idle_s": 1.5, "fastest": 1000}},
    },
    "limits": {"requests_per_minute": 100_000},
}


@dataclass(frozen=True)
class LiveServer:
    """Where it listens."""

    http: int
    audiosocket: int
    rtp: int
    process: int

    @property
    def events(self) -> str:
        """Of its events."""
        return f"http://127.0.0.1:{self.http}/v1/events"

    def url(self, protocol: str) -> str:
        """Whom to call over a protocol."""
        paths = {
            "native": f"ws://127.0.0.1:{self.http}/v1/stream",
            "twilio": f"ws://127.0.0.1:{self.http}/v1/twilio/main",
            "audiohook": f"ws://127.0.0.1:{self.http}/v1/audiohook",
            "chan_websocket": f"ws://127.0.0.1:{self.http}/v1/asterisk/main",
            "audiosocket": f"audiosocket://127.0.0.1:{self.audiosocket}",
            "rtp": f"rtp://127.0.0.1:{self.rtp}",
        }
        return paths[protocol]

    def get(self, path: str) -> Any:
        """What the API answers."""
        answer = httpx.get(f"http://127.0.0.1:{self.http}{path}", timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer.json()

    def calls(self) -> list[dict[str, Any]]:
        """All calls, whether live or over."""
        return list(self.get("/v1/calls?limit=500")["calls"])

    def windows(self, call: str) -> list[dict[str, Any]]:
        """All windows of a call."""
        return list(self.get(f"/v1/calls/{call}/windows?limit=1000")["windows"])


@contextmanager
def live_server(folder: Path, *, settings: dict[str, Any] | None = None) -> Iterator[LiveServer]:
    """Start a server with its own database, and stop it as an operator does."""
    path = folder / "tonfall.yaml"
    database = {"database": {"url": f"sqlite:///{folder / 'tonfall.db'}"}}
    path.write_text(yaml.safe_dump(SETTINGS | database | (settings or {})))
    output = folder / "serve.log"
    environment = {key: value for key, value in os.environ.items() if "TONFALL_" not in key}
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--config", str(path)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        yield _started(process, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(35)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _started(process: subprocess.Popen[bytes], output: Path) -> LiveServer:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        text = output.read_text()
        if "Tonfall listens at" in text:
            ports = {each["name"]: int(each["port"]) for each in LISTENS.finditer(text)}
            return LiveServer(ports["Tonfall"], ports["audiosocket"], ports["rtp"], process.pid)
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {output.read_text()}")
