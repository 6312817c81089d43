"""Reading the tables that releases come with, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from tonfall.errors import ManifestError

__all__ = ["find_table", "read_rows", "read_text"]

_ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")


def find_table(root: Path, name: str) -> Path | None:
    """The first file called ``name`` or ``name.gz`` at or under ``root``, nearest first."""
    found = [*root.rglob(name), *root.rglob(f"{name}.gz")]
    return min(found, key=lambda path: (len(path.parts), path), default=None)


def read_text(path: Path) -> str:
    """A text file's content; UTF-8, else the Chinese code page, else Latin-1."""
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
