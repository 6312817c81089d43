"""Tables of features as they are made: to a file or the screen, never all in memory."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SUFFIXES", "TableWriter"]

SUFFIXES = (".csv", ".parquet")
_AT_ONCE = 4_000_000
"""Numbers that are gathered before they are written; a Parquet file of many small parts is slow."""


class TableWriter:
    """Writes tables of the same columns one after the other.

    Args:
        output: ending with one of `SUFFIXES`; None for CSV to standard output. The file appears
            whole when the writer is closed, or stays as it was where something fails before.
    """

    def __init__(self, output: Path | None) -> None:
        self._output = output
        self._stack = ExitStack()
        self._target: Any = None
        self._waiting: list[pd.DataFrame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._stack.__exit__(kind, error, traceback)

    def write(self, table: pd.DataFrame) -> None:
        """Add rows.

        Raises:
            ManifestError: the file cannot be written.
        """
        self._waiting.append(table)
        if self._output is None or sum(part.size for part in self._waiting) > _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        import pandas as pd

        if not self._waiting:
            return
        whole = pd.concat(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting.clear()
        if self._output is not None and self._output.suffix.lower() == ".parquet":
            self._add_to_parquet(whole)
        else:
            self._add_to_csv(whole)

    def _add_to_csv(self, table: pd.DataFrame) -> None:
        first = self._target is None
        if first:
            self._target = self._opened()
        table.to_csv(self._target, float_format="%.6g", header=first)
        self._target.flush()

    def _opened(self) -> TextIO:
        if self._output is None:
            return sys.stdout
        return self._stack.enter_context(self._place().open("w", encoding="utf-8", newline=""))

    def _add_to_parquet(self, table: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = pa.Table.from_pandas(table)
        if self._target is None:
            writer = pq.ParquetWriter(self._place(), found.schema, compression="zstd")
            self._target = self._stack.enter_context(writer)
        self._target.write_table(found)

    def _place(self) -> Path:
        from tonfall.corpora.storage import replacing

        assert self._output is not None
        return self._stack.enter_context(replacing(self._output))
