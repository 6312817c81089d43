"""Downloading, against a real host on this machine."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tonfall.corpora import Archive, download
from tonfall.corpora.download import fetch, unpack
from tonfall.errors import ConfigError, ManifestError, ServiceError

CONTENT = np.random.default_rng(0).bytes(1_000_000)


@dataclass
class Host:
    """What the host serves and how it misbehaves."""

    content: bytes = CONTENT
    continues: bool = True
    breaks_after: int | None = None
    status: int | None = None
    asked: list[str | None] = field(default_factory=list)
    port: int = 0

    def archive(self, md5: str | None = None) -> Archive:
        return Archive(f"http://127.0.0.1:{self.port}/clips.zip", md5)

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content).hexdigest()


@pytest.fixture
def host() -> Iterator[Host]:
    served = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.asked.append(asked)
            begin = int(asked[6:-1]) if asked and served.continues else 0
            if served.status is not None:
                self.send_error(served.status)
                return
            if begin >= len(served.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(served.content)}")
                self.end_headers()
                return
            rest = served.content[begin:]
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: served.breaks_after])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_arrives_whole_with_progress(host: Host, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch(
        host.archive(host.md5), tmp_path, progress=lambda here, total: seen.append((here, total))
    )
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (1_000_000, 1_000_000)
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)
    assert [entry.name for entry in tmp_path.iterdir()] == ["clips.zip"]


def test_what_is_here_already_is_not_fetched_again(host: Host, tmp_path: Path) -> None:
    fetch(host.archive(host.md5), tmp_path)
    fetch(host.archive(host.md5), tmp_path)
    assert len(host.asked) == 1


@pytest.mark.parametrize("continues", [True, False])
def test_a_broken_connection_is_continued(host: Host, tmp_path: Path, continues: bool) -> None:
    host.breaks_after, host.continues = 400_000, continues
    with pytest.raises(ServiceError, match="Run the same command again to continue") as error:
        fetch(host.archive(host.md5), tmp_path)
    assert error.value.retry
    host.breaks_after = None
    assert fetch(host.archive(host.md5), tmp_path).read_bytes() == CONTENT
    assert host.asked == [None, "bytes=400000-"]


def test_a_part_that_is_whole_already_is_taken(host: Host, tmp_path: Path) -> None:
    (tmp_path / "clips.zip.part").write_bytes(CONTENT)
    assert fetch(host.archive(host.md5), tmp_path).read_bytes() == CONTENT


def test_the_wrong_hash_is_refused_and_removed(host: Host, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="but 0123 is published") as error:
        fetch(host.archive("0123"), tmp_path)
    assert error.value.retry
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "retry"), [(404, False), (503, True), (429, True)])
def test_a_host_that_refuses_says_if_a_retry_can_help(
    host: Host, tmp_path: Path, status: int, retry: bool
) -> None:
    host.status = status
    with pytest.raises(ServiceError, match=f"the host answered {status}") as error:
        fetch(host.archive(), tmp_path)
    assert error.value.retry is retry


def test_nobody_there_is_a_service_error(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="the connection broke"):
        fetch(Archive("http://127.0.0.1:9/clips.zip"), tmp_path)


def test_local_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begins with http"):
        fetch(Archive("file:///etc/hostname"), tmp_path)


def test_licensed_corpora_say_how_to_apply(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"How to get it: sign the agreement at sail\.usc\.edu"):
        download("iemocap", tmp_path)
    with pytest.raises(ManifestError, match="There is no corpus"):
        download("nothing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        fetch(host.archive(), tmp_path / "file")


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in names.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_is_unpacked_into_a_folder_of_its_name(host: Host, tmp_path: Path) -> None:
    host.content = zipped({"Actor_01/a.wav": b"sound"})
    target = unpack(fetch(host.archive(host.md5), tmp_path), tmp_path)
    assert target == tmp_path / "clips"
    assert (target / "Actor_01" / "a.wav").read_bytes() == b"sound"
    assert unpack(tmp_path / "clips.zip", tmp_path) == target


def test_archives_inside_an_archive_are_unpacked_too(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as packed:
        member = tarfile.TarInfo("train_splits/dia0_utt0.mp4")
        member.size = 5
        packed.addfile(member, io.BytesIO(b"video"))
    with tarfile.open(tmp_path / "MELD.Raw.tar.gz", "w:gz") as packed:
        member = tarfile.TarInfo("MELD.Raw/train.tar.gz")
        member.size = len(inner.getvalue())
        packed.addfile(member, io.BytesIO(inner.getvalue()))
    target = unpack(tmp_path / "MELD.Raw.tar.gz", tmp_path)
    files = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()]
    assert files == ["MELD.Raw/train_splits/dia0_utt0.mp4"]


@pytest.mark.parametrize("name", ["../outside.wav", "/tmp/outside.wav"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "clips.zip").write_bytes(zipped({name: b"bad"}))
    with pytest.raises(ServiceError, match="lies outside its folder"):
        unpack(inside / "clips.zip", inside)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["clips.zip"]


def test_a_damaged_archive_leaves_no_folder(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.wav": b"sound" * 100}))
    data[60:80] = bytes(20)
    (tmp_path / "clips.zip").write_bytes(data)
    with pytest.raises(ServiceError, match="cannot be unpacked"):
        unpack(tmp_path / "clips.zip", tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["clips.zip"]
