"""The table itself: columns, reading, writing, validating."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonfall.corpora import COLUMNS, Kind, Manifest
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]
ENDINGS = ("m.parquet", "m.csv", "database")


def manifest(root: Path, **columns: object) -> Manifest:
    return Manifest.from_frame(pd.DataFrame(columns), root=root)


DESIGNED = """item file start end corpus speaker sex age language session sentence text split label
label_original votes arousal valence dominance intensity acted duration sampling_rate hash video"""


def test_columns_are_those_of_the_design() -> None:
    assert " ".join(COLUMNS) == " ".join(DESIGNED.splitlines())


def test_absent_columns_are_unknown(tmp_path: Path) -> None:
    frame = manifest(tmp_path, item=["a"]).frame
    assert tuple(frame.columns) == COLUMNS
    assert frame.drop(columns="item").isna().all(axis=None)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_row_survives_every_format(tmp_path: Path, name: str) -> None:
    before = manifest(
        tmp_path,
        item=["a", "b"],
        file=["clips/a.wav", None],
        start=[0.0, 1.25],
        end=[None, 2.5],
        corpus=["one", "one"],
        speaker=["01", "02"],
        text=['He said, "no".\nThen äöü', None],
        label=["anger", None],
        votes=[{"anger": 2.0, "neutral": 1.0}, {}],
        age=[31, None],
        acted=[True, None],
        sampling_rate=[16_000, None],
        video=["a.mp4#t=1,2", None],
    )
    before.write(tmp_path / "deeper" / name)
    after = Manifest.read(tmp_path / "deeper" / name)
    same = [column for column in COLUMNS if column not in ("file", "video")]
    pd.testing.assert_frame_equal(after.frame[same], before.frame[same])
    assert after.paths[0] is not None
    assert after.paths[0].resolve() == (tmp_path / "clips" / "a.wav").resolve()
    assert after.paths[1] is None


texts = st.none() | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1
).filter(str.strip)
numbers = st.none() | st.floats(0, 1, width=32)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "text": texts,
            "speaker": texts,
            "arousal": numbers,
            "acted": st.none() | st.booleans(),
            "votes": st.none()
            | st.dictionaries(st.sampled_from(["anger", "fear"]), st.integers(1, 9).map(float)),
        }
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=rows)
@pytest.mark.parametrize("name", ENDINGS)
def test_any_row_survives_every_format(tmp_path: Path, name: str, said: list[dict]) -> None:
    frame = pd.DataFrame(said).assign(item=[str(index) for index in range(len(said))])
    before = Manifest.from_frame(frame, root=tmp_path)
    before.write(tmp_path / name)
    pd.testing.assert_frame_equal(Manifest.read(tmp_path / name).frame, before.frame)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_audformat_itself_reads_our_database(tmp_path: Path) -> None:
    manifest(
        tmp_path,
        item=["a", "b"],
        file=["a.wav", "a.wav"],
        start=[0.0, 1.5],
        end=[1.5, None],
        label=["anger", "fear"],
        language=["de", "de"],
        votes=[{"anger": 2.0}, None],
    ).write(tmp_path / "database")
    database = audformat.Database.load(str(tmp_path / "database"), load_data=True)
    table = database["items"]
    assert table.is_segmented
    assert table.index.get_level_values("start").total_seconds().tolist() == [0.0, 1.5]
    assert table["label"].get().tolist() == ["anger", "fear"]
    assert database.languages == ["deu"]


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(
        pa.table({"item": ["a"]}).replace_schema_metadata({"tonfall.manifest": "99"}), path
    )
    with pytest.raises(ManifestError, match="manifest of version 99, but this Tonfall reads up to"):
        Manifest.read(path)


def test_a_newer_audformat_manifest_is_refused(tmp_path: Path) -> None:
    manifest(tmp_path, item=["a"], file=["a.wav"], start=[0.0]).write(tmp_path / "database")
    header = tmp_path / "database" / "db.yaml"
    header.write_text(header.read_text().replace("tonfall.manifest: 1", "tonfall.manifest: 2"))
    with pytest.raises(ManifestError, match="manifest of version 2"):
        Manifest.read(tmp_path / "database")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.parquet", b"no parquet", "is no Parquet table"),
        ("m.csv", b"item,file,colour\na,b,red\n", "has the columns colour, but a manifest's are"),
        ("m.csv", b"file\na.wav\n", "every row needs an item"),
        ("m.csv", b"item,age\na,old\n", "column 'age' does not fit"),
        ("m.csv", b"item,acted\na,perhaps\n", "'perhaps' is neither true nor false"),
        ("m.csv", b"item,votes\na,three\n", "votes are 'three', expected JSON"),
        ("m.csv", b"", "is no CSV table"),
        ("m.csv", b"item,file\na,b\na,b,c,d\n", r"is no CSV table \([^\n]*\); write it anew\.$"),
        ("m.csv", "item,speaker\na,Jürgen\n".encode("latin-1"), "its text is not UTF-8; save it"),
        ("m.xlsx", b"", "the ending '.xlsx' is unknown, expected .parquet or .csv"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        Manifest.read(tmp_path / name)


def test_a_parquet_table_of_others_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item": ["a"]}), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match="carries no manifest version"):
        Manifest.read(tmp_path / "m.parquet")


def test_missing_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest"):
        Manifest.read(tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match=r"expected db\.yaml"):
        Manifest.read(tmp_path)


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.parquet"
    manifest(tmp_path, item=["old"]).write(path)

    def torn(table: object, part: Path, **options: object) -> None:
        part.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", torn)
    with pytest.raises(ManifestError, match=r"cannot be written .disk full"):
        manifest(tmp_path, item=["new"]).write(path)
    assert Manifest.read(path).frame["item"].tolist() == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.parquet"]


def test_select_takes_items_in_the_order_asked(tmp_path: Path) -> None:
    table = manifest(tmp_path, item=["a", "b", "c"])
    assert table.select(["c", "a"]).frame["item"].tolist() == ["c", "a"]
    with pytest.raises(ManifestError, match="has no item 'x'"):
        table.select(["a", "x"])


def test_validation_lists_everything_and_drops_nothing(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "good.wav")
    (tmp_path / "torn.wav").write_bytes((tmp_path / "good.wav").read_bytes()[:600])
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    table = manifest(
        tmp_path,
        item=["good", "torn", "empty", "gone", "late", "back", "mad", "lone", "lone"],
        file=[
            "good.wav",
            "torn.wav",
            "empty.wav",
            "gone.wav",
            "good.wav",
            "good.wav",
            "good.wav",
            None,
            None,
        ],
        start=[0.0, 0.0, 0.0, 0.0, 0.0, 0.04, 0.01, None, None],
        end=[None, None, None, None, 9.0, 0.01, 0.02, None, None],
        label=["anger"] * 6 + ["joy"] + [None] * 2,
        speaker=["1"] * 8 + [None],
        hash=["x"] * 7 + [None] * 2,
    )
    found = {(problem.item, problem.kind) for problem in table.validate()}
    assert found == {
        ("torn", Kind.FILE),
        ("empty", Kind.FILE),
        ("gone", Kind.FILE),
        ("late", Kind.DURATION),
        ("back", Kind.DURATION),
        ("mad", Kind.LABEL),
        ("lone", Kind.ITEM),
        ("lone", Kind.SPEAKER),
        ("torn", Kind.DUPLICATE),
        ("empty", Kind.DUPLICATE),
        ("gone", Kind.DUPLICATE),
    }
    assert len(table) == 9


def test_the_same_item_in_two_corpora_is_no_problem(tmp_path: Path) -> None:
    table = manifest(tmp_path, item=["a", "a"], corpus=["one", "two"], speaker=["1", "1"])
    assert table.validate() == ()
