"""Reading the tables that releases come with, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from tonfall.audio import POINTER_ADVICE, is_pointer
from tonfall.errors import ManifestError

__all__ = ["find_table", "read_rows", "read_text", "refuse_pointer"]

_HEAD_BYTES = 64
_ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")


def find_table(root: Path, *names: str) -> Path | None:
    """The first file of these names, plain or ``.gz``, at or under ``root``, nearest first."""
    found = [path for name in names for end in ("", ".gz") for path in root.rglob(name + end)]
    return min(found, key=lambda path: (len(path.parts), path), default=None)


def read_text(path: Path) -> str:
    """A text file's content; UTF-8, else the Chinese code page, else Latin-1."""
    refuse_pointer(path)
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ManifestError(f"{path}: cannot be unpacked ({error}). Fetch it again.") from error
    for encoding in _ENCODINGS[:-1]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(_ENCODINGS[-1])


def refuse_pointer(path: Path) -> None:
    """ManifestError where git-lfs left a pointer in the place of a table."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if is_pointer(head):
        raise ManifestError(f"{path}: this is a git-lfs pointer, not the table; {POINTER_ADVICE}.")


def read_rows(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> list[dict[str, str]]:
    """A table's rows by column name; ManifestError where one of ``columns`` is absent."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter=delimiter)
    absent = [name for name in columns if name not in (reader.fieldnames or ())]
    if absent:
        raise ManifestError(
            f"{path}: has no column {absent[0]!r}, expected {', '.join(columns)}. "
            "Check that it is the release's table."
        )
    return list(reader)
