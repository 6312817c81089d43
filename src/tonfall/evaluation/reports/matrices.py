"""The two matrices: train corpus by test corpus, and model by degradation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tonfall.errors import ProtocolError
from tonfall.evaluation.reports.comparing import compare_reports
from tonfall.evaluation.reports.schema import Figure, Report
from tonfall.evaluation.reports.wording import reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

__all__ = ["Cell", "Matrix", "corpus_matrix", "draw_matrix", "markdown", "robustness_matrix"]

_WITHIN, _FROM = "within/", "from/"
_ORDER = ("clean", "telephone", "noise", "room", "loss", "mp3", "level")


@dataclass(frozen=True, slots=True)
class Cell:
    """Unweighted recall, and what it is less than when clean."""

    ua: Figure
    difference: Figure | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells by row and column; an absent one was not measured.

    Attributes:
        title: one line.
        corner: what rows and columns are.
        rows, columns: names, in order.
        cells: by row and column.
        warnings: of the reports that it is made from.
        command: what makes it again; empty where unknown.
    """

    title: str
    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    warnings: tuple[str, ...] = ()
    command: str = ""


def corpus_matrix(reports: Sequence[Report]) -> Matrix:
    """Train corpus by test corpus, from reports under from/CORPUS and within/CORPUS.

    On the diagonal are folds within the corpus that part no speaker; beside it a model heard
    nothing of the tested corpus.

    Raises:
        ProtocolError: a report is of another protocol, or models or labels differ.
    """
    _check_one_model(reports)
    cells: dict[tuple[str, str], Cell] = {}
    for report in reports:
        family, _, corpus = report.protocol.name.partition("/")
        if f"{family}/" not in (_WITHIN, _FROM):
            raise ProtocolError(
                f"{report.protocol.name}: the matrix is made of from/CORPUS and within/CORPUS."
            )
        if f"{family}/" == _WITHIN:
            cells[corpus, corpus] = Cell(report.figures["ua"])
        else:
            tested = report.groups["corpus"]
            cells |= {(corpus, group.name): Cell(group.ua) for group in tested}
    names = tuple(dict.fromkeys(row for row, _ in cells))
    others = tuple(dict.fromkeys(column for _, column in cells if column not in names))
    return Matrix(
        f"{reports[0].model.title}: unweighted recall, per cent, {reports[0].condition}; "
        f"{', '.join(reports[0].protocol.labels)}",
        "trained on / tested on",
        names,
        (*names, *others),
        cells,
        _warnings(reports),
    )


def robustness_matrix(reports: Sequence[Report]) -> Matrix:
    """Model by condition, with each difference to clean and its interval over speakers.

    Raises:
        ProtocolError: the reports are not all on the same items.
    """
    cells: dict[tuple[str, str], Cell] = {}
    clean = {report.model.title: report for report in reports if report.condition == "clean"}
    for report in reports:
        base = clean.get(report.model.title)
        gap = None if base is None or base is report else _gap(base, report)
        cells[report.model.title, report.condition] = Cell(report.figures[report.headline], gap)
    conditions = dict.fromkeys(report.condition for report in reports)
    return Matrix(
        f"Unweighted recall under {reports[0].protocol.name}, per cent; difference to clean",
        "model / condition",
        tuple(dict.fromkeys(report.model.title for report in reports)),
        tuple(sorted(conditions, key=_usual_order)),
        cells,
        _warnings(reports),
    )


def _usual_order(condition: str) -> tuple[int, str]:
    """Clean first, then the line, noise from little to much, and the rest."""
    kind, _, amount = condition.partition("+")[0].partition(":")
    place = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
    return place, f"{999 - float(amount):08.2f}" if kind == "noise" else condition


def markdown(matrix: Matrix) -> str:
    """The matrix as a Markdown table."""
    lines = [f"**{matrix.title}**", ""]
    for warning in matrix.warnings:
        lines += [f'!!! danger "Read with care"\n    {warning}', ""]
    lines.append(f"| {matrix.corner} | {' | '.join(matrix.columns)} |")
    lines.append("|" + "---|" * (1 + len(matrix.columns)))
    for row in matrix.rows:
        cells = [_text(matrix.cells.get((row, column))) for column in matrix.columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    lines += ["", f"`{matrix.command}`"] if matrix.command else []
    return "\n".join(lines) + "\n"


def draw_matrix(matrix: Matrix) -> Drawing:
    """The matrix as a picture: darker is better."""
    from matplotlib.figure import Figure as Drawing

    values = np.array(
        [[_value(matrix, row, name) for name in matrix.columns] for row in matrix.rows]
    )
    drawing = Drawing(
        figsize=(2.2 + 1.25 * len(matrix.columns), 1.6 + 0.75 * len(matrix.rows)),
        layout="constrained",
    )
    axes = drawing.subplots()
    axes.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for place, value in np.ndenumerate(values):
        cell = matrix.cells.get((matrix.rows[place[0]], matrix.columns[place[1]]))
        ink = "white" if value > 60 else "black"
        text = _text(cell).replace(" [", "\n[").replace("; ", "\n")
        axes.text(place[1], place[0], text, ha="center", va="center", fontsize=7.5, color=ink)
    axes.set_xticks(range(len(matrix.columns)), matrix.columns, rotation=30, ha="right")
    axes.set_yticks(range(len(matrix.rows)), matrix.rows)
    axes.set_title(matrix.title, fontsize=9, loc="left", wrap=True)
    return drawing


def _value(matrix: Matrix, row: str, column: str) -> float:
    cell = matrix.cells.get((row, column))
    return np.nan if cell is None or cell.ua.value is None else 100 * cell.ua.value


def _text(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.difference is None or cell.difference.value is None:
        return reading(cell.ua)
    gap = cell.difference
    span = "" if gap.low is None else f" [{100 * gap.low:+.1f}, {100 * (gap.high or 0):+.1f}]"
    return f"{reading(Figure(value=cell.ua.value))}; {100 * (gap.value or 0):+.1f}{span}"


def _gap(clean: Report, degraded: Report) -> Figure:
    found = compare_reports(clean, degraded).figures[clean.headline].difference
    return Figure(value=found.value, low=found.low, high=found.high)


def _check_one_model(reports: Sequence[Report]) -> None:
    names = {(report.model.title, report.condition) for report in reports}
    spaces = {tuple(report.protocol.labels) for report in reports}
    if len(names) != 1 or len(spaces) != 1:
        raise ProtocolError(
            f"The matrix needs reports of one model, condition and label space, but there are "
            f"{len(names)} of the former and {len(spaces)} label spaces."
        )


def _warnings(reports: Sequence[Report]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            f"{report.protocol.name}: {text}" for report in reports for text in report.warnings
        )
    )
