"""One's own recordings in a CSV with any of the manifest's columns.

``file`` is needed, relative to the table; ``item`` defaults to it. ``label`` may be a canonical
name or a common word for it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tonfall.corpora.columns import conform
from tonfall.corpora.rows import Reading, Row, own_name
from tonfall.corpora.storage import read_loose_csv
from tonfall.emotion.maps import common_name
from tonfall.errors import ManifestError

__all__ = ["read", "rows_of"]

_COMPUTED = ("duration", "sampling_rate", "hash")


def read(path: Path) -> Reading:
    """Rows of the table."""
    frame = read_loose_csv(path)
    if "file" not in frame:
        raise ManifestError(f"{path}: has no column 'file', expected the path of each recording.")
    return Reading(rows_of(frame, path.parent, source=str(path), corpus=path.stem))


def rows_of(frame: pd.DataFrame, folder: Path, *, source: str, corpus: str) -> tuple[Row, ...]:
    """Rows of a frame with some of the manifest's columns; paths are relative to ``folder``."""
    frame = frame.drop(columns=[name for name in _COMPUTED if name in frame])
    if "item" not in frame:
        frame = frame.assign(item=_items(frame))
    table = conform(frame, source=source).drop(columns=list(_COMPUTED))
    known = table.astype(object).where(table.notna(), None)
    rows = []
    for said in known.to_dict("records"):
        try:
            rows.append(_row({str(name): value for name, value in said.items()}, folder, corpus))
        except ManifestError as error:
            raise ManifestError(f"{source}, item {said['item']}: {error}") from error
    return tuple(rows)


def _items(frame: pd.DataFrame) -> pd.Series[str]:
    """The file's path without its ending, and the start where a file holds several items."""
    items = frame["file"].map(lambda file: Path(str(file)).with_suffix("").as_posix())
    if "start" in frame and items.duplicated().any():
        items = items + "@" + frame["start"].astype(str)
    return items


def _row(said: dict[str, object], folder: Path, corpus: str) -> Row:
    file, label, start = said.pop("file"), said.pop("label"), said.pop("start")
    said["corpus"] = own_name(str(said["corpus"] or corpus))
    said["label_original"] = said["label_original"] or label
    video = said.pop("video")
    return Row(
        file=None if file is None else folder / str(file),
        label=None if label is None else common_name(str(label)),
        start=0.0 if start is None else float(str(start)),
        video=None if video is None else str(folder / str(video)),
        **said,  # type: ignore[arg-type]
    )
