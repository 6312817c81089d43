"""One salt for one database: a caller who objected is found again under the same salt only.

A fingerprint of the salt stands beside the counters, made so slowly (scrypt) that nobody who has
the database tries salts by it; the salt itself is never there.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from tonfall.errors import ConfigError
from tonfall.serve.store.database import Database, insert_new
from tonfall.serve.store.schema import counters

__all__ = ["fingerprint", "hold_to_salt"]

NAME = "salt"
PURPOSE = b"tonfall: which salt a database was begun with"


def fingerprint(salt: str) -> str:
    """64 hexadecimal digits that tell salts apart, and nothing else about them."""
    return hashlib.scrypt(salt.encode(), salt=PURPOSE, n=2**14, r=8, p=1, dklen=32).hex()


def hold_to_salt(database: Database, salt: str) -> None:
    """Note the salt of a database that has none yet; refuse another one.

    Raises:
        ConfigError: callers were hashed with another salt.
        ServiceError: the database cannot be used now.
    """
    found = fingerprint(salt)
    with database.writing() as connection:
        insert_new(connection, counters, {"name": NAME, "value": 0, "hash": found})
        begun = connection.execute(select(counters.c.hash).where(counters.c.name == NAME)).scalar()
    if begun != found:
        raise ConfigError(
            f"The database {database.name} was begun with another privacy.salt, so nobody who "
            "objected would be known. Set the salt that its other servers have; without one, it "
            "is in the file salt of the data folder of the user who ran them."
        )
