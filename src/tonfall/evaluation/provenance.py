"""What made a result, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ["JsonValue", "report_head", "stamp", "tonfall_version"]

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


def report_head(schema: str, version: int) -> Mapping[str, JsonValue]:
    """How the JSON of a report begins: what it is, and what made it when."""
    return {
        "schema": schema,
        "schema_version": version,
        "tonfall": tonfall_version(),
        "created": stamp(datetime.now(UTC)),
    }


def stamp(moment: datetime) -> str:
    """A moment in UTC, to the second.

    >>> stamp(datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    '2026-11-26T10:00:00Z'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def tonfall_version() -> str:
    """The version that is installed; "source" where none is."""
    try:
        return version("tonfall")
    except PackageNotFoundError:
        return "source"
