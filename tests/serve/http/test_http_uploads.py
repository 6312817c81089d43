"""Uploads: who may send them, how many at a time, and what is left of them on the disk."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket as sockets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest
from running_node import EXAMPLE, PATIENCE_S, Running, running, settings_of, start

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.http.uploads import Uploads

PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
MEGABYTES = 8


@contextmanager
def raw(node: Running) -> Iterator[sockets.socket]:
    host, port = node.node.addresses["http"]
    with sockets.create_connection((host, port), timeout=PATIENCE_S) as socket:
        yield socket


def head(path: str, *headers: str, length: int = MEGABYTES << 20) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {length}",
        "Content-Type: multipart/form-data; boundary=x",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def unlinked_bytes() -> int:
    """Bytes in files of this process that have no name any more: where forms are kept."""
    total = 0
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(handle.readlink()).endswith("(deleted)"):
                total += handle.stat().st_size
    return total


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
@pytest.mark.parametrize("path", ["/v1/analyze", "/predict"])
def test_nothing_that_a_stranger_sends_reaches_the_disk(keyed_node: Running, path: str) -> None:
    before = unlinked_bytes()
    with raw(keyed_node) as socket:
        socket.sendall(head(path) + PART)
        with contextlib.suppress(OSError):
            for _ in range(MEGABYTES // 2):
                socket.sendall(bytes(1 << 20))
        answer = b""
        with contextlib.suppress(OSError):
            answer = socket.recv(4000)
        assert unlinked_bytes() - before < 1 << 20
    assert answer == b"" or b" 401 " in answer.splitlines()[0]


def test_an_upload_without_the_scope_is_answered_before_it_is_sent(keyed_node: Running) -> None:
    with raw(keyed_node) as socket:
        socket.sendall(head("/v1/analyze", f"Authorization: Bearer {keyed_node.key('read')}"))
        answer = socket.recv(4000)
    assert b" 403 " in answer.splitlines()[0]
    assert b"connection: close" in answer.lower()


def test_so_many_uploads_come_at_a_time_and_no_more(tmp_path: Path, model: Path) -> None:
    with running(tmp_path, model, limits={"uploads": 1}) as node, node.client() as client:
        with raw(node) as socket:
            socket.sendall(head("/predict") + PART)
            refused = node.wait_for(lambda: busy(client))
            assert refused == "10"
        files = {"file": EXAMPLE.read_bytes()}
        node.wait_for(lambda: client.post("/v1/analyze", files=files).status_code == 200)


def test_an_upload_that_a_stop_cuts_short_is_told_to_come_again(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, model, limits={"uploads": 1}) as node, node.client() as client:
        with raw(node) as socket:
            socket.sendall(head("/predict") + PART)
            node.wait_for(lambda: busy(client))
            node.node.stop()
            answer = socket.recv(4000).lower()
        assert b" 503 " in answer.splitlines()[0]
        assert b"retry-after: 5" in answer
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_one_tenant_leaves_room_for_the_others(tmp_path: Path, model: Path) -> None:
    limits = {"uploads": 4}
    with running(tmp_path, model, limits=limits, auth={"mode": "keys"}) as node:
        greedy, other = node.key("ingest", tenant="greedy"), node.key("ingest", tenant="other")
        with ExitStack() as held:
            for _ in range(2):
                socket = held.enter_context(raw(node))
                key = f"Authorization: Bearer {greedy}"
                socket.sendall(head("/predict", key) + PART)
            with node.client(greedy) as client:
                node.wait_for(lambda: busy(client))
            with node.client(other) as client:
                assert not busy(client)
        with node.client(greedy) as client:
            node.wait_for(lambda: not busy(client))
        assert node.node.services.uploads.refused >= 1


def busy(client: object) -> str | None:
    answer = client.post("/predict", files={"file": b"x"})  # type: ignore[attr-defined]
    return answer.headers["retry-after"] if answer.status_code == 429 else None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("path", ["/v1/analyze", "/predict"])
@pytest.mark.parametrize("full", ["form", "file"])
def test_a_full_disk_is_the_fault_of_the_server(
    open_node: Running, monkeypatch: pytest.MonkeyPatch, path: str, full: str
) -> None:
    uploads = open_node.node.services.uploads
    if full == "form":
        target = "starlette.formparsers.SpooledTemporaryFile"
        monkeypatch.setattr(target, lambda max_size: full_file())
    else:
        made = uploads.folder / "a.wav"
        made.touch()
        monkeypatch.setattr(Uploads, "new", lambda *_: (os.open("/dev/full", os.O_WRONLY), made))
    with open_node.client() as client:
        answer = client.post(path, files={"file": EXAMPLE.read_bytes()})
    assert answer.status_code == 507
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("The server has no room for the recording")
    assert list(uploads.folder.iterdir()) == []


def full_file() -> IO[bytes]:
    """A file on a disk without room."""
    return Path("/dev/full").open("r+b")


def test_the_uploads_of_a_server_that_was_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    uploads = "import os, sys; from tonfall.serve.http.uploads import Uploads; "
    work = "from pathlib import Path; Uploads(Path(sys.argv[1])).new('.wav'); os._exit(9)"
    subprocess.run([sys.executable, "-c", uploads + work, str(tmp_path)], check=False)
    [left] = tmp_path.iterdir()
    assert len(list(left.iterdir())) == 1
    one, other = Uploads(tmp_path), Uploads(tmp_path)
    assert {*tmp_path.iterdir()} == {one.folder, other.folder}
    one.close()
    other.close()
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_something_else_removed_is_made_anew_with_a_lock(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.folder.rmdir()
    handle, path = uploads.new(".wav")
    os.close(handle)
    other = Uploads(tmp_path)  # What is locked, it does not take for left behind.
    assert path.exists()
    other.close()
    uploads.close()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_folders_cannot_be_locked_uploads_come_and_nothing_of_others_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    others = tmp_path / "tonfall-uploads-other"
    others.mkdir()

    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    uploads = Uploads(tmp_path)
    handle, path = uploads.new(".wav")
    os.close(handle)
    assert path.exists()
    assert {*tmp_path.iterdir()} == {others, uploads.folder}
    uploads.close()
    assert [*tmp_path.iterdir()] == [others]
    [warning] = [record for record in caplog.records if record.name == "tonfall.serve.http.uploads"]
    assert f"cannot be locked ({os.strerror(number)})" in warning.getMessage()


def test_a_folder_that_others_lock_each_time_does_not_keep_a_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise BlockingIOError(errno.EWOULDBLOCK, "busy")

    monkeypatch.setattr("fcntl.flock", refused)
    assert Uploads(tmp_path).folder.is_dir()


def test_a_server_without_room_for_uploads_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="No folder for uploads can be made"):
        Uploads(tmp_path / "none")


def test_in_the_profile_eu_the_customer_has_to_be_named(tmp_path: Path, model: Path) -> None:
    files = {"file": EXAMPLE.read_bytes()}
    with running(tmp_path, model, privacy={"profile": "eu"}) as node, node.client() as client:
        refused = client.post("/v1/analyze", files=files)
        judged = client.post("/v1/analyze", files=files, data={"customer": "0"})
    assert refused.status_code == 422
    assert "in the field customer" in refused.json()["detail"]
    assert {window["channel"] for window in judged.json()["windows"]} == {0}


def test_a_node_with_another_salt_does_not_start(tmp_path: Path, model: Path) -> None:
    with running(tmp_path, model):
        pass
    other = settings_of(tmp_path, model, privacy={"salt": "f" * 32})
    node, _, failed = start(other)
    node.stop()
    with pytest.raises(ConfigError, match="begun with another"):
        raise failed[0]
