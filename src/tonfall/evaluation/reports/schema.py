"""What a report holds: the one description of its JSON, for writing, reading and the docs."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tonfall.errors import ProtocolError
from tonfall.parsing import read_json

__all__ = [
    "SCHEMA_VERSION",
    "Alarm",
    "Bin",
    "ClassEntry",
    "CoveragePoint",
    "Data",
    "Figure",
    "FoldEntry",
    "Group",
    "Items",
    "Mistake",
    "ModelEntry",
    "ProtocolEntry",
    "Report",
    "SharedEntry",
    "read_report",
    "write_report",
]

SCHEMA_VERSION = 1
"""Version of a report's keys; a newer one is refused."""


def _known(value: object) -> object:
    """JSON has no NaN: what is undefined is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_known)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Entry):
    """A figure with its 95 % interval over speakers; null where it is undefined."""

    value: Number
    low: Number = None
    high: Number = None


class ModelEntry(_Entry):
    """What was measured."""

    name: str
    kind: str = Field(description="bundle, recipe, predictions, callable or baseline")
    hash: str = Field(description="SHA-256 of what defines the model; empty where there is none")
    trained_on: list[str] = Field(description="corpora heard before the protocol began")
    details: dict[str, str]

    @property
    def title(self) -> str:
        """The name, with the kind where a bundle and its recipe share it."""
        return f"{self.name} ({self.kind})" if self.kind in ("bundle", "recipe") else self.name


class ProtocolEntry(_Entry):
    """What it was measured by."""

    name: str
    version: int
    hash: str = Field(description="SHA-256 of labels, label map and folds")
    corpora: list[str]
    labels: list[str] = Field(description="the label space, in the order of all tables here")
    merge: dict[str, str]
    drop: list[str]
    keep: list[str]


class SharedEntry(_Entry):
    """What a fold's test part shares with its train or development part."""

    fold: str
    kind: Literal["speaker", "sentence", "session", "recording"]
    test: int = Field(description="how many the test part has; 0 where none is known")
    shared: int = Field(description="how many of these were heard before")


class Data(_Entry):
    """The test items."""

    items: int
    speakers: int = Field(description="items of unknown speaker count as one speaker each")
    hours: Number
    hash: str = Field(description="SHA-256 of the items' names and contents")
    silent: list[str] = Field(
        default=[], description="clips of the protocol without any sound, which were left out"
    )


class FoldEntry(_Entry):
    """One fold."""

    fold: str
    items: int
    speakers: int
    ua: Figure


class ClassEntry(_Entry):
    """One class."""

    label: str
    support: int
    precision: Number
    recall: Figure
    f1: Number


class Group(_Entry):
    """The items of one sex, age band, language, corpus or speaker."""

    name: str
    items: int
    speakers: int
    ua: Figure
    anger: Figure = Field(description="recall of anger; null where the group has none")


class Bin(_Entry):
    """One bin (lower, upper] of the reliability diagram."""

    lower: float
    upper: float
    count: int
    confidence: Number
    accuracy: Number


class CoveragePoint(_Entry):
    """Share of wrong labels among the items at least as sure as the threshold."""

    threshold: float
    coverage: float
    risk: float


class Alarm(_Entry):
    """Anger found at a bearable number of false alarms."""

    per_hour: float = Field(description="false alarms an hour of other speech that are borne")
    threshold: Number = Field(description="lowest probability of anger that is an alarm")
    recall: Figure
    false_alarms_per_hour: Number = Field(description="the rate reached")


class Mistake(_Entry):
    """A wrong label, given with confidence."""

    item: str
    truth: str
    prediction: str
    confidence: float
    file: str | None
    start: Number
    end: Number


class Items(_Entry):
    """Every test item, column by column, so that anyone can score again."""

    item: list[str]
    fold: list[str]
    corpus: list[str]
    speaker: list[str | None]
    duration: list[Number]
    truth: list[str]
    probabilities: list[list[float]]
    true_dimensions: dict[str, list[Number]]
    dimensions: dict[str, list[Number]]


class Report(_Entry):
    """Everything that was measured of one model under one protocol and condition."""

    schema_version: Literal[1] = 1
    tonfall: str = Field(description="version that made the report")
    created: str | None = Field(
        default=None,
        description="when it was made, UTC, as 2026-11-26T10:00:00Z; null where not recorded",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
    )
    command: str = Field(description="what makes it again")
    condition: str = Field(description="clean, or what the test audio went through")
    model: ModelEntry
    protocol: ProtocolEntry
    data: Data
    warnings: list[str] = Field(description="why the figures flatter; shown in red")
    notes: list[str]
    shared: list[SharedEntry]
    headline: str = Field(description="name of the figure that stands for all")
    figures: dict[str, Figure]
    folds: list[FoldEntry]
    classes: list[ClassEntry]
    confusion: list[list[int]] = Field(description="items by true (row) and given label (column)")
    groups: dict[str, list[Group]]
    reliability: list[Bin]
    risk_coverage: list[CoveragePoint]
    alarms: list[Alarm]
    mistakes: list[Mistake]
    items: Items


def write_report(report: Report, path: Path) -> None:
    """Write the report as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.replace(path)


def read_report(path: Path) -> Report:
    """Read a report, from JSON or from JSON that gzip packed.

    Raises:
        ProtocolError: no such file, no JSON, a newer schema, or keys that do not fit.
    """
    if not path.is_file():
        raise ProtocolError(f"{path}: no such report. Make one with 'tonfall evaluate'.")
    try:
        content = read_json(_unpacked(path))
    except (ValueError, OSError, EOFError) as error:
        raise ProtocolError(
            f"{path}: is no report, expected JSON of 'tonfall evaluate'."
        ) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise ProtocolError(
            f"{path}: has report schema {version}, but this Tonfall reads up to {SCHEMA_VERSION}. "
            "Update Tonfall, or check that the file is a report."
        )
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ProtocolError(f"{path}: {place} does not fit a report: {first['msg']}.") from error


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw
