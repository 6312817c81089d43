"""One database, one salt."""

from __future__ import annotations

import pytest

from tonfall.errors import ConfigError
from tonfall.serve.store import Store
from tonfall.serve.store.salting import fingerprint, hold_to_salt

SALT = "0123456789abcdef"


def test_a_database_is_held_to_the_salt_that_it_was_begun_with(store: Store) -> None:
    hold_to_salt(store.database, SALT)
    hold_to_salt(store.database, SALT)
    with pytest.raises(ConfigError, match=r"begun with another privacy\.salt"):
        hold_to_salt(store.database, "fedcba9876543210")
    assert store.verify_audit().intact


def test_a_fingerprint_does_not_hold_the_salt() -> None:
    assert len(fingerprint(SALT)) == 64
    assert SALT not in fingerprint(SALT)
    assert fingerprint(SALT) == fingerprint(SALT) != fingerprint(SALT + "0")
