"""API keys: shown once, kept as a hash.

A key is ``tf_<id>_<secret>``: the id finds the row, 256 random bits prove it. What has that many
random bits needs no slow hash: SHA-256 cannot be turned round, and the comparison takes the same
time whatever differs.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from tonfall.errors import ConfigError
from tonfall.serve.store.database import Database
from tonfall.serve.store.logs import AuditLog
from tonfall.serve.store.schema import keys

__all__ = ["Key", "Keys"]

PREFIX = "tf"
LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Key:
    """What a key may do, and until when; never the key itself."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def works(self, now: datetime) -> bool:
        """True where it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Keys:
    """The keys of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        tenant: str,
        scopes: Iterable[str],
        name: str = "",
        *,
        expires: datetime | None = None,
        actor: str = "system",
    ) -> str:
        """Make a key and return it; nobody can get it a second time.

        Raises:
            ConfigError: no scope was named, or the name cannot stand in one line.
        """
        wanted = sorted(set(scopes))
        if not wanted:
            raise ConfigError("A key needs at least one scope, such as ingest.")
        _check_name(name)
        identity, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        whole = f"{PREFIX}_{identity}_{secret}"
        row = {
            "id": identity,
            "tenant": tenant,
            "name": name,
            "scopes": wanted,
            "hash": _hash(whole),
            "created_at": datetime.now(UTC),
            "expires_at": expires,
        }
        with self._database.writing() as connection:
            connection.execute(insert(keys), [row])
            audit = AuditLog(connection)
            told = {"scopes": wanted}
            audit.add(
                tenant=tenant,
                actor=actor,
                action="key.created",
                subject=f"key {identity}",
                details=told,
            )
            audit.finish()
        return whole

    def find(self, secret: str) -> Key | None:
        """The key that this is; None where it is none, or does not work any more."""
        prefix, _, rest = secret.partition("_")
        identity, _, proof = rest.partition("_")
        if prefix != PREFIX or not identity or not proof or len(secret) > 200:
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(keys).where(keys.c.id == identity)).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, _hash(secret)):
            return None
        key = _key(row)
        return key if key.works(datetime.now(UTC)) else None

    def revoke(self, tenant: str, identity: str, *, actor: str = "system") -> bool:
        """End a key at once; False where the tenant has none of that id that works."""
        mine = (keys.c.id == identity) & (keys.c.tenant == tenant) & keys.c.revoked_at.is_(None)
        ended = update(keys).where(mine).values(revoked_at=datetime.now(UTC))
        with self._database.writing() as connection:
            if connection.execute(ended).rowcount == 0:
                return False
            audit = AuditLog(connection)
            subject = f"key {identity}"
            audit.add(tenant=tenant, actor=actor, action="key.revoked", subject=subject)
            audit.finish()
        return True

    def list(self, tenant: str | None = None) -> tuple[Key, ...]:
        """A tenant's keys, the oldest first, with those that work no more; None for all tenants."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        mine = query if tenant is None else query.where(keys.c.tenant == tenant)
        with self._database.reading() as connection:
            return tuple(_key(row) for row in connection.execute(mine))


def _check_name(name: str) -> None:
    """Keys are listed one a line, on terminals: no name may look like more than that."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(
            f"The name of a key has to be one line of at most {LONGEST_NAME} printable characters; "
            f"give another than {name[:LONGEST_NAME]!r}."
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        scopes=frozenset(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
