"""One's own recordings in a folder a class: ``<class>/**/<clip>.wav``."""

from __future__ import annotations

from pathlib import Path

from tonfall.corpora.rows import Reading, Row, audio_files
from tonfall.emotion.maps import common_name

__all__ = ["read"]


def read(root: Path) -> Reading:
    """Rows of the clips; the class is the topmost folder, the speaker is unknown."""
    clips = [path for path in audio_files(root) if len(path.relative_to(root).parts) > 1]
    loose = tuple(path for path in audio_files(root) if path.parent == root)
    return Reading(tuple(_row(path, root) for path in clips), strays=loose)


def _row(path: Path, root: Path) -> Row:
    inside = path.relative_to(root)
    return Row(
        item=inside.with_suffix("").as_posix(),
        corpus=root.resolve().name,
        file=path,
        label=common_name(inside.parts[0]),
        label_original=inside.parts[0],
    )
