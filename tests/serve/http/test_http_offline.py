"""With the network blocked: a call and a recording work, and nothing outside is even tried."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import os, socket

def guard(name):
    real = getattr(socket.socket, name)
    def guarded(self, address, *rest):
        inside = self.family == socket.AF_UNIX or str(address[0]) in ("127.0.0.1", "::1")
        if not inside:
            with open(os.environ["TRIED"], "a") as file:
                file.write(f"{name} {address}\\n")
            raise OSError("the network is blocked")
        return real(self, address, *rest)
    setattr(socket.socket, name, guarded)

for name in ("connect", "connect_ex", "sendto"):
    guard(name)
real_lookup = socket.getaddrinfo

def lookup(host, *rest, **more):
    if host not in (None, "127.0.0.1", "::1", "localhost", b"127.0.0.1"):
        with open(os.environ["TRIED"], "a") as file:
            file.write(f"getaddrinfo {host}\\n")
        raise OSError("the network is blocked")
    return real_lookup(host, *rest, **more)

socket.getaddrinfo = lookup
"""
WORK = """
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    from running_node import EXAMPLE, running

    folder = Path(sys.argv[1])
    with running(folder, Path(sys.argv[3])) as node, node.client() as client:
        call = node.play()
        windows = client.get(f"/v1/calls/{call}/windows").json()["windows"]
        with EXAMPLE.open("rb") as file:
            timeline = client.post("/v1/analyze", files={"file": file}).raise_for_status().json()
        print(len(windows), len(timeline["windows"]))
    import socket
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError as error:
        print(error)
"""


@pytest.mark.slow
def test_calls_and_recordings_need_no_network(tmp_path: Path, model: Path) -> None:
    # Python imports sitecustomize in every process, the one that analyses included.
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    (tmp_path / "work.py").write_text(WORK)
    tried = tmp_path / "tried"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TRIED": str(tried)}
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, tmp_path / "work.py", tmp_path, here, model],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    live, recorded = map(int, first.split())
    assert live > 5
    assert recorded > 20
    assert last == "the network is blocked"
    # The guard works: the one try that the test itself made is there, and no other.
    assert tried.read_text().splitlines() == ["getaddrinfo 192.0.2.1"]
