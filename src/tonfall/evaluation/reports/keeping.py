"""Reports as they are kept in a repository: small, without paths, for leaderboards and compare."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from tonfall.evaluation.reports.rounding import rounded_probabilities
from tonfall.evaluation.reports.schema import Mistake, Report

__all__ = ["KEPT_SUFFIX", "keep_report", "kept_name", "slimmed", "worth_keeping"]

KEPT_SUFFIX = ".report.json.gz"
"""Ending of a kept report."""

_DIGITS = 5
_PROBABILITY_DIGITS = 3
_PARTS_OF_A_MATRIX = ("from", "within")


def worth_keeping(report: Report) -> bool:
    """False for degraded audio and for the cells of a matrix, which the matrix itself holds."""
    family = report.protocol.name.partition("/")[0]
    return report.condition == "clean" and family not in _PARTS_OF_A_MATRIX


def kept_name(report: Report) -> str:
    """Where a report is kept, without its ending: protocol, then model and its kind.

    Two reports of one protocol, model, kind and condition have the same name.
    """
    kind = f"-{report.model.kind}" if report.model.kind in ("bundle", "recipe") else ""
    condition = "" if report.condition == "clean" else f"-{report.condition}"
    parts = (report.protocol.name, f"{report.model.name}{kind}{condition}")
    return "/".join(
        "".join(c if c.isalnum() or c in "-_." else "-" for c in part) for part in parts
    )


def keep_report(report: Report, folder: Path) -> Path:
    """Write the slimmed report under the folder; the same report gives the same bytes."""
    path = folder / f"{kept_name(report)}{KEPT_SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = slimmed(report).model_dump_json()
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return path


def slimmed(report: Report) -> Report:
    """The report with fewer digits and files' names instead of paths; every decision is kept."""
    content = _rounded(report.model_dump(exclude={"items"}))
    items = report.items.model_dump()
    items["probabilities"] = rounded_probabilities(
        report.items.probabilities, digits=_PROBABILITY_DIGITS
    )
    content["items"] = {name: _rounded(column, digits=2) for name, column in items.items()}
    content["items"]["probabilities"] = items["probabilities"]
    slim = Report.model_validate(content)
    return slim.model_copy(update={"mistakes": [_without_path(each) for each in slim.mistakes]})


def _without_path(mistake: Mistake) -> Mistake:
    file = None if mistake.file is None else Path(mistake.file).name
    return mistake.model_copy(update={"file": file})


def _rounded(value: Any, *, digits: int = _DIGITS) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {name: _rounded(entry, digits=digits) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry, digits=digits) for entry in value]
    return value
