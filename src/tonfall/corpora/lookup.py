"""Where the corpora are: as named by the user, prepared before, or in a folder of releases."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tonfall.corpora.manifest import Manifest
from tonfall.corpora.preparation import prepare
from tonfall.corpora.registry import CORPORA
from tonfall.errors import ManifestError

__all__ = ["DATA_VARIABLE", "Places", "data_folders", "open_corpora", "read_places"]

DATA_VARIABLE = "TONFALL_DATA"
"""Environment variable with folders of releases, parted as in PATH; each holds CORPUS/."""

_BESIDE = Path("../shared/data")
_TABLES = frozenset({".parquet", ".csv"})

Places = Mapping[str, Path]
"""Corpus name to its manifest, or to the folder of its release."""

Progress = Callable[[int, int], object]


def read_places(given: Sequence[str], *, prepared: Path) -> Places:
    """Every corpus that can be found, and where.

    In order: what is given, manifests prepared here, releases in $TONFALL_DATA, and releases in
    ``../shared/data``.

    Args:
        given: ``CORPUS=PLACE``, or the path of a manifest alone.
        prepared: folder of manifests named after their corpora.

    Raises:
        ManifestError: a place that is given is not there, or a corpus is given twice.

    >>> read_places([], prepared=Path("no-such-folder")) is not None
    True
    """
    places = dict(_given(text) for text in given)
    if len(places) < len(given):
        raise ManifestError("A corpus is given twice with --data. Give each corpus once.")
    for name in CORPORA:
        table = prepared / f"{name}.parquet"
        found = [place for place in (table, *_releases(name)) if place.exists()]
        if found:
            places.setdefault(name, found[0])
    return places


def open_corpora(
    names: Sequence[str], places: Places, *, progress: Progress | None = None
) -> list[Manifest]:
    """The manifests of the corpora: read, or prepared from the release where it is one.

    Args:
        names: which.
        places: from `read_places`.
        progress: called with files checked and all, for each release anew.

    Raises:
        ManifestError: a corpus has no place, a release is not complete, or a manifest is of
            another corpus.
    """
    return [_open(name, places, progress) for name in names]


def _given(text: str) -> tuple[str, Path]:
    name, equals, place = text.partition("=")
    path = Path(place if equals else text).expanduser()
    if not path.exists():
        raise ManifestError(
            f"{path}: no such manifest or folder. Give --data CORPUS=FOLDER, or a manifest that "
            "'tonfall data prepare' wrote."
        )
    return (name, path) if equals else (_only_corpus(path), path)


def _only_corpus(path: Path) -> str:
    """The corpus that a manifest is of."""
    names = sorted(set(Manifest.read(path).frame["corpus"].dropna()))
    if len(names) != 1:
        raise ManifestError(
            f"{path}: holds the corpora {', '.join(names) or 'none'}, expected one. "
            "Give a manifest for each corpus."
        )
    return str(names[0])


def data_folders() -> list[Path]:
    """Folders that may hold releases, each in a folder of its corpus's name."""
    named = [Path(part) for part in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if part]
    return [*named, _BESIDE]


def _releases(name: str) -> list[Path]:
    return [folder / name for folder in data_folders()]


def _open(name: str, places: Places, progress: Progress | None) -> Manifest:
    if name not in places:
        raise ManifestError(
            f"The corpus {name} is not at hand. Give --data {name}=FOLDER, prepare it with "
            f"'tonfall data prepare {name} FOLDER', or name a folder that holds {name}/ in "
            f"${DATA_VARIABLE}."
        )
    place = places[name]
    if place.suffix not in _TABLES and not (place / "db.yaml").is_file():
        return prepare(name, place, silence=False, progress=progress)[0]
    manifest = Manifest.read(place)
    found = sorted(set(manifest.frame["corpus"].dropna()))
    if found != [name]:
        raise ManifestError(
            f"{place}: is a manifest of {', '.join(found) or 'nothing'}, expected {name}. "
            "Give each corpus its own."
        )
    return manifest
