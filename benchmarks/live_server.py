"""``tonfall serve`` in a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

__all__ = ["BenchmarkServer", "Probe", "Sample", "benchmark_server"]

COMMAND = "from tonfall.cli import main; main()"
PORT = re.compile(r"Tonfall listens at http://127\.0\.0\.1:(\d+)")
PATIENCE_S = 120
PROBE_S = 0.05
SETTINGS = """\
server: {{host: 127.0.0.1, port: 0}}
database: {{url: "sqlite:///{folder}/tonfall.db"}}
model: {model}
auth: {{mode: {auth}}}
limits:
  calls: 5000
  calls_per_tenant: 5000
  requests_per_minute: 1000000
  event_backlog: 100000
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's process at one moment.

    Attributes:
        at: ``time.monotonic()``.
        cpu_s: seconds of CPU since its start, of all threads.
        memory: bytes that are resident.
    """

    at: float
    cpu_s: float
    memory: int


@dataclass(frozen=True)
class BenchmarkServer:
    """Where it listens, and its process."""

    port: int
    process: psutil.Process

    def url(self, protocol: str) -> str:
        """Whom to call over a protocol."""
        paths = {"native": "stream", "twilio": "twilio/main", "audiohook": "audiohook"}
        return f"ws://127.0.0.1:{self.port}/v1/{paths[protocol]}"

    @property
    def events(self) -> str:
        """Of its events."""
        return f"http://127.0.0.1:{self.port}/v1/events"

    def sample(self) -> Sample:
        """Its process now."""
        with self.process.oneshot():
            used = self.process.cpu_times()
            memory = self.process.memory_info().rss
        return Sample(time.monotonic(), used.user + used.system, memory)


@dataclass
class Probe:
    """Asks ``/livez`` twenty times a second, from a thread: how late the event loop answers."""

    port: int
    answers_s: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask as long as this lasts."""
        thread = threading.Thread(target=self._ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(10)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stop.wait(PROBE_S):
            before = time.monotonic()
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/livez")
                connection.getresponse().read()
                self.answers_s.append(time.monotonic() - before)
                continue
            connection.close()
        connection.close()


@contextmanager
def benchmark_server(folder: Path, *, model: str, auth: str = "none") -> Iterator[BenchmarkServer]:
    """Start a server with a new database, and stop it.

    Args:
        folder: for settings, log and database.
        model: "small", "medium" or a bundle's folder.
        auth: "none" or "keys".
    """
    settings, log = folder / "tonfall.yaml", folder / "serve.log"
    settings.write_text(SETTINGS.format(folder=folder, model=model, auth=auth))
    command = [sys.executable, "-u", "-c", COMMAND, "serve", "--config", str(settings)]
    command += ["--log-level", "warning"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        port = _port(process, log)
        yield BenchmarkServer(port, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if (found := PORT.search(log.read_text())) is not None:
            return int(found[1])
        time.sleep(0.05)
    raise SystemExit(f"The server did not start: {log.read_text()}")
