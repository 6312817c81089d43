"""Timelines as files that other programs open."""

from tonfall.analysis.exports.formats import (
    FORMATS,
    Format,
    export,
    find_format,
    format_for,
    save,
)
from tonfall.analysis.exports.json_file import parse_json, read_json, timeline_schema
from tonfall.analysis.exports.tables import turns_frame, windows_frame

__all__ = [
    "FORMATS",
    "Format",
    "export",
    "find_format",
    "format_for",
    "parse_json",
    "read_json",
    "save",
    "timeline_schema",
    "turns_frame",
    "windows_frame",
]
