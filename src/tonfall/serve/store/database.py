"""One database behind a URL: connections, transactions, and failures in one sentence.

SQLite: write-ahead log, so that readers never wait; a transaction that writes takes the file's
lock as it begins (``BEGIN IMMEDIATE``), and within a process writers queue at a lock of our own.
Every commit is on the disk before it is told of (``synchronous=FULL``): writers are grouped, so
there are at most some twenty a second. What is deleted is overwritten (``secure_delete``).

PostgreSQL: psycopg 3; a commit is on the disk as the server is set (``synchronous_commit``). A
session that hangs inside a transaction is ended after 15 s, so that it holds up nobody.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tonfall.errors import ConfigError, ServiceError

__all__ = ["Database", "StoreError", "insert_new", "is_full", "read_url"]

WRITE_AHEAD = "journal_mode=WAL"
PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=1000",
    "journal_size_limit=67108864",
)
SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET idle_in_transaction_session_timeout = '15s'",
    "SET lock_timeout = '10s'",
)
POSTGRESQL_ARGUMENTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "tonfall",
}
WRITES, WAIT_S = "tonfall_writes", "tonfall_wait_s"
LOCK_WAIT_S = 5.0
"""Seconds that who writes to SQLite waits for others who do."""
DISK_FULL = "53100"


class StoreError(ServiceError):
    """The database failed; the text names it and quotes its driver, for operators alone.

    Attributes:
        full: True where the disk, or the room that the database was given, is full.
    """

    def __init__(self, message: str, *, retry: bool = False, full: bool = False) -> None:
        super().__init__(message, retry=retry)
        self.full = full


class Database:
    """Transactions on one database; failures come out as :class:`StoreError`.

    Args:
        url: ``sqlite:///path/to/tonfall.db`` or ``postgresql://user:password@host/name``.
        create: False to make no file of SQLite where there is none.

    Raises:
        ConfigError: another kind of URL, or there is no such file.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self.url = read_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and not create:
            _check_file(Path(str(self.url.database)))
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        self._lock: AbstractContextManager[Any] = (
            threading.RLock() if self.is_sqlite else nullcontext()
        )

    @property
    def name(self) -> str:
        """The URL without its password and its query, which may hold one, for messages."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, wait_s: float | None = None) -> Iterator[Connection]:
        """A transaction that is committed at the end, or leaves nothing behind.

        Args:
            wait_s: seconds that SQLite waits for those who write now; five by default.
        """
        with self._translated(), self.raw_writing(wait_s=wait_s) as connection:
            yield connection

    @contextmanager
    def raw_writing(self, *, wait_s: float | None = None) -> Iterator[Connection]:
        """The same, with SQLAlchemy's own errors."""
        with self._lock, self.engine.connect() as connection:
            marked = connection.execution_options(**{WRITES: True, WAIT_S: wait_s})
            with marked.begin():
                yield marked

    def outside(self, work: Callable[[Connection], object]) -> None:
        """Do what may not stand in a transaction, such as a checkpoint."""
        with self._translated(), self._lock, self.engine.connect() as connection:
            work(connection.execution_options(isolation_level="AUTOCOMMIT"))

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self.told(error) from error

    def told(self, error: Exception) -> StoreError:
        """A failure of the database in a sentence that holds no value of a row."""
        if is_full(error):
            text = "has no room left. Free space on its disk, or shorten the retention"
            return StoreError(f"The database {self.name} {text}.", retry=True, full=True)
        if isinstance(error, PoolTimeoutError):
            text = "has no connection free. Try again, or start fewer requests at once"
            return StoreError(f"The database {self.name} {text}.", retry=True)
        cause = _cause(error)
        text = "cannot be used now" if _passes(error) else "refused what was asked"
        advice = "Check that it runs and can be reached, and try again."
        return StoreError(
            f"The database {self.name} {text} ({cause}). {advice}", retry=_passes(error)
        )


def read_url(url: str) -> URL:
    """A URL that names a driver of ours.

    >>> read_url("postgresql://tonfall@db/tonfall").drivername
    'postgresql+psycopg'
    >>> read_url("mysql://db/x")
    Traceback (most recent call last):
        ...
    tonfall.errors.ConfigError: database url: mysql is not supported. Give ...
    """
    wanted = "Give sqlite:///path/to/tonfall.db or postgresql://user:password@host/name."
    try:
        found = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"database url: it cannot be read. {wanted}") from error
    backend = found.get_backend_name()
    if backend == "postgresql" or found.drivername == "postgres":
        return found.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(f"database url: {backend} is not supported. {wanted}")
    if not found.database or found.database == ":memory:" or found.query:
        raise ConfigError(f"database url: SQLite needs a file, and no options. {wanted}")
    return found.set(drivername="sqlite+pysqlite")


def insert_new(connection: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert a row; False, and nothing done, where one of that key is there, whoever put it in."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**row).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def is_full(error: Exception) -> bool:
    """True where the disk, or the room that the database was given, is full."""
    original = getattr(error, "orig", error)
    code = getattr(original, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(original, "sqlstate", None) == DISK_FULL


def _passes(error: Exception) -> bool:
    """True where the same may work later."""
    original = getattr(error, "orig", error)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or type(original).__name__ not in {
        "DataError",
        "DatabaseError",
        "IntegrityError",
        "NotSupportedError",
        "ProgrammingError",
    }


def _cause(error: Exception) -> str:
    """The driver's first line, but never its second: that may hold values."""
    original = getattr(error, "orig", None)
    if original is None:
        return type(error).__name__
    if getattr(original, "sqlstate", None) or type(original).__name__ == "IntegrityError":
        return f"{type(original).__name__} {getattr(original, 'sqlstate', '')}".strip()
    lines = str(original).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(original).__name__


def _sqlite_engine(url: URL) -> Engine:
    _prepare_file(Path(str(url.database)))
    engine = create_engine(url, pool_size=16, max_overflow=16, pool_timeout=10)
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begins)
    return engine


def _check_file(path: Path) -> None:
    if not path.exists():
        raise ConfigError(
            f"There is no database {path}. Start the server on it once, or name another."
        )


def _prepare_file(path: Path) -> None:
    """Make the file so that its owner alone can read it; SQLite gives its side files the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        text = f"The database file {path} cannot be opened ({error.strerror})."
        raise ServiceError(f"{text} Check the folder and its permissions.") from error


def _sqlite_connected(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to us, and set the promises of each connection."""
    connection.isolation_level = None
    _write_ahead(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to a write-ahead log; SQLite refuses at once while another one switches."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute(f"PRAGMA {WRITE_AHEAD}").close()
            return
        except sqlite3.OperationalError as error:
            busy = (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_BUSY  # The rest is detail.
            if not busy or time.monotonic() > until:
                raise
        time.sleep(0.02)


def _sqlite_begins(connection: Connection) -> None:
    options = connection.get_execution_options()
    wait_s = options.get(WAIT_S) or LOCK_WAIT_S  # The pool may hand over who waited for longer.
    connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * wait_s:.0f}")
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")


def _postgresql_engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args=POSTGRESQL_ARGUMENTS,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=10,
        )
    except ModuleNotFoundError as error:
        text = "database url: PostgreSQL needs psycopg, which is not installed."
        raise ConfigError(f"{text} Run: pip install 'tonfall[postgresql]'.") from error
    event.listen(engine, "connect", _postgresql_connected)
    return engine


def _postgresql_connected(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for line in SESSION:
            cursor.execute(line)
    connection.commit()
