"""Fetching the corpora that anyone may download: resumed, hash-checked, unpacked."""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from tonfall.corpora.registry import Archive, find_corpus
from tonfall.errors import ConfigError, ServiceError

__all__ = ["download", "fetch", "unpack"]

Progress = Callable[[int, int | None], object]
"""Called with the bytes that are here and the bytes in all, None where the host does not say."""

_BLOCK = 1 << 18
_TIMEOUT = 60.0
_PASSING = (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.TOO_MANY_REQUESTS)
_TAR_ENDINGS = (".tar.gz", ".tgz", ".tar")


def download(name: str, folder: Path, *, progress: Progress | None = None) -> list[Path]:
    """Fetch a corpus into a folder and unpack it there.

    Returns:
        The folders that the archives were unpacked into; `prepare` takes ``folder``.

    Raises:
        ManifestError: there is no such corpus.
        ConfigError: the corpus must be applied for or fetched by hand; the message says how.
        ServiceError: the host did not answer, or sent something else than was published.
    """
    corpus = find_corpus(name)
    if not corpus.archives:
        raise ConfigError(
            f"{corpus.title} cannot be downloaded by a command ({corpus.licence}). "
            f"How to get it: {corpus.access}."
        )
    files = [fetch(archive, folder, progress=progress) for archive in corpus.archives]
    return [unpack(file, folder) for file in files]


def fetch(archive: Archive, folder: Path, *, progress: Progress | None = None) -> Path:
    """Fetch one archive; what an earlier call left of it is continued.

    Raises:
        ServiceError: as for `download`. A file with the wrong hash is removed.
    """
    target = folder / archive.name
    if target.is_file() and archive.md5 in (None, _md5(target)):
        return target
    _make(folder)
    part = target.with_name(f"{target.name}.part")
    _receive(archive.url, part, progress)
    _check(archive, part)
    part.replace(target)
    return target


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made ({error.strerror}). Choose another folder."
        ) from error


def _receive(url: str, part: Path, progress: Progress | None) -> None:
    """Append to ``part`` what is missing of it; start afresh where the host cannot continue."""
    begun = part.stat().st_size if part.is_file() else 0
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url}: expected an address that begins with http:// or https://.")
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            continued = answer.status == HTTPStatus.PARTIAL_CONTENT
            _append(answer, part, begun if continued else 0, progress)
    except urllib.error.HTTPError as error:
        error.close()
        _refused(error, url, part, begun)
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError(
            f"{url}: the connection broke ({error}). Run the same command again to continue.",
            retry=True,
        ) from error


def _append(
    answer: http.client.HTTPResponse, part: Path, begun: int, progress: Progress | None
) -> None:
    length = answer.headers.get("Content-Length")
    total = begun + int(length) if length else None
    here = begun
    with part.open("ab" if begun else "wb") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
            here += len(block)
            if progress:
                progress(here, total)
    if total is not None and here < total:
        raise http.client.IncompleteRead(b"", total - here)


def _refused(error: urllib.error.HTTPError, url: str, part: Path, begun: int) -> None:
    """Pass where ``part`` is whole already; ServiceError otherwise."""
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        if error.headers.get("Content-Range") == f"bytes */{begun}":
            return
        part.unlink()
    passing = error.code in _PASSING or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise ServiceError(
        f"{url}: the host answered {error.code} {error.reason}. "
        + ("Run the same command again." if passing else "Look for the corpus's new address."),
        retry=passing,
    ) from error


def _check(archive: Archive, part: Path) -> None:
    if archive.md5 is None:
        return
    found = _md5(part)
    if found != archive.md5:
        part.unlink()
        raise ServiceError(
            f"{archive.url}: what arrived has the MD5 sum {found}, but {archive.md5} is published. "
            "It was removed: run the same command again.",
            retry=True,
        )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip or tar archive into a folder of its own name, in one step.

    Archives inside a tar archive are unpacked where they lie. A folder that is there already is
    left as it is.

    Raises:
        ServiceError: the archive is damaged, or would write outside its folder.
    """
    target = folder / archive.name.removesuffix(".zip")
    for ending in _TAR_ENDINGS:
        target = target.with_name(target.name.removesuffix(ending))
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking.") as part:
        whole = Path(part) / target.name
        whole.mkdir()
        _extract(archive, whole)
        while inner := _inner_archive(whole):
            _extract(inner, inner.parent)
            inner.unlink()
        whole.replace(target)
    return target


def _extract(archive: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            _extract_zip(archive, folder)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise ServiceError(
            f"{archive}: cannot be unpacked ({error}). Remove it and download it again.", retry=True
        ) from error


def _inner_archive(folder: Path) -> Path | None:
    """A tar archive that another one held."""
    return next((path for end in _TAR_ENDINGS for path in folder.rglob(f"*{end}")), None)


def _extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"{name!r} lies outside its folder")
        packed.extractall(folder)
