"""What made a result, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ["stamp", "tonfall_version"]


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
