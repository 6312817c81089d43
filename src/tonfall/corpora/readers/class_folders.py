"""One's own recordings in a folder a class: ``<class>/**/<clip>.wav``."""

from __future__ import annotations

from pathlib import Path

from tonfall.corpora.rows import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    Reading,
    Row,
    audio_files,
    own_name,
    visible_files,
)
from tonfall.emotion.maps import common_name

__all__ = ["read"]


def read(root: Path) -> Reading:
    """Rows of the clips; the class is the topmost folder, the speaker is unknown."""
    recordings = list(audio_files(root, AUDIO_SUFFIXES | VIDEO_SUFFIXES))
    clips = [path for path in recordings if path.parent != root]
    loose = tuple(path for path in recordings if path.parent == root)
    return Reading(tuple(_row(path, root) for path in clips), _left_aside(root), strays=loose)


def _left_aside(root: Path) -> tuple[str, ...]:
    """What lies in the classes' folders under an ending that no recording has."""
    known = AUDIO_SUFFIXES | VIDEO_SUFFIXES
    others = [path for path in visible_files(root) if path.suffix.lower() not in known]
    if not others:
        return ()
    first = others[0].relative_to(root)
    return (f"Files that are no recordings by their endings: {len(others)}, such as {first}.",)


def _row(path: Path, root: Path) -> Row:
    inside = path.relative_to(root)
    return Row(
        item=inside.with_suffix("").as_posix(),
        corpus=own_name(root.resolve().name),
        file=path,
        label=common_name(inside.parts[0]),
        label_original=inside.parts[0],
    )
