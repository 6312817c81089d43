"""Who objected: salted hashes of callers whose calls are not to be scored."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, select

from tonfall.errors import ConfigError
from tonfall.serve.store.callers import plain_caller
from tonfall.serve.store.database import Database, insert_new
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.schema import objections

__all__ = ["Objections", "caller_hash", "object_to", "objected"]

SHORTEST_SALT = 16


def caller_hash(salt: str, tenant: str, reference: str) -> str:
    """The one thing that is kept of a caller: HMAC-SHA256 of number or reference, by tenant.

    The salt is a secret of the settings and never in the database: numbers are few enough to be
    tried one by one by whoever has both. How a number is written does not count, see
    :func:`~tonfall.serve.store.callers.plain_caller`.

    Raises:
        ConfigError: the salt is too short, or the reference tells nobody apart, as "anonymous".

    >>> one = caller_hash("0123456789abcdef", "acme", "+49 (170) 123-4567")
    >>> one == caller_hash("0123456789abcdef", "acme", "+491701234567")
    True
    >>> len(one)
    64
    """
    if len(salt) < SHORTEST_SALT:
        raise ConfigError(
            f"The salt has {len(salt)} characters, but at least {SHORTEST_SALT} are needed. "
            "Make one with: openssl rand -hex 32"
        )
    plain = plain_caller(reference)
    if not plain:
        raise ConfigError(
            "The caller's number or reference tells nobody apart. Give a number with its country, "
            "such as +49 170 1234567, or a reference of your own."
        )
    told = f"{tenant}\n{plain}".encode()
    return hmac.new(salt.encode(), told, hashlib.sha256).hexdigest()


def object_to(connection: Connection, tenant: str, caller: str, *, by: str, at: datetime) -> bool:
    """Put a caller on the list; False where it is there already."""
    row = {"tenant": tenant, "caller": caller, "at": at, "by": by}
    return insert_new(connection, objections, row)


def objected(connection: Connection, tenant: str, caller: str) -> bool:
    """True where this caller is not to be scored."""
    mine = (objections.c.tenant == tenant) & (objections.c.caller == caller)
    return connection.execute(select(objections.c.at).where(mine)).first() is not None


class Objections:
    """The list of objections of all tenants; callers are hashes, see :func:`caller_hash`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has(self, tenant: str, caller: str) -> bool:
        """True where this caller is not to be scored."""
        with self._database.reading() as connection:
            return objected(connection, tenant, caller)

    def add(self, tenant: str, caller: str, *, actor: str) -> bool:
        """Put a caller on the list; False where it is there already.

        It waits for the lock under which calls are written: a call of this caller that any node
        opens is either there when this returns, or finds the caller on the list.
        """
        with self._database.writing() as connection:
            EventLog(connection)  # takes the lock
            added = object_to(connection, tenant, caller, by=actor, at=datetime.now(UTC))
            _noted(connection, tenant, actor, "objection.added")
        return added

    def remove(self, tenant: str, caller: str, *, actor: str) -> bool:
        """Take a caller off the list, as they asked; False where it was not there."""
        mine = (objections.c.tenant == tenant) & (objections.c.caller == caller)
        with self._database.writing() as connection:
            EventLog(connection)  # takes the lock, as all who write to the list do
            removed = connection.execute(delete(objections).where(mine)).rowcount > 0
            _noted(connection, tenant, actor, "objection.removed")
        return removed

    def count(self, tenant: str) -> int:
        """How many callers objected."""
        mine = select(func.count()).select_from(objections).where(objections.c.tenant == tenant)
        with self._database.reading() as connection:
            return connection.execute(mine).scalar_one()


def _noted(connection: Connection, tenant: str, actor: str, action: str) -> None:
    audit = AuditLog(connection)
    audit.add(tenant=tenant, actor=actor, action=action, subject="caller")
    audit.finish()
