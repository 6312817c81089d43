"""A matrix on disk: JSON to read again, a Markdown table and a picture."""

from __future__ import annotations

import io
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tonfall.errors import ProtocolError
from tonfall.evaluation.reports.matrices import Cell, Matrix, draw_matrix, markdown
from tonfall.evaluation.reports.schema import SCHEMA_VERSION, Figure
from tonfall.parsing import read_json

__all__ = [
    "MATRIX_SUFFIX",
    "find_matrices",
    "keep_matrix",
    "read_matrix",
    "save_matrix",
    "write_matrix",
]

MATRIX_SUFFIX = ".matrix.json"
"""Ending of a matrix's JSON."""


_DPI = 110


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _CellEntry(_Entry):
    row: str
    column: str
    ua: Figure
    difference: Figure | None


class _MatrixFile(_Entry):
    schema_version: int = SCHEMA_VERSION
    title: str
    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: list[_CellEntry]
    warnings: tuple[str, ...]
    command: str


def save_matrix(matrix: Matrix, stem: Path) -> Path:
    """Write STEM.matrix.json, STEM.md and STEM.png; returns the path of the JSON."""
    path = keep_matrix(matrix, stem)
    stem.with_name(f"{stem.name}.md").write_text(markdown(matrix), encoding="utf-8")
    return path


def keep_matrix(matrix: Matrix, stem: Path) -> Path:
    """Write STEM.matrix.json and STEM.png, the same bytes for the same matrix."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    draw_matrix(matrix).savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    stem.with_name(f"{stem.name}.png").write_bytes(stream.getvalue())
    return write_matrix(matrix, stem.with_name(f"{stem.name}{MATRIX_SUFFIX}"))


def write_matrix(matrix: Matrix, path: Path) -> Path:
    """Write the JSON."""
    cells = [
        _CellEntry(row=row, column=column, ua=cell.ua, difference=cell.difference)
        for (row, column), cell in matrix.cells.items()
    ]
    content = _MatrixFile(
        title=matrix.title,
        corner=matrix.corner,
        rows=matrix.rows,
        columns=matrix.columns,
        cells=cells,
        warnings=matrix.warnings,
        command=matrix.command,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content.model_dump_json() + "\n", encoding="utf-8")
    return path


def read_matrix(path: Path) -> Matrix:
    """Read a matrix.

    Raises:
        ProtocolError: no JSON, a newer schema, or keys that do not fit.
    """
    try:
        content = read_json(path.read_text(encoding="utf-8"))
        read = _MatrixFile.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise ProtocolError(
            f"{path}: is no matrix of 'tonfall evaluate'. Make it again."
        ) from error
    if read.schema_version > SCHEMA_VERSION:
        raise ProtocolError(
            f"{path}: has schema {read.schema_version}, but this Tonfall reads up to "
            f"{SCHEMA_VERSION}. Update Tonfall."
        )
    cells = {(cell.row, cell.column): Cell(cell.ua, cell.difference) for cell in read.cells}
    return Matrix(
        read.title, read.corner, read.rows, read.columns, cells, read.warnings, read.command
    )


def find_matrices(folder: Path) -> list[Path]:
    """The JSON of every matrix under the folder, in order of path."""
    return sorted(folder.rglob(f"*{MATRIX_SUFFIX}"))
