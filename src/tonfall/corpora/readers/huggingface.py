"""A Hugging Face ``datasets`` folder.

Three layouts: an AudioFolder (``metadata.csv`` or ``metadata.jsonl`` with ``file_name`` beside the
clips, or a folder a class, under a folder a split), Parquet shards as on the hub, and the Arrow
files that ``save_to_disk`` leaves. Sound inside Parquet or Arrow is unpacked once into ``audio/``
in the same folder, since an item needs a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tonfall.corpora.readers import class_folders
from tonfall.corpora.readers.table import rows_of
from tonfall.corpora.rows import Reading
from tonfall.corpora.storage import replacing
from tonfall.corpora.tables import refuse_pointer
from tonfall.errors import ManifestError
from tonfall.parsing import read_json

__all__ = ["read"]

_SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}
_NAMES = {
    "emotion": "label",
    "gender": "sex",
    "speaker_id": "speaker",
    "transcription": "text",
    "sentence": "text",
    "raw_text": "text",
    **{name: name for name in ("label", "sex", "age", "speaker", "language", "text", "intensity")},
}
_MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3"}


def read(root: Path) -> Reading:
    """Rows of the folder's clips, whichever of the three layouts it has."""
    shards = sorted([*root.rglob("*.parquet"), *root.rglob("*.arrow")])
    frames = [_shard(path, root) for path in shards] or list(_audio_folder(root))
    if not frames:
        return class_folders.read(root)
    frame = pd.concat(frames, ignore_index=True)
    return Reading(rows_of(frame, root, source=str(root), corpus=root.resolve().name))


def _split(path: Path, root: Path) -> str | None:
    """The split that a file's folders or name tell."""
    words = re.split(r"[/\-_.]", path.relative_to(root).as_posix().lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def _audio_folder(root: Path) -> Iterator[pd.DataFrame]:
    """The tables of an AudioFolder; none where it has no metadata."""
    for path in sorted([*root.rglob("metadata.csv"), *root.rglob("metadata.jsonl")]):
        said = pd.read_csv(path, dtype=str) if path.suffix == ".csv" else _json_lines(path)
        if "file_name" not in said:
            raise ManifestError(f"{path}: has no column 'file_name', expected an AudioFolder.")
        files = [(path.parent / name).relative_to(root).as_posix() for name in said["file_name"]]
        splits = pd.Series([_split(root / file, root) for file in files], dtype=object)
        yield _renamed(said, {}).assign(file=files, split=splits)


def _json_lines(path: Path) -> pd.DataFrame:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return pd.DataFrame([read_json(line) for line in lines if line.strip()])
    except ValueError as error:
        raise ManifestError(f"{path}: a line is no JSON ({error}). Mend the table.") from error


def _renamed(said: pd.DataFrame, names: Mapping[str, list[str]]) -> pd.DataFrame:
    """The columns that a manifest has; class numbers as their names."""
    columns: dict[str, pd.Series[Any]] = {}
    for theirs, ours in _NAMES.items():
        if theirs in said and ours not in columns:
            known = dict(enumerate(names.get(theirs, ())))
            columns[ours] = said[theirs].map(known) if known else said[theirs]
    return pd.DataFrame(columns, index=said.index)


def _shard(path: Path, root: Path) -> pd.DataFrame:
    """One Parquet or Arrow file, its sound unpacked."""
    refuse_pointer(path)
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _arrow(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{path}: cannot be read ({error}). Fetch it again.") from error
    column = next((f.name for f in table.schema if _is_audio(f.type)), None)
    if column is None:
        raise ManifestError(f"{path}: has no column of audio (bytes, path). Check the data set.")
    files = [
        _unpacked(sound, root, f"{path.stem}-{index:06d}")
        for index, sound in enumerate(table[column].to_pylist())
    ]
    said = table.drop_columns([column]).to_pandas()
    frame = _renamed(said, _class_names(table.schema, path))
    return frame.assign(file=files, split=_split(path, root))


def _arrow(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


def _is_audio(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {"bytes", "path"} <= {field.name for field in kind}


def _unpacked(sound: Mapping[str, Any], root: Path, stem: str) -> str:
    """Path, relative to ``root``, of a clip; written unless it is there already."""
    data, path = sound["bytes"], sound["path"]
    if data is None:
        return str(path)
    ending = next((end for magic, end in _MAGIC.items() if data.startswith(magic)), None)
    target = root / "audio" / f"{stem}{ending or Path(path or '').suffix}"
    if not (target.is_file() and target.stat().st_size == len(data)):
        with replacing(target) as part:
            part.write_bytes(data)
    return target.relative_to(root).as_posix()


def _class_names(schema: pa.Schema, path: Path) -> dict[str, list[str]]:
    """Names of the classes by column, from the schema or the ``dataset_info.json`` beside."""
    stored = (schema.metadata or {}).get(b"huggingface")
    info = path.parent / "dataset_info.json"
    if stored is not None:
        features = read_json(stored).get("info", {}).get("features", {})
    elif info.is_file():
        features = read_json(info.read_text(encoding="utf-8")).get("features", {})
    else:
        features = {}
    return {name: said["names"] for name, said in features.items() if "names" in said}
