"""Read by Alembic: runs the steps on the connection that ``migrate.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from tonfall.serve.store.schema import METADATA

__all__ = ["run"]


def run() -> None:
    """Run what was asked for, all of it in one transaction."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


# Under Alembic this module has no package; imported as a part of ours it does nothing.
if not __name__.startswith("tonfall."):
    run()
