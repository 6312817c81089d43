"""API keys: shown once, found by what they are, ended at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tonfall.errors import ConfigError
from tonfall.serve.store import Store, caller_hash
from tonfall.serve.store.schema import keys


def test_a_key_is_found_by_its_secret_alone(store: Store) -> None:
    secret = store.keys.create("acme", ["ingest", "read"], "switchboard")
    key = store.keys.find(secret)
    assert key is not None
    assert (key.tenant, key.name, key.scopes) == ("acme", "switchboard", {"ingest", "read"})
    wrong = ["", "tf", "tf_", secret[:-1], secret + "x", secret.upper(), f"tf_{key.id}_", "a" * 500]
    assert [store.keys.find(other) for other in wrong] == [None] * len(wrong)


def test_two_keys_do_not_stand_in_for_each_other(store: Store) -> None:
    one, two = (store.keys.create(tenant, ["read"]) for tenant in ("acme", "rival"))
    mixed = "_".join([*one.split("_", 2)[:2], two.split("_", 2)[2]])
    assert store.keys.find(mixed) is None


def test_the_secret_is_not_kept(store: Store) -> None:
    secret = store.keys.create("acme", ["read"])
    proof = secret.split("_", 2)[2]
    with store.database.reading() as connection:
        row = connection.execute(select(keys)).one()
    assert proof not in str(row)
    assert proof not in str(store.audit_lines("acme"))


def test_a_key_ends_when_it_is_revoked_or_expires(store: Store) -> None:
    now = datetime.now(UTC)
    secret = store.keys.create("acme", ["read"], expires=now + timedelta(hours=1))
    over = store.keys.create("acme", ["read"], expires=now - timedelta(seconds=1))
    assert store.keys.find(over) is None
    key = store.keys.find(secret)
    assert key is not None
    assert not store.keys.revoke("rival", key.id)
    assert store.keys.find(secret) is not None
    assert store.keys.revoke("acme", key.id, actor="admin")
    assert not store.keys.revoke("acme", key.id)
    assert store.keys.find(secret) is None
    assert [line.action for line in store.audit_lines("acme")][-1] == "key.revoked"
    assert len(store.keys.list("acme")) == 2
    assert store.keys.list("rival") == ()
    assert len(store.keys.list()) == 2


def test_a_key_without_a_scope_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="at least one scope"):
        store.keys.create("acme", [])


def test_a_caller_is_hashed_by_salt_and_tenant() -> None:
    salt = "s" * 16
    one = caller_hash(salt, "acme", "+49 170 1234567")
    assert one != caller_hash(salt, "rival", "+49 170 1234567")
    assert one != caller_hash("t" * 16, "acme", "+49 170 1234567")
    with pytest.raises(ConfigError, match="at least 16"):
        caller_hash("short", "acme", "1")
