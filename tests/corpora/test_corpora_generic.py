"""One's own data: CSV, audformat database, folders of classes, Hugging Face folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import audformat
import av
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tonfall.corpora import Manifest, prepare
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]


def test_a_csv_with_a_few_columns_is_a_corpus(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "clips" / "a.wav")
    clip(tmp_path / "clips" / "b.flac")
    (tmp_path / "calls.csv").write_text(
        "file,label,speaker,age\nclips/a.wav,Angry,007,31\nclips/b.flac,,008,\n"
    )
    manifest, report = prepare("csv", tmp_path / "calls.csv")
    first, _ = manifest.frame.to_dict("records")
    assert (first["item"], first["corpus"], first["speaker"]) == ("clips/a", "calls", "007")
    assert (first["label"], first["label_original"], first["age"]) == ("anger", "Angry", 31)
    assert manifest.frame["label"].isna().tolist() == [False, True]
    assert report.problems == ()


def test_a_written_manifest_is_a_corpus_again(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "a.wav")
    (tmp_path / "one.csv").write_text("file,start,end,label,speaker\na.wav,0.01,0.04,fear,1\n")
    before, _ = prepare("csv", tmp_path / "one.csv")
    before.write(tmp_path / "elsewhere" / "two.csv")
    after, _ = prepare("csv", tmp_path / "elsewhere" / "two.csv")
    same = before.frame.columns.drop("file")
    pd.testing.assert_frame_equal(after.frame[same], before.frame[same])
    assert before.frame["duration"].tolist() == pytest.approx([0.03])


@pytest.mark.parametrize("parted_by", [";", "\t"])
def test_a_spreadsheet_with_decimal_commas(tmp_path: Path, clip: Clip, parted_by: str) -> None:
    clip(tmp_path / "a.wav")
    table = "file;start;end;speaker;label\na.wav;0,01;0,04;Jürgen, Köln;anger\n"
    (tmp_path / "one.csv").write_text(table.replace(";", parted_by), encoding="utf-8-sig")
    manifest, _ = prepare("csv", tmp_path / "one.csv")
    (row,) = manifest.frame.to_dict("records")
    assert (row["start"], row["end"], row["speaker"]) == (0.01, 0.04, "Jürgen, Köln")


def test_several_stretches_of_a_file_are_items_of_their_own(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "a.wav")
    (tmp_path / "one.csv").write_text("file,start,end,speaker\na.wav,0,0.02,1\na.wav,0.02,,1\n")
    manifest, _ = prepare("csv", tmp_path / "one.csv")
    assert manifest.frame["item"].tolist() == ["a@0", "a@0.02"]
    assert manifest.frame["duration"].tolist() == pytest.approx([0.02, 0.03])


def test_a_table_of_a_spreadsheet_with_absolute_paths(tmp_path: Path, clip: Clip) -> None:
    sound = clip(tmp_path / "elsewhere" / "a.wav")
    table = tmp_path / "tables" / "one.csv"
    table.parent.mkdir()
    table.write_text(f"file,speaker\n{sound},1\n", encoding="utf-8-sig")
    manifest, _ = prepare("csv", table)
    assert manifest.frame["file"].tolist() == ["../elsewhere/a.wav"]
    assert manifest.frame["corpus"].tolist() == ["one"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("label\nanger\n", "has no column 'file'"),
        ("file,label\na.wav,irate\n", "label 'irate' is unknown"),
        ("file,colour\na.wav,red\n", "has the columns colour"),
        ("file\ngone.wav\n", r"gone\.wav: there is no such file; check the path\. Mend"),
    ],
)
def test_a_bad_csv_is_refused(tmp_path: Path, clip: Clip, content: str, message: str) -> None:
    clip(tmp_path / "a.wav")
    (tmp_path / "one.csv").write_text(content)
    with pytest.raises(ManifestError, match=message):
        prepare("csv", tmp_path / "one.csv")


def test_a_folder_where_a_csv_is_expected_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file, expected a CSV table of one's own"):
        prepare("csv", tmp_path)


def test_folders_name_the_classes(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "happy" / "anna" / "1.wav")
    clip(tmp_path / "Neutral" / "1.wav")
    manifest, report = prepare("folders", tmp_path)
    assert manifest.frame["item"].tolist() == ["Neutral/1", "happy/anna/1"]
    assert manifest.frame["label"].tolist() == ["neutral", "happiness"]
    assert {problem.kind.value for problem in report.problems} == {"missing speaker"}


def test_folders_take_every_kind_of_recording_and_name_what_is_none(
    tmp_path: Path, clip: Clip
) -> None:
    wav = clip(tmp_path / "happy" / "1.wav")
    with av.open(str(tmp_path / "happy" / "2.m4a"), "w") as target:
        stream = target.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            soundfile.read(wav, dtype="float32")[0][None], "fltp", "mono"
        )
        frame.sample_rate = 16_000
        target.mux([*stream.encode(frame), *stream.encode(None)])
    (tmp_path / "happy" / "notes.docx").write_bytes(b"PK")
    manifest, report = prepare("folders", tmp_path)
    assert manifest.frame["file"].tolist() == ["happy/1.wav", "happy/2.m4a"]
    assert report.oddities == (
        "Files that are no recordings by their endings: 1, such as happy/notes.docx.",
    )


def test_a_folder_that_is_no_class_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "batch1" / "1.wav")
    with pytest.raises(ManifestError, match="label 'batch1' is unknown"):
        prepare("folders", tmp_path)


def audformat_database(root: Path, clip: Clip, storage: str) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        clip(root / "audio" / name)
    database = audformat.Database("studio", languages=["deu"], source="test")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "happy"])
    database.schemes["arousal"] = audformat.Scheme("float", minimum=1, maximum=5)
    database.schemes["speaker"] = audformat.Scheme(
        labels={"3": {"gender": "male", "age": 31}, "8": {"gender": "female"}}
    )
    database.schemes["transcription"] = audformat.Scheme(labels={"x": "Heute.", "y": "Morgen."})
    database.splits["train"] = audformat.Split("train")
    files = audformat.filewise_index(["audio/a.wav", "audio/b.wav", "audio/c.wav"])
    database["files"] = audformat.Table(files)
    database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["files"]["speaker"].set(["3", "8", "8"])
    database["files"]["transcription"] = audformat.Column(scheme_id="transcription")
    database["files"]["transcription"].set(["x", "y", "y"])
    index = audformat.segmented_index(
        ["audio/a.wav", "audio/b.wav"], ["0s", "0.01s"], ["0.03s", pd.NaT]
    )
    database["emotion"] = audformat.Table(index, split_id="train")
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["anger", "happy"])
    database["emotion"]["arousal"] = audformat.Column(scheme_id="arousal")
    database["emotion"]["arousal"].set([5.0, 2.0])
    database.save(str(root), storage_format=storage)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_an_audformat_database_with_its_schemes(tmp_path: Path, clip: Clip, storage: str) -> None:
    audformat_database(tmp_path, clip, storage)
    manifest, report = prepare("audformat", tmp_path)
    first, second = manifest.frame.to_dict("records")
    assert (first["corpus"], first["label"], second["label"]) == ("studio", "anger", "happiness")
    assert (first["arousal"], second["arousal"]) == (1.0, 0.25)
    assert (first["speaker"], first["sex"], first["age"]) == ("3", "male", 31)
    assert (second["sex"], second["text"], second["split"]) == ("female", "Morgen.", "train")
    assert (second["start"], second["duration"]) == (0.01, pytest.approx(0.04))
    assert report.problems == ()


def test_a_pickled_table_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "db.yaml").write_text(
        "name: x\ntables:\n  e:\n    type: filewise\n    columns: {emotion: {}}\n"
    )
    (tmp_path / "db.e.pkl").write_bytes(b"never loaded")
    with pytest.raises(ManifestError, match="Pickled tables are not opened"):
        prepare("audformat", tmp_path)


def test_dimensions_out_of_bounds_are_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "a.wav")
    (tmp_path / "db.yaml").write_text(
        "name: x\ntables:\n  e:\n    type: filewise\n    columns: {emotion: {}, arousal: {}}\n"
    )
    (tmp_path / "db.e.csv").write_text("file,emotion,arousal\na.wav,anger,4.0\n")
    with pytest.raises(ManifestError, match=r"'arousal' leaves its scheme's bounds 0\.0 to 1\.0"):
        prepare("audformat", tmp_path)


def test_a_database_that_is_no_manifest_says_how_to_prepare_it(tmp_path: Path) -> None:
    (tmp_path / "db.yaml").write_text("name: x\ntables: {}\n")
    with pytest.raises(ManifestError, match="tonfall data prepare audformat"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_an_audio_folder_with_metadata(tmp_path: Path, clip: Clip, ending: str) -> None:
    clip(tmp_path / "train" / "a.wav")
    clip(tmp_path / "validation" / "b.wav")
    for split, name in (("train", "a.wav"), ("validation", "b.wav")):
        said = {"file_name": name, "emotion": "sad", "speaker_id": "s1", "shoe_size": "44"}
        if ending == "csv":
            table = ",".join(said) + "\n" + ",".join(said.values()) + "\n"
        else:
            table = json.dumps(said) + "\n"
        (tmp_path / split / f"metadata.{ending}").write_text(table)
    manifest, _ = prepare("huggingface", tmp_path)
    frame = manifest.frame
    assert frame["item"].tolist() == ["train/a", "validation/b"]
    assert frame["split"].tolist() == ["train", "dev"]
    assert frame["label"].tolist() == ["sadness", "sadness"]
    assert frame["speaker"].tolist() == ["s1", "s1"]


FEATURES = {"audio": {"_type": "Audio"}, "emotion": {"names": ["anger", "fear"]}}


def embedded(clip: Clip, folder: Path) -> pa.Table:
    sounds = [clip(folder / "outside" / name).read_bytes() for name in ("1.wav", "2.flac")]
    return pa.table(
        {
            "audio": [{"bytes": sound, "path": None} for sound in sounds],
            "emotion": [1, 0],
            "speaker": ["a", "b"],
        }
    )


def test_parquet_shards_with_sound_inside(tmp_path: Path, clip: Clip) -> None:
    root = tmp_path / "set"
    (root / "data").mkdir(parents=True)
    table = embedded(clip, tmp_path).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    )
    pq.write_table(table, root / "data" / "test-00000-of-00001.parquet")
    manifest, _ = prepare("huggingface", root)
    frame = manifest.frame
    assert frame["label"].tolist() == ["fear", "anger"]
    assert frame["split"].tolist() == ["test", "test"]
    assert [Path(file).suffix for file in frame["file"]] == [".wav", ".flac"]
    assert all(path and path.is_file() for path in manifest.paths)
    again, _ = prepare("huggingface", root)
    assert again.frame["hash"].tolist() == frame["hash"].tolist()


def test_arrow_files_of_save_to_disk(tmp_path: Path, clip: Clip) -> None:
    root = tmp_path / "set"
    (root / "train").mkdir(parents=True)
    table = embedded(clip, tmp_path)
    path = root / "train" / "data-00000-of-00001.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (root / "train" / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    manifest, _ = prepare("huggingface", root)
    assert manifest.frame["label"].tolist() == ["fear", "anger"]
    assert manifest.frame["split"].tolist() == ["train", "train"]


def test_a_shard_without_audio_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["no sound"]}), tmp_path / "train.parquet")
    with pytest.raises(ManifestError, match="has no column of audio"):
        prepare("huggingface", tmp_path)
