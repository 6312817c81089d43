"""Both databases, for the tests of the store."""

from store_fixtures import (  # noqa: F401
    new_writer,
    patient,
    postgresql,
    postgresql_url,
    sqlite_url,
    store,
    store_url,
)
