"""Protocols on disk: a YAML head, and a CSV table beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.protocols.protocol import Protocol, Shared
from tonfall.parsing import read_yaml

__all__ = ["SCHEMA_VERSION", "read_protocol", "write_protocol"]

SCHEMA_VERSION = 1
"""Version of the head's keys; a newer one is refused."""


def write_protocol(protocol: Protocol, path: Path) -> None:
    """Write the head to ``path`` (ending .yaml) and the table to a .csv of the same name."""
    head = {
        "schema": SCHEMA_VERSION,
        "name": protocol.name,
        "version": protocol.version,
        "hash": protocol.hash,
        "corpora": list(protocol.corpora),
        "labels": list(protocol.labels),
        "merge": dict(protocol.label_map.merge),
        "drop": sorted(protocol.label_map.drop),
        "keep": sorted(protocol.label_map.keep),
        "notes": list(protocol.notes),
        **({"heard": dict(protocol.heard)} if protocol.heard else {}),
        "shared": [asdict(entry) for entry in protocol.shared],
        "table": path.with_suffix(".csv").name,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    protocol.table.to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")
    path.write_text(yaml.safe_dump(head, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_protocol(path: Path) -> Protocol:
    """Read a head and its table, and check the hash.

    Raises:
        ProtocolError: no such file, a newer schema, a key is missing, or the content is not what
            the hash says.
    """
    head = _head(path)
    try:
        protocol = _protocol(head, _table(path.parent / str(head["table"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(
            f"{path}: is no protocol's head ({error} is missing or wrong). "
            "Write it with 'tonfall protocols --write'."
        ) from error
    if protocol.hash != head.get("hash"):
        raise ProtocolError(
            f"{path}: the content's hash is {protocol.hash[:12]}, but the head says "
            f"{str(head.get('hash'))[:12]}. Someone changed it: get it again, or make a new one."
        )
    return protocol


def _head(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ProtocolError(f"{path}: no such protocol. See 'tonfall protocols' for their names.")
    try:
        head = read_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ProtocolError(f"{path}: is not YAML, expected a protocol's head.") from error
    version = head.get("schema") if isinstance(head, dict) else None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise ProtocolError(
            f"{path}: has schema {version}, but this Tonfall reads up to {SCHEMA_VERSION}. "
            "Update Tonfall, or check that the file is a protocol's head."
        )
    return dict(head)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ProtocolError(f"{path}: no such table, expected it beside the protocol's head.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != ["item", "fold", "part"]:
        raise ProtocolError(
            f"{path}: has the columns {', '.join(table.columns)}, expected item, fold, part."
        )
    return table


def _protocol(head: Mapping[str, Any], table: pd.DataFrame) -> Protocol:
    return Protocol(
        name=head["name"],
        corpora=tuple(head["corpora"]),
        labels=tuple(head["labels"]),
        label_map=LabelMap(
            merge=dict(head["merge"]), drop=tuple(head["drop"]), keep=tuple(head["keep"])
        ),
        table=table,
        shared=tuple(Shared(**entry) for entry in head["shared"]),
        version=head["version"],
        notes=tuple(head["notes"]),
        heard=dict(head.get("heard", {})),
    )
