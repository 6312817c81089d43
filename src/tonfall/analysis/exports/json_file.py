"""Timelines as JSON, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.analysis.exports.text import utf8
from tonfall.errors import ConfigError
from tonfall.parsing import read_json as any_json
from tonfall.timeline import (
    SAMPLING_RATE,
    UNCLEAR,
    Features,
    Recording,
    Segment,
    Timeline,
    Turn,
    Window,
)

if TYPE_CHECKING:
    from tonfall.analysis.exports.document import TimelineDocument, TurnEntry, WindowEntry

__all__ = ["parse_json", "read_json", "timeline_schema", "write_json"]

Entry = dict[str, object]


def write_json(timeline: Timeline) -> bytes:
    """The timeline as a JSON document, one line a turn and a window; nothing is rounded."""
    from tonfall.analysis.exports.document import FORMAT, SCHEMA_VERSION

    recording = timeline.recording
    head = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "recording": {
            "file": recording.file,
            "sampling_rate": recording.sampling_rate,
            "channels": recording.channels,
            "duration": recording.samples / SAMPLING_RATE,
        },
        "model": {
            "name": timeline.model,
            "hash": timeline.model_hash,
            "labels": timeline.labels,
            "baseline": timeline.baseline,
        },
        "notes": timeline.notes,
    }
    lines = [f'"{key}": {_dumps(value)}' for key, value in head.items()]
    lines.append(_array("turns", [_turn(turn, timeline.labels) for turn in timeline.turns]))
    lines.append(_array("windows", [_window(each, timeline.labels) for each in timeline.windows]))
    return utf8("{\n" + ",\n".join(lines) + "\n}\n")


def read_json(path: str | os.PathLike[str]) -> Timeline:
    """Read a timeline that :func:`write_json` wrote.

    Raises:
        ConfigError: the file is missing, is not such a document, or was written by a newer
            Tonfall.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    return parse_json(data, source=str(path))


def parse_json(data: bytes, *, source: str = "timeline") -> Timeline:
    """The timeline in a JSON document; ``source`` names it in errors.

    Raises:
        ConfigError: as :func:`read_json`.
    """
    return _timeline(_document(_loads(data, source), source))


def timeline_schema() -> str:
    """The JSON Schema of the document, as shipped."""
    return resources.files(__package__).joinpath("timeline.schema.json").read_text("utf-8")


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _array(name: str, entries: Sequence[Entry]) -> str:
    body = ",\n".join(f"  {_dumps(entry)}" for entry in entries)
    return f'"{name}": [\n{body}\n]' if entries else f'"{name}": []'


def _turn(turn: Turn, labels: Sequence[str]) -> Entry:
    return {
        "start": turn.segment.start / SAMPLING_RATE,
        "end": turn.segment.end / SAMPLING_RATE,
        "channel": turn.channel,
        "speaker": turn.speaker,
        "label": turn.label,
        "guess": turn.guess,
        "confidence": turn.confidence,
        # An open turn has no probabilities: zip stops at once.
        "probabilities": dict(zip(labels, turn.probabilities, strict=False)),
        "arousal": turn.arousal,
        "valence": turn.valence,
        "dominance": turn.dominance,
        "short": turn.short,
        **_measured(turn.features),
    }


def _window(window: Window, labels: Sequence[str]) -> Entry:
    return {
        "start": window.segment.start / SAMPLING_RATE,
        "end": window.segment.end / SAMPLING_RATE,
        "channel": window.channel,
        "speaker": window.speaker,
        "label": window.label,
        "guess": window.guess,
        "confidence": window.confidence,
        "probabilities": dict(zip(labels, window.probabilities, strict=True)),
        "arousal": window.arousal,
        "valence": window.valence,
        "dominance": window.dominance,
        "speech_ratio": window.speech_ratio,
        "snr_db": window.snr_db,
        "heard": window.heard,
        **_measured(window.features),
    }


def _measured(features: Features | None) -> Entry:
    """Nothing where they were not asked for: the document is then what it was without them."""
    return {} if features is None else {"features": asdict(features)}


