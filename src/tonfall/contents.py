"""What a cache is keyed by: the contents of files and of the code that worked on them.

A version that somebody has to raise is forgotten once, and then old features are used silently.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["cache_folder", "code_hash", "content_hash", "joint_hash", "library_versions"]

_REMEMBERED = 32_768
_PACKAGE = Path(__file__).resolve().parent


def cache_folder() -> Path:
    """Where features are kept: $TONFALL_CACHE, or the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonfall"
    return Path(os.environ.get("TONFALL_CACHE", user))


def content_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; read anew only where size or time of writing changed.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    said = path.stat()
    return _content_hash(path, said.st_size, said.st_mtime_ns)


@lru_cache(maxsize=_REMEMBERED)
def _content_hash(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_hash(*parts: str) -> str:
    """SHA-256 over files of this package: sources, and the networks and tables beside them.

    Args:
        parts: files ("runtime/clip.py") or folders ("vad") below ``tonfall``.
    """
    files = [file for part in parts for file in _files(_PACKAGE / part)]
    assert files, parts
    return joint_hash(f"{file.relative_to(_PACKAGE)} {content_hash(file)}" for file in files)


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    found = sorted(path for path in place.rglob("*") if path.is_file())
    assert found, f"{place} holds nothing"
    return [path for path in found if "__pycache__" not in path.parts]


@cache
def library_versions(*names: str) -> str:
    """Installed versions of the libraries that have a part in the result."""
    return " ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def joint_hash(parts: Iterable[str]) -> str:
    """SHA-256, hexadecimal, over several texts; where one ends and the next begins counts."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()
