"""The readers on real releases' audio; counts as published."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tonfall.corpora import Kind, Manifest, Report, prepare

PUBLISHED = {
    "ravdess": (1440, 24, 1.480),
    "emodb": (535, 10, 0.413),
    "nemo": (4481, 9, 3.073),
    "emovo": (588, 6, 0.510),
    "ased": (2474, 65, 2.106),
    "baved": (1935, 59, 0.888),
}
CLASSES = {
    "ravdess": [192] * 7 + [96],
    "emodb": [127, 81, 79, 71, 69, 62, 46],
    "nemo": [809, 769, 749, 749, 736, 669],
    "emovo": [84] * 7,
    "ased": [522, 510, 486, 486, 470],
    "baved": [678, 672, 585],
}
# Pairs of identical sound, as the corpora's own copies have them.
DUPLICATES = {"ravdess": 1, "emodb": 0, "nemo": 0, "emovo": 0, "ased": 4, "baved": 27}


@pytest.fixture(scope="module", params=PUBLISHED)
def prepared(request: pytest.FixtureRequest, shared: Path) -> tuple[Manifest, Report]:
    return prepare(request.param, shared / "data" / request.param)


def test_items_speakers_and_hours_are_the_published_ones(
    prepared: tuple[Manifest, Report],
) -> None:
    manifest, report = prepared
    items, speakers, hours = PUBLISHED[report.corpus.name]
    assert (report.items, report.speakers) == (items, speakers)
    assert report.hours == pytest.approx(hours, abs=6e-4)
    assert len(manifest) == items
    assert manifest.frame["item"].is_unique


def test_classes_have_the_published_counts(prepared: tuple[Manifest, Report]) -> None:
    manifest, report = prepared
    assert sorted(report.labels.values(), reverse=True) == CLASSES[report.corpus.name]
    labels = manifest.frame["label"].dropna()
    unlabelled = report.corpus.name == "baved"
    assert len(labels) == (0 if unlabelled else report.items)


def test_identical_recordings_are_found_and_nothing_else_is_wrong(
    prepared: tuple[Manifest, Report],
) -> None:
    _, report = prepared
    kinds = [problem.kind for problem in report.problems]
    assert kinds == [Kind.DUPLICATE] * DUPLICATES[report.corpus.name]
    assert report.left_out == ()


def test_labels_agree_with_the_tables_beside_the_audio(
    prepared: tuple[Manifest, Report],
) -> None:
    """Each folder carries a table decoded by others; its columns that we also have must agree."""
    manifest, report = prepared
    theirs = pd.read_csv(manifest.root / "labels.csv", dtype=str).set_index("file")
    ours = manifest.frame.set_index("file").loc[theirs.index]
    if "emotion" in theirs:
        assert (ours["label"] == theirs["emotion"]).all()
    known = ours["sex"].notna()
    sex = theirs["gender"].map({"f": "female", "m": "male"})
    assert (ours["sex"] == sex)[known].all()
    if "age" in theirs:
        assert (ours["age"] == theirs["age"].astype(float)).all()
    if "text" in theirs and report.corpus.name == "nemo":
        assert (ours["text"] == theirs["text"]).all()
    moved = {"53": "46"} if report.corpus.name == "baved" else {}
    assert (ours["speaker"] == theirs["speaker"].replace(moved)).all()


def test_oddities_of_the_releases_are_reported(shared: Path) -> None:
    _, ased = prepare("ased", shared / "data" / "ased")
    assert ased.oddities == (
        "Speakers 09, 15, 21, 23, 25 occur with both sexes; their sex is left unknown.",
    )
    _, baved = prepare("baved", shared / "data" / "baved")
    assert baved.oddities == (
        "Speaker 53 shares recordings with 46 and counts as 46.",
        "In another word's folder than the name says: 49-m-23-6-1-201.",
    )


def test_manifest_of_real_audio_survives_parquet_and_csv(
    prepared: tuple[Manifest, Report], tmp_path: Path
) -> None:
    manifest, _ = prepared
    for ending in ("parquet", "csv"):
        manifest.write(tmp_path / f"corpus.{ending}")
        again = Manifest.read(tmp_path / f"corpus.{ending}")
        columns = manifest.frame.columns.drop(["file", "video"])
        assert again.frame[columns].equals(manifest.frame[columns])
        assert again.paths[0] is not None
        assert again.paths[0].is_file()


PROTOCOLS = {
    "ravdess": "ravdess.csv.gz",
    "emodb": "emodb.csv",
    "emovo": "emovo.csv",
    "ased": "ased.csv",
}


def test_items_are_those_of_the_published_folds(
    prepared: tuple[Manifest, Report], shared: Path
) -> None:
    manifest, report = prepared
    if report.corpus.name not in PROTOCOLS:
        pytest.skip("EmoBox has no folds of this corpus")
    folds = pd.read_csv(shared / "protocols" / "emobox" / PROTOCOLS[report.corpus.name], dtype=str)
    assert set(folds["item"]) == set(manifest.frame["item"])
    ours = manifest.frame.set_index("item")["speaker"]
    assert ours[folds["item"]].tolist() == folds["speaker"].tolist()
