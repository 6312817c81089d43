"""Every format that a timeline can be saved in, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonfall.analysis.exports.audacity import write_audacity
from tonfall.analysis.exports.elan import write_elan
from tonfall.analysis.exports.json_file import write_json
from tonfall.analysis.exports.rttm import write_rttm
from tonfall.analysis.exports.tables import (
    write_turns_csv,
    write_windows_csv,
    write_windows_parquet,
)
from tonfall.analysis.exports.textgrid import write_textgrid
from tonfall.analysis.exports.webvtt import write_webvtt
from tonfall.analysis.saving import write_file
from tonfall.errors import ConfigError
from tonfall.timeline import Timeline

__all__ = ["FORMATS", "Format", "export", "find_format", "format_for", "save"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a timeline becomes bytes.

    Attributes:
        suffix: ending of the file name, with its dot.
        title: what it is, for lists.
        write: timeline to the file's content.
    """

    suffix: str
    title: str
    write: Callable[[Timeline], bytes]


FORMATS: dict[str, Format] = {
    "json": Format(".json", "everything, with a documented schema", write_json),
    "csv": Format(".csv", "table of windows", write_windows_csv),
    "turns": Format(".turns.csv", "table of turns", write_turns_csv),
    "parquet": Format(".parquet", "windows for pandas and audformat", write_windows_parquet),
    "textgrid": Format(".TextGrid", "Praat", write_textgrid),
    "rttm": Format(".rttm", "turns for diarization tools", write_rttm),
    "webvtt": Format(".vtt", "subtitles", write_webvtt),
    "elan": Format(".eaf", "ELAN", write_elan),
    "audacity": Format(".labels.txt", "Audacity label track", write_audacity),
}


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in FORMATS:
        raise ConfigError(f"The format {name!r} is unknown. Choose from {', '.join(FORMATS)}.")
    return FORMATS[name]


def format_for(path: str | os.PathLike[str]) -> Format:
    """The format that the path's ending stands for, in any case; the longest ending counts.

    Raises:
        ConfigError: no format has that ending.
    """
    name = Path(path).name.lower()
    fitting = [each for each in FORMATS.values() if name.endswith(each.suffix.lower())]
    if not fitting:
        endings = ", ".join(each.suffix for each in FORMATS.values())
        raise ConfigError(f"{path}: no format has this ending. Choose from {endings}.")
    return max(fitting, key=lambda each: len(each.suffix))


def export(timeline: Timeline, name: str) -> bytes:
    """The timeline in the named format.

    Raises:
        ConfigError: the format is unknown.
    """
    return find_format(name).write(timeline)


def save(timeline: Timeline, path: str | os.PathLike[str], *, name: str | None = None) -> Path:
    """Write the timeline whole, in the named format or the one of the path's ending.

    Raises:
        ConfigError: the format is unknown, or the file cannot be written.
    """
    chosen = format_for(path) if name is None else find_format(name)
    return write_file(path, chosen.write(timeline))
