"""The leaderboard and the pages of bundles, made of reports."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tonfall.evaluation.reports import (
    KEPT_SUFFIX,
    MATRIX_SUFFIX,
    Matrix,
    Report,
    find_matrices,
    find_report_files,
    find_reports,
    keep_matrix,
    keep_report,
    leaderboard_page,
    model_names,
    model_page,
    published_figures,
    read_matrix,
    read_report,
    report_page,
    robustness_matrix,
    slimmed,
    worth_keeping,
)

__all__ = ["leaderboard"]

_WITH_PAGE = ("bundle", "recipe")
_SHOWN = 8
"""Hexadecimal digits of a hash."""


def leaderboard(
    folder: str | Path, output: str | Path, *, keep: str | Path | None = None
) -> list[Path]:
    """Make the leaderboard from reports, and a page for each bundle that was measured.

    Args:
        folder: where the reports are, at any depth.
        output: the page, Markdown; bundles' own pages are written beside it.
        keep: a folder that the reports are first copied to, small and without paths or audio; the
            pages are then made of what is there.

    Returns:
        What was written, the leaderboard first.

    Raises:
        ProtocolError: there is no report in the folder, or one cannot be read.
    """
    folder, output = Path(folder), Path(output)
    if keep is not None:
        _keep(folder, Path(keep))
        folder = Path(keep)
    files = find_report_files(folder)
    reports = [read_report(path) for path in files]
    data = {place: _link(path, output) for place, path in enumerate(files)}
    pages = {place: _link(page, output) for place, page in _pages(files) if page.is_file()}
    drawn = [(read_matrix(path), _link(_picture(path), output)) for path in find_matrices(folder)]
    board = leaderboard_page(reports, published=published_figures(), matrices=drawn, links=data)
    written = {output: board}
    for name in model_names(reports):
        written[output.with_name(f"report-{name}.md")] = model_page(name, reports, links=pages)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return list(written)


def _keep(folder: Path, kept: Path) -> None:
    reports = find_reports(folder)
    for report in reports:
        _keep_report(report, kept)
    for path in find_matrices(folder):
        name = f"{path.parent.name}-{_picture(path).stem}"
        keep_matrix(read_matrix(path), kept / "matrices" / name)
    for name, matrix in _robustness(reports).items():
        keep_matrix(matrix, kept / "matrices" / f"{name}-robustness")


def _robustness(reports: Sequence[Report]) -> dict[str, Matrix]:
    """A matrix a protocol of all its models, where any was measured on degraded audio.

    Two protocols of one name are two, such as folds of a corpus before and after it grew; their
    matrices have some of the hash in their names.
    """
    degraded = {
        (report.protocol.hash, report.model.title)
        for report in reports
        if report.condition != "clean"
    }
    own: dict[str, list[Report]] = {}
    for report in reports:
        if (report.protocol.hash, report.model.title) in degraded:
            own.setdefault(report.protocol.hash, []).append(report)
    names = _file_names({digest: found[0].protocol.name for digest, found in own.items()})
    matrices = {digest: robustness_matrix(found) for digest, found in own.items()}
    return {
        names[digest]: replace(matrix, command=_command(own[digest], matrix.columns))
        for digest, matrix in matrices.items()
    }


def _file_names(protocols: Mapping[str, str]) -> dict[str, str]:
    """What each protocol is called in names of files, by its hash."""
    plain = {digest: name.replace("/", "-") for digest, name in protocols.items()}
    shared = Counter(plain.values())
    return {
        digest: name if shared[name] == 1 else f"{name}-{digest[:_SHOWN]}"
        for digest, name in plain.items()
    }


def _command(reports: Sequence[Report], conditions: Sequence[str]) -> str:
    """One command that makes all of these reports again."""
    words = [shlex.split(report.command) for report in reports if report.condition == "clean"]
    models = dict.fromkeys(word for command in words for word in command[2:3])
    rest = words[0][3:] if words else []
    chain = ",".join(name for name in conditions if name != "clean")
    return shlex.join(["tonfall", "evaluate", *models, *rest, "--degrade", chain])


def _keep_report(report: Report, kept: Path) -> None:
    if not worth_keeping(report):
        return
    path = keep_report(report, kept)
    if report.model.kind in _WITH_PAGE:
        _page(path).write_text(report_page(slimmed(report), audio=False), encoding="utf-8")


def _picture(path: Path) -> Path:
    """The picture beside a matrix's JSON."""
    return path.with_name(f"{path.name.removesuffix(MATRIX_SUFFIX)}.png")


def _pages(files: Sequence[Path]) -> list[tuple[int, Path]]:
    return [(place, _page(path)) for place, path in enumerate(files)]


def _page(path: Path) -> Path:
    """The page beside a report."""
    return path.with_name(path.name.removesuffix(KEPT_SUFFIX).removesuffix(".json") + ".html")


def _link(path: Path, output: Path) -> str:
    return Path(os.path.relpath(path, output.parent)).as_posix()
