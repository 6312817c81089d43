"""Corpora are found where they are given, prepared, or kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tonfall.corpora import DATA_VARIABLE, Manifest, open_corpora, prepare, read_places
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with nothing beside it."""
    folder = tmp_path / "work" / "here"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return folder


@pytest.fixture
def savee(tmp_path: Path, clip: Clip) -> Path:
    clip(tmp_path / "releases" / "savee" / "DC" / "a01.wav")
    return tmp_path / "releases" / "savee"


@pytest.fixture
def manifest(tmp_path: Path, savee: Path) -> Path:
    path = tmp_path / "savee.parquet"
    prepare("savee", savee, partial=True)[0].write(path)
    return path


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert read_places([], prepared=Path("manifests")) == {}


def test_what_is_given_goes_before_what_is_prepared_or_kept(
    savee: Path, manifest: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(savee.parent))
    assert read_places([], prepared=elsewhere)["savee"] == savee
    Manifest.read(manifest).write(elsewhere / "savee.parquet")
    assert read_places([], prepared=elsewhere)["savee"] == elsewhere / "savee.parquet"
    assert read_places([f"savee={manifest}"], prepared=elsewhere)["savee"] == manifest


def test_a_folder_of_releases_beside_the_working_folder_is_looked_into(
    tmp_path: Path, clip: Clip
) -> None:
    clip(tmp_path / "work" / "shared" / "data" / "savee" / "DC" / "a01.wav")
    assert read_places([], prepared=Path("manifests"))["savee"] == Path("../shared/data/savee")


def test_a_manifest_alone_says_which_corpus_it_is(manifest: Path) -> None:
    places = read_places([str(manifest)], prepared=Path("manifests"))
    assert places == {"savee": manifest}
    (opened,) = open_corpora(["savee"], places)
    assert opened.frame["item"].tolist() == ["DC_a01"]


def test_a_release_is_prepared_and_must_be_complete(savee: Path) -> None:
    places = read_places([f"savee={savee}"], prepared=Path("manifests"))
    with pytest.raises(ManifestError, match="items of SAVEE found: 1, released: 480"):
        open_corpora(["savee"], places)


def test_an_absent_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="nowhere: no such manifest or folder"):
        read_places(["savee=nowhere"], prepared=tmp_path)


def test_a_corpus_given_twice_is_refused(savee: Path, manifest: Path) -> None:
    with pytest.raises(ManifestError, match="given twice"):
        read_places([f"savee={savee}", str(manifest)], prepared=Path("manifests"))


def test_a_corpus_that_is_not_at_hand_is_named_with_the_ways_to_give_it() -> None:
    with pytest.raises(ManifestError, match=r"Give --data emodb=FOLDER.*\$TONFALL_DATA"):
        open_corpora(["emodb"], {})


def test_a_manifest_of_another_corpus_is_refused(manifest: Path) -> None:
    with pytest.raises(ManifestError, match="is a manifest of savee, expected emodb"):
        open_corpora(["emodb"], {"emodb": manifest})
