"""The tables, the same on SQLite and PostgreSQL; ``migrations/`` makes them.

Times are UTC. Windows, turns and alerts hold scores and times, never audio, words, names or
numbers of people, and nothing that a voice could be recognised by: no column takes bytes, and a
test watches over it. A caller is a salted hash. A prior is a mean over twenty callers or more.

Windows and turns are numbered by the id of the event that told of them, so they are kept in order
of time within their call without a counter of their own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy import (
    Column as Col,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = [
    "EPOCH",
    "METADATA",
    "MICROSECOND",
    "Json",
    "Utc",
    "alert_budgets",
    "alerts",
    "audit",
    "calls",
    "channels",
    "counters",
    "deliveries",
    "dumps",
    "events",
    "jobs",
    "keys",
    "nodes",
    "objections",
    "priors",
    "turns",
    "windows",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def dumps(value: object) -> str:
    """Compact JSON; NaN and infinity are a ValueError."""
    return _encode(value)


class Utc(TypeDecorator[datetime]):
    """A moment: ``timestamptz`` on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type that the database has for it."""
        stamp = dialect.name == "postgresql"
        return dialect.type_descriptor(DateTime(timezone=True) if stamp else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What is handed to the driver."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """What the driver gave, with UTC as its zone."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return EPOCH + timedelta(microseconds=int(value))


