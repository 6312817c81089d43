"""Where the corpora are: as named by the user, prepared before, or in a folder of releases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tonfall.corpora.columns import COLUMNS
from tonfall.corpora.manifest import Manifest
from tonfall.corpora.preparation import prepare
from tonfall.corpora.registry import CORPORA, OWN_LAYOUTS
from tonfall.corpora.rows import own_name
from tonfall.errors import ManifestError

__all__ = ["DATA_VARIABLE", "MANIFESTS", "Places", "data_folders", "open_corpora", "read_places"]

DATA_VARIABLE = "TONFALL_DATA"
"""Environment variable with folders of releases, parted as in PATH; each holds CORPUS/."""

MANIFESTS = Path("manifests")
"""Where manifests are written and looked for by name."""

_BESIDE = Path("../shared/data")

Places = Mapping[str, Path]
"""Corpus name to its manifest, or to the folder of its release."""

Progress = Callable[[int, int], object]


def read_places(given: Sequence[str], *, prepared: Path = MANIFESTS) -> Places:
    """Every corpus that can be found, and where.

    In order: what is given, manifests prepared here, releases in $TONFALL_DATA, and releases in
    ``../shared/data``.

    Args:
        given: ``CORPUS=PLACE``, with any name for a table or folder of one's own; or the path of a
            manifest or table alone.
        prepared: folder of manifests (.parquet), of known corpora or one's own.

    Raises:
        ManifestError: a place that is given is not there, or a corpus is given twice.

    >>> read_places([], prepared=Path("no-such-folder")) is not None
    True
    """
    places = dict(_given(text) for text in given)
    if len(places) < len(given):
        raise ManifestError("A corpus is given twice with --data. Give each corpus once.")
    for name, place in (*_prepared(prepared), *_releases()):
        places.setdefault(name, place)
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
    """The corpus that a manifest or a table of one's own is of."""
    if not _is_manifest(path):
        return own_name(path.stem if path.is_file() else path.resolve().name)
    names = sorted(set(Manifest.read(path).frame["corpus"].dropna()))
    if len(names) != 1:
        raise ManifestError(
            f"{path}: holds the corpora {', '.join(names) or 'none'}, expected one. "
            "Give a manifest for each corpus."
        )
    return str(names[0])


def _prepared(folder: Path) -> Iterator[tuple[str, Path]]:
    """Manifests in a folder by the corpus they are of; its file's name where that is not one."""
    for path in sorted(folder.glob("*.parquet")):
        if path.stem in set(CORPORA) - OWN_LAYOUTS:
            yield path.stem, path
            continue
        try:
            yield _only_corpus(path), path
        except ManifestError:
            yield path.stem, path  # said in full once somebody asks for it


def data_folders() -> list[Path]:
    """Folders that may hold releases, each in a folder of its corpus's name."""
    named = [Path(part) for part in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if part]
    return [*named, _BESIDE]


def _releases() -> Iterator[tuple[str, Path]]:
    """Releases of known corpora at hand."""
    for name in CORPORA:
        for folder in data_folders():
            if (folder / name).exists():
                yield name, folder / name


def _open(name: str, places: Places, progress: Progress | None) -> Manifest:
    if name not in places:
        raise ManifestError(
            f"The corpus {name} is not at hand. Give --data {name}=FOLDER, or a manifest or table "
            f"of your own, prepare it with 'tonfall data prepare', or name a folder that holds "
            f"{name}/ in ${DATA_VARIABLE}."
        )
    place = places[name]
    if _is_manifest(place):
        return _checked(name, place, Manifest.read(place))
    if name in CORPORA and name not in OWN_LAYOUTS and place.suffix != ".csv":
        return prepare(name, place, silence=False, progress=progress)[0]
    manifest, _ = prepare(_layout(place), place, silence=False, progress=progress)
    return _named(name, place, manifest)


def _checked(name: str, place: Path, manifest: Manifest) -> Manifest:
    found = sorted(set(manifest.frame["corpus"].dropna()))
    if found != [name]:
        raise ManifestError(
            f"{place}: is a manifest of {', '.join(found) or 'nothing'}, expected {name}. "
            "Give each corpus its own."
        )
    return manifest


def _named(name: str, place: Path, manifest: Manifest) -> Manifest:
    """One's own recordings under the name that they were given."""
    found = sorted(set(manifest.frame["corpus"].dropna()))
    if len(found) > 1:
        raise ManifestError(
            f"{place}: its column corpus names {', '.join(found)}, expected one corpus. "
            "Make a table of each."
        )
    corpus = manifest.frame["corpus"].where(manifest.frame["corpus"].isna(), name)
    return Manifest(manifest.frame.assign(corpus=corpus.fillna(name)), manifest.root)


def _is_manifest(place: Path) -> bool:
    """A table that Tonfall wrote, and not one of somebody's own."""
    if place.suffix == ".csv":
        return place.is_file() and set(COLUMNS) <= set(_header(place))
    if place.suffix == ".parquet":
        return True
    return (place / "db.yaml").is_file() and any(place.glob("db.items.*"))


def _header(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().strip().split(",")


def _layout(place: Path) -> str:
    """Which of the layouts of one's own recordings a place has."""
    if place.suffix == ".csv" or place.is_file():
        return "csv"
    if (place / "db.yaml").is_file():
        return "audformat"
    tables = ("metadata.csv", "metadata.jsonl", "*.arrow", "*.parquet")
    if any(next(place.rglob(table), None) for table in tables):
        return "huggingface"
    return "folders"