def _loads(data: bytes, source: str) -> Mapping[str, object]:
    """The JSON object in ``data``, known to be a timeline of a version that can be read."""
    from tonfall.analysis.exports.document import FORMAT, SCHEMA_VERSION

    try:
        content = any_json(data)
    except ValueError as error:
        raise ConfigError(f"{source}: is not JSON ({error}); a timeline was expected.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ConfigError(f'{source}: has no "format": "{FORMAT}"; a timeline was expected.')
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigError(
            f"{source}: has timeline schema {version}, but this Tonfall reads up to "
            f"{SCHEMA_VERSION}. Install a newer Tonfall."
        )
    return _with_guesses(content) if version == 1 else content


def _with_guesses(content: Mapping[str, object]) -> Mapping[str, object]:
    """A document of schema 1, in which ``label`` was the guess and ``uncertain`` stood beside."""

    def mended(entry: object) -> object:
        if not isinstance(entry, dict) or not {"label", "uncertain"} <= entry.keys():
            return entry
        rest = {key: value for key, value in entry.items() if key != "uncertain"}
        label = UNCLEAR if entry["uncertain"] is True else entry["label"]
        return {**rest, "label": label, "guess": entry["label"]}

    lists = {name: content.get(name) for name in ("turns", "windows")}
    entries = {
        name: list(map(mended, found)) for name, found in lists.items() if isinstance(found, list)
    }
    return {**content, **entries, "schema_version": 2}


def _document(content: Mapping[str, object], source: str) -> TimelineDocument:
    from pydantic import ValidationError

    from tonfall.analysis.exports.document import TimelineDocument

    try:
        return TimelineDocument.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise ConfigError(
            f"{source}: is not a valid timeline: {place}: {first['msg']}. See the JSON Schema in "
            "the documentation."
        ) from error


def _timeline(document: TimelineDocument) -> Timeline:
    recording, model = document.recording, document.model
    labels = tuple(model.labels)
    return Timeline(
        Recording(
            recording.file,
            recording.sampling_rate,
            recording.channels,
            round(recording.duration * SAMPLING_RATE),
        ),
        labels=labels,
        model=model.name,
        model_hash=model.hash,
        baseline=model.baseline,
        turns=tuple(_read_turn(turn, labels) for turn in document.turns),
        windows=tuple(_read_window(window, labels) for window in document.windows),
        notes=tuple(document.notes),
    )


def _segment(entry: TurnEntry | WindowEntry) -> Segment:
    return Segment(round(entry.start * SAMPLING_RATE), round(entry.end * SAMPLING_RATE))


def _probabilities(entry: TurnEntry | WindowEntry, labels: Sequence[str]) -> tuple[float, ...]:
    return tuple(entry.probabilities[label] for label in labels if label in entry.probabilities)


def _read_turn(entry: TurnEntry, labels: Sequence[str]) -> Turn:
    return Turn(
        segment=_segment(entry),
        channel=entry.channel,
        speaker=entry.speaker,
        guess=entry.guess,
        confidence=entry.confidence,
        unclear=entry.label == UNCLEAR,
        probabilities=_probabilities(entry, labels),
        arousal=entry.arousal,
        valence=entry.valence,
        dominance=entry.dominance,
        short=entry.short,
        features=_read_features(entry),
    )


def _read_features(entry: TurnEntry | WindowEntry) -> Features | None:
    return None if entry.features is None else Features(**entry.features.model_dump())


def _read_window(entry: WindowEntry, labels: Sequence[str]) -> Window:
    return Window(
        segment=_segment(entry),
        channel=entry.channel,
        speaker=entry.speaker,
        guess=entry.guess,
        confidence=entry.confidence,
        unclear=entry.label == UNCLEAR,
        probabilities=_probabilities(entry, labels),
        arousal=entry.arousal,
        valence=entry.valence,
        dominance=entry.dominance,
        speech_ratio=entry.speech_ratio,
        snr_db=entry.snr_db,
        heard=entry.heard,
        features=_read_features(entry),
    )
