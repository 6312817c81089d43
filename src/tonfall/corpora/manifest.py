"""A table of recordings and what is known of each: the one form that every corpus takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tonfall.corpora import audformat_tables, storage
from tonfall.corpora.columns import conform
from tonfall.corpora.validation import Problem, file_problems, table_problems
from tonfall.emotion.categories import CATEGORIES
from tonfall.errors import ManifestError

__all__ = ["Manifest"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows of recordings, each a file or a stretch of one.

    Attributes:
        frame: exactly the columns of `COLUMNS`; unknown is null. ``(corpus, speaker)`` is a
            person; ``start`` and ``end`` are seconds in ``file``, a null end is the file's end.
        root: the folder that ``file`` and ``video`` are relative to.
    """

    frame: pd.DataFrame
    root: Path

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, root: Path) -> Manifest:
        """A manifest of a frame with some of the columns; ManifestError where it does not fit."""
        return cls(conform(frame, source="the table"), root)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read ``.parquet``, ``.csv``, or an audformat database's folder.

        Raises:
            ManifestError: no such table, another format, a newer version, or a column that does
                not fit.
        """
        path = Path(path)
        if path.is_dir():
            return cls(audformat_tables.read(path), path)
        if not path.is_file():
            raise ManifestError(f"{path}: no such manifest. Make one with 'tonfall data prepare'.")
        readers = {".parquet": storage.read_parquet, ".csv": storage.read_csv}
        _check_suffix(path, readers)
        return cls(readers[path.suffix](path), path.parent)

    def write(self, path: Path) -> None:
        """Write ``.parquet`` or ``.csv``, or an audformat database into a folder (no ending).

        Paths become relative to where it is written. What was there before is replaced in one
        step, or left as it was where writing fails.
        """
        path = Path(path)
        if path.suffix == "":
            audformat_tables.write(self._relative_to(path), path)
            return
        writers = {".parquet": storage.write_parquet, ".csv": storage.write_csv}
        _check_suffix(path, writers)
        writers[path.suffix](self._relative_to(path.parent), path)

    def _relative_to(self, folder: Path) -> pd.DataFrame:
        paths = {
            name: storage.moved(self.frame[name], old=self.root, new=folder)
            for name in ("file", "video")
        }
        return self.frame.assign(**paths)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def paths(self) -> list[Path | None]:
        """The audio file of each row, or None where only labels are at hand."""
        return [None if pd.isna(file) else self.root / file for file in self.frame["file"]]

    def select(self, items: Iterable[str]) -> Manifest:
        """The rows of these items, in their order; ManifestError where one is unknown."""
        rows = self.frame.set_index("item", drop=False)
        wanted = list(items)
        unknown = [item for item in wanted if item not in rows.index]
        if unknown:
            raise ManifestError(
                f"The manifest has no item {unknown[0]!r} ({len(unknown)} unknown in all). "
                "Check that manifest and list are of the same corpus."
            )
        return Manifest(rows.loc[wanted].reset_index(drop=True), self.root)

    def validate(
        self, *, decode: bool = False, labels: Sequence[str] = CATEGORIES
    ) -> tuple[Problem, ...]:
        """Everything wrong with the rows and their files; nothing is dropped or changed.

        Args:
            decode: read every file to its end, not only its header.
            labels: the canonical names that ``label`` may take.
        """
        of_files = file_problems(self.frame, self.paths, decode=decode)
        return (*of_files, *table_problems(self.frame, labels=labels))


def _check_suffix(path: Path, known: Iterable[str]) -> None:
    if path.suffix not in known:
        raise ManifestError(
            f"{path}: the ending {path.suffix!r} is unknown, expected {' or '.join(known)}, "
            "or none for a folder with an audformat database."
        )
