"""A report's files: JSON, page, pictures, and the predictions as a table."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from tonfall.evaluation.reports.page import report_page
from tonfall.evaluation.reports.pictures import save_pictures
from tonfall.evaluation.reports.schema import Report, write_report

__all__ = ["predictions_table", "save_report"]


def save_report(report: Report, folder: Path, *, audio: bool = True) -> Path:
    """Write report.json, report.html, predictions.csv and the pictures; returns the JSON's path.

    Args:
        report: what was measured.
        folder: made where it is absent; files of an earlier report are replaced.
        audio: see `report_page`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Beside each other or not at all: a page must not stand beside another report's numbers.
    with TemporaryDirectory(dir=folder, prefix=".writing-") as place:
        made = Path(place)
        (made / "report.html").write_text(report_page(report, audio=audio), encoding="utf-8")
        save_pictures(report, made)
        predictions_table(report).to_csv(made / "predictions.csv", index=False, lineterminator="\n")
        write_report(report, made / "report.json")
        for file in sorted(made.iterdir()):
            file.replace(folder / file.name)
    return folder / "report.json"


def predictions_table(report: Report) -> pd.DataFrame:
    """Item, a column of probabilities a label, and dimensions: what `evaluate` takes as MODEL."""
    items = report.items
    table = pd.DataFrame(items.probabilities, columns=report.protocol.labels)
    table.insert(0, "item", items.item)
    return pd.concat([table, pd.DataFrame(items.dimensions)], axis=1)
