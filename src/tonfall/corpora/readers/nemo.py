"""nEMO: nine Polish actors say ninety sentences (Christop, 2024).

Layout: ``samples/<speaker>_<emotion>_<sentence>.wav`` and ``data.tsv`` with transcripts,
sex and age.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical
from tonfall.errors import ManifestError

__all__ = ["read"]

_NAME = re.compile(r"([A-Z]{2}\d)_([a-z]+)_(\d+)")


def read(root: Path) -> Reading:
    """Rows of the 4,481 clips."""
    table = _table(root / "data.tsv")
    clips, strays = matched_files(root, _NAME)
    rows = tuple(_row(path, match, table.get(path.stem, {})) for path, match in clips)
    found = {row.item for row in rows}
    silent = sorted(set(table) - found)
    if rows and silent:
        raise ManifestError(
            f"{root}: data.tsv names clips that are missing, such as {silent[0]} ({len(silent)} in "
            "all). Unpack the release again."
        )
    return Reading(rows, strays=strays)


def _table(path: Path) -> dict[str, dict[str, str]]:
    """The release's own table by item; empty where the file is missing."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {Path(row["file_id"]).stem: row for row in rows}


def _row(path: Path, match: re.Match[str], said: dict[str, str]) -> Row:
    speaker, emotion, sentence = match.groups()
    return Row(
        item=path.stem,
        corpus="nemo",
        file=path,
        speaker=speaker,
        sex=said.get("gender"),
        age=float(said["age"]) if said.get("age") else None,
        language="pl",
        sentence=sentence,
        text=said.get("raw_text"),
        label=canonical("nemo", emotion),
        label_original=emotion,
        acted=True,
    )
