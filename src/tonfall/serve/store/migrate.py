"""Bring a database to the shape that this version of Tonfall knows."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tonfall.errors import ConfigError
from tonfall.serve.store.database import Database

__all__ = ["FOLDER", "upgrade", "version"]

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x746F6E66  # "tonf": nodes that start at once run the steps one after another
PATIENCE_S = 120
"""Seconds that a node waits for another one that runs the steps, which may take a while."""


def upgrade(database: Database, *, create: bool = True) -> None:
    """Run the steps that are missing, all or none of them.

    Args:
        database: of any age.
        create: False to leave an empty database as it is, which is then an error.

    Raises:
        ConfigError: the database was written by a newer Tonfall, or is empty.
        ServiceError: it cannot be reached.
    """
    head = _script().get_current_head()
    with database.reading() as connection:
        if version(connection) == head:
            return  # Nothing to do, so nobody to wait for.
    with database.writing(wait_s=PATIENCE_S) as connection:
        if not database.is_sqlite:
            _take_turn(connection)
        found = version(connection)
        _check(found, database.name, create=create)
        if found != head:
            command.upgrade(_config(connection), "head")


def _take_turn(connection: Connection) -> None:
    """PostgreSQL: wait for other nodes for long; the steps themselves hold nobody up for that."""
    usual = connection.execute(text("SHOW lock_timeout")).scalar_one()
    wait = text("SELECT set_config('lock_timeout', :wait, true)")
    connection.execute(wait, {"wait": f"{PATIENCE_S}s"})
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    connection.execute(wait, {"wait": usual})


def version(connection: Connection) -> str | None:
    """The last step that the database has seen; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _check(found: str | None, name: str, *, create: bool) -> None:
    if found is None and not create:
        raise ConfigError(f"The database {name} is empty. Start the server on it once.")
    known = {step.revision for step in _script().walk_revisions()}
    if found is not None and found not in known:
        text = f"The database {name} was written by a newer Tonfall (step {found})."
        raise ConfigError(f"{text} Install that version, or use another database.")


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
