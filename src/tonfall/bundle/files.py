"""Reading, verifying and writing a bundle: a folder of bundle.json, model.onnx and card.md."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from tonfall.bundle.graph import check_self_contained
from tonfall.bundle.schema import SCHEMA_VERSION, BundleSpec
from tonfall.errors import BundleError
from tonfall.parsing import read_json

__all__ = ["Bundle", "bundled_models", "check_target", "find_bundle", "read_bundle", "write_bundle"]

SPEC_FILE = "bundle.json"
MODEL_FILE = "model.onnx"
CARD_FILE = "card.md"
_SHIPPED = Path(__file__).resolve().parent.parent / "bundles"


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes:
        folder: where it lies.
        spec: what bundle.json says.
        hash: SHA-256 over bundle.json, which names the hash of every other file.
    """

    folder: Path
    spec: BundleSpec
    hash: str

    @property
    def model(self) -> Path:
        """The ONNX graph."""
        return self.folder / MODEL_FILE

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return (self.folder / CARD_FILE).read_text(encoding="utf-8")


def bundled_models() -> tuple[str, ...]:
    """Names of the models that are installed with Tonfall."""
    return tuple(sorted(path.parent.name for path in _SHIPPED.glob(f"*/{SPEC_FILE}")))


def find_bundle(name: str | Path) -> Path:
    """Folder of a bundled model by its name, or the folder that was named.

    Raises:
        BundleError: neither a bundled model nor a folder.
    """
    if str(name) in bundled_models():
        return _SHIPPED / str(name)
    if isinstance(name, str | os.PathLike) and Path(name).is_dir():
        return Path(name)
    raise BundleError(
        f"{str(name)!r} is neither a bundled model ({', '.join(bundled_models())}) nor a folder "
        "with a bundle; name one of these."
    )


def read_bundle(name: str | Path) -> Bundle:
    """Read a bundle and check that every file is there and unaltered.

    Args:
        name: a bundled model ("medium", "small") or a folder.

    Raises:
        BundleError: a file is missing or altered, the schema is newer, the content invalid, or the
            graph takes data from other files.
    """
    folder = find_bundle(name)
    raw = _read(folder / SPEC_FILE)
    spec = _parse(folder, raw)
    for required in (MODEL_FILE, CARD_FILE):
        if required not in spec.files:
            raise BundleError(f"{folder}: {SPEC_FILE} gives no hash for {required}; export anew.")
    contents = {file: _verified(folder, file, expected) for file, expected in spec.files.items()}
    check_self_contained(contents[MODEL_FILE], name=str(folder / MODEL_FILE))
    return Bundle(folder=folder, spec=spec, hash=_sha256(raw))


def check_target(folder: Path) -> None:
    """Refuse a place for a bundle that holds anything else, because it would be replaced whole.

    Raises:
        BundleError: a file, or a folder that holds something but no bundle.
    """
    if folder.exists() and not folder.is_dir():
        raise BundleError(f"{folder}: it is a file, but a bundle is a folder; name another place.")
    if folder.exists() and any(folder.iterdir()) and not (folder / SPEC_FILE).exists():
        raise BundleError(
            f"{folder}: it holds files and no bundle, and would be replaced whole; name a new "
            "folder, or one with a bundle that may be replaced."
        )


def write_bundle(
    folder: Path,
    *,
    spec: BundleSpec,
    model: bytes,
    card: str,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> Bundle:
    """Write a bundle whole or not at all; an older one under that name is replaced.

    Args:
        folder: of the bundle.
        spec: ``spec.files`` is filled in here.
        model: the ONNX graph.
        card: Markdown.
        files: what else lies in it, by name; hashed as the others are.

    Raises:
        BundleError: the graph is none, or takes data from other files, or the folder holds what
            is no bundle's; nothing is written then.
    """
    check_target(folder)
    check_self_contained(model, name=MODEL_FILE)
    contents = {MODEL_FILE: model, CARD_FILE: card.encode(), **files}
    complete = spec.model_copy(update={"files": {k: _sha256(v) for k, v in contents.items()}})
    # So that a bundle without a site's prior reads as it did before there was one.
    absent = None if complete.site else {"site"}
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for file, content in contents.items():
            (partial / file).write_bytes(content)
        text = json.dumps(
            complete.model_dump(mode="json", exclude=absent), indent=1, ensure_ascii=False
        )
        (partial / SPEC_FILE).write_text(text + "\n", encoding="utf-8")
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_bundle(folder)


def _parse(folder: Path, raw: bytes) -> BundleSpec:
    try:
        content = read_json(raw)
        version = int(content["schema_version"])
    except (ValueError, KeyError, TypeError, OverflowError):
        raise BundleError(
            f"{folder / SPEC_FILE}: not a bundle's description (JSON with a schema_version); "
            "export the model again."
        ) from None
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{folder}: the bundle has schema version {version}, but this Tonfall reads up to "
            f"{SCHEMA_VERSION}; install a newer Tonfall."
        )
    try:
        return BundleSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "content"
        raise BundleError(
            f"{folder / SPEC_FILE}: {place}: {first['msg']}; export the model again."
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); a bundle is a folder with {SPEC_FILE}, "
            f"{MODEL_FILE} and {CARD_FILE}."
        ) from None


def _verified(folder: Path, file: str, expected: str) -> bytes:
    """A file's content, once it is what the description says."""
    if file in ("", "..") or Path(file).name != file:
        raise BundleError(f"{folder}: {SPEC_FILE} names {file!r}, which is outside the bundle.")
    content = _read(folder / file)
    found = _sha256(content)
    if found != expected:
        raise BundleError(
            f"{folder / file}: SHA-256 is {found[:12]}..., but {SPEC_FILE} says "
            f"{expected[:12]}...; the file was altered, so get the bundle again."
        )
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
