"""Cursors: where a page of answers ended, so that the next one goes on there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table, and_, or_

from tonfall.errors import ConfigError
from tonfall.serve.store.rows import Page
from tonfall.serve.store.schema import EPOCH, MICROSECOND

__all__ = ["MOST", "bounded", "older_than", "page"]

MOST = 1000
"""The most answers on a page."""

Item = TypeVar("Item")


def bounded(limit: int) -> int:
    """The limit, within 1 and :data:`MOST`."""
    return max(1, min(limit, MOST))


def page(
    rows: Sequence[Row[Any]],
    limit: int,
    made: Callable[[Sequence[Row[Any]]], Sequence[Item]],
) -> Page[Item]:
    """A page of at most ``limit`` rows, of which one more was asked for, newest first."""
    kept = rows[:limit]
    cursor = written(kept[-1].at, kept[-1].id) if len(rows) > limit else None
    return Page(tuple(made(kept)), cursor)


def written(at: datetime, identity: str) -> str:
    """A cursor behind that row.

    >>> read(written(EPOCH, "ab")) == (EPOCH, "ab")
    True
    """
    text = f"{(at - EPOCH) // MICROSECOND}:{identity}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> tuple[datetime, str]:
    """What a cursor stands for.

    Raises:
        ConfigError: it is none of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
        micros, identity = text.split(":")
        return EPOCH + timedelta(microseconds=int(micros)), identity
    except (binascii.Error, ValueError, OverflowError) as error:
        found = f"The cursor {cursor[:64]!r} is not one that this server gave."
        raise ConfigError(f"{found} Start again without a cursor.") from error


def older_than(table: Table, cursor: str | None) -> list[ColumnElement[bool]]:
    """The condition that leaves what comes after the cursor, newest first."""
    if cursor is None:
        return []
    at, identity = read(cursor)
    same = and_(table.c.at == at, table.c.id < identity)
    return [or_(table.c.at < at, same)]