class Json(TypeDecorator[Any]):
    """Plain JSON values as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Compact text."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """The values."""
        return None if value is None else json.loads(value)


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


# An INTEGER key of SQLite is the row's place itself; a BIGINT would need an index beside it.
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _id(name: str = "id", *, key: bool = False, empty: bool = False) -> Col[str]:
    return Col(name, String(64), primary_key=key, nullable=empty)


def _tenant(*, key: bool = False) -> Col[str]:
    return Col("tenant", String(64), primary_key=key, nullable=False)


def _of_call(*, key: bool = False) -> Col[str]:
    parent = ForeignKey("calls.id", ondelete="CASCADE")
    return Col("call", String(64), parent, primary_key=key, nullable=False)


def _scores(*, required: bool) -> list[Col[Any]]:
    """What windows and turns share."""
    return [
        Col("start_sample", BigInteger, nullable=False),
        Col("end_sample", BigInteger, nullable=False),
        Col("channel", Integer, nullable=False),
        Col("speaker", String(64), nullable=False),
        Col("guess", String(32), nullable=not required),
        Col("confidence", Float, nullable=not required),
        Col("unclear", Boolean, nullable=False),
        Col("probabilities", Json, nullable=False),
        Col("arousal", Float),
        Col("valence", Float),
        Col("dominance", Float),
    ]


calls = Table(
    "calls",
    METADATA,
    _id(key=True),
    _tenant(),
    Col("node", String(64), nullable=False),
    Col("at", Utc, nullable=False),
    Col("ended_at", Utc),
    Col("purged_at", Utc),
    Col("carrier", String(32), nullable=False),
    Col("external_id", String(128), nullable=False),
    Col("sampling_rate", Integer, nullable=False),
    Col("model", String(64), nullable=False),
    Col("model_hash", String(64), nullable=False),
    Col("prior", String(16)),
    Col("labels", Json, nullable=False),
    Col("notice", String(16), nullable=False),
    Col("caller", String(64)),
    Col("reason", String(200)),
    Col("complete", Boolean),
    Col("seconds", Float),
    Col("overlap_s", Float),
    Col("silence_s", Float),
    Col("mixed_s", Float),
    Col("shed", Integer),
    Col("speakers", Json),
    Col("counters", Json),
    Index(None, "tenant", "at", "id"),
    Index(None, "tenant", "caller"),
    Index(None, "tenant", "external_id"),
    Index(None, "node"),
    Index(None, "ended_at"),
)

channels = Table(
    "channels",
    METADATA,
    _of_call(key=True),
    Col("index", Integer, primary_key=True),
    Col("role", String(16), nullable=False),
    Col("source", String(64), nullable=False),
    Col("scored", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

windows = Table(
    "windows",
    METADATA,
    _of_call(key=True),
    Col("id", BigInteger, primary_key=True),
    _tenant(),
    Col("at", Utc, nullable=False),
    *_scores(required=True),
    Col("speech_ratio", Float, nullable=False),
    Col("snr_db", Float),
    Col("heard", Float, nullable=False),
    Col("smoothed", Json, nullable=False),
    Col("trend", String(16), nullable=False),
    sqlite_with_rowid=False,
)

turns = Table(
    "turns",
    METADATA,
    _of_call(key=True),
    Col("id", BigInteger, primary_key=True),
    _tenant(),
    Col("at", Utc, nullable=False),
    *_scores(required=False),
    Col("short", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    METADATA,
    _id(key=True),
    _of_call(),
    _tenant(),
    Col("at", Utc, nullable=False),
    Col("rule", String(128), nullable=False),
    Col("severity", String(16), nullable=False),
    Col("channel", Integer, nullable=False),
    Col("speaker", String(64), nullable=False),
    Col("seconds", Float, nullable=False),
    Col("evidence", Json, nullable=False),
    Col("threshold_origin", String(16), nullable=False),
    Col("state", String(16), nullable=False),
    Col("moved_at", Utc),
    Col("moved_by", String(64)),
    Col("note", String(500), nullable=False),
    Index(None, "tenant", "at", "id"),
    Index(None, "call"),
)

alert_budgets = Table(
    "alert_budgets",
    METADATA,
    _tenant(key=True),
    Col("carrier", String(32), primary_key=True),
    Col("rule", String(64), primary_key=True),
    Col("definition", String(32), primary_key=True),
    Col("event", BigInteger, nullable=False),
    Col("at", Utc, nullable=False),
    Col("hours", Float, nullable=False),
    Col("fired", Float, nullable=False),
    Col("counts", Json, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    METADATA,
    Col("id", _NUMBER, primary_key=True, autoincrement=False),
    _tenant(),
    _id("call"),
    Col("kind", String(32), nullable=False),
    Col("at", Utc, nullable=False),
    Col("payload", Json, nullable=False),
    Index(None, "tenant", "id"),
    Index(None, "call"),
)

deliveries = Table(
    "deliveries",
    METADATA,
    _id(key=True),
    _tenant(),
    _id("call"),
    Col("event", BigInteger, nullable=False),
    Col("kind", String(32), nullable=False),
    Col("sink", String(64), nullable=False),
    Col("at", Utc, nullable=False),
    Col("payload", Json, nullable=False),
    Col("state", String(16), nullable=False),
    Col("attempts", Integer, nullable=False),
    Col("due_at", Utc, nullable=False),
    Col("claimed_by", String(64)),
    Col("error", String(200), nullable=False),
    Index(None, "state", "due_at"),
    Index(None, "call"),
)

audit = Table(
    "audit",
    METADATA,
    Col("id", _NUMBER, primary_key=True, autoincrement=False),
    _tenant(),
    Col("at", Utc, nullable=False),
    Col("actor", String(64), nullable=False),
    Col("action", String(64), nullable=False),
    Col("subject", String(128), nullable=False),
    Col("details", Json, nullable=False),
    Col("previous", String(64), nullable=False),
    Col("hash", String(64), nullable=False),
    Index(None, "tenant", "id"),
)

keys = Table(
    "keys",
    METADATA,
    _id(key=True),
    _tenant(),
    Col("name", String(128), nullable=False),
    Col("scopes", Json, nullable=False),
    Col("hash", String(64), nullable=False),
    Col("created_at", Utc, nullable=False),
    Col("expires_at", Utc),
    Col("revoked_at", Utc),
    Index(None, "tenant"),
)

objections = Table(
    "objections",
    METADATA,
    _tenant(key=True),
    _id("caller", key=True),
    Col("at", Utc, nullable=False),
    Col("by", String(64), nullable=False),
    sqlite_with_rowid=False,
)

priors = Table(
    "priors",
    METADATA,
    _tenant(key=True),
    Col("carrier", String(32), primary_key=True),
    Col("model_hash", String(64), primary_key=True),
    Col("model", String(64), nullable=False),
    Col("generation", Integer, nullable=False),
    Col("updated_at", Utc, nullable=False),
    Col("started_at", Utc),
    Col("published_at", Utc),
    Col("frozen_at", Utc),
    Col("version", String(16)),
    Col("callers", Integer, nullable=False),
    Col("weight", Float, nullable=False),
    Col("variance", Float, nullable=False),
    Col("mean", Json),
    Col("distance", Float),
    Col("held", Json),
    sqlite_with_rowid=False,
)
"""Of each tenant, carrier and model. ``generation`` rises with what sets the mean back, so that
what a node gathered before is not added after. ``held`` is the batch that froze it."""

nodes = Table(
    "nodes",
    METADATA,
    _id(key=True),
    Col("started_at", Utc, nullable=False),
    Col("seen_at", Utc, nullable=False),
    sqlite_with_rowid=False,
)

counters = Table(
    "counters",
    METADATA,
    Col("name", String(32), primary_key=True),
    Col("value", BigInteger, nullable=False),
    Col("hash", String(64), nullable=False),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    METADATA,
    Col("name", String(64), primary_key=True),
    Col("ran_at", Utc, nullable=False),
    sqlite_with_rowid=False,
)
