"""Ids of telephone systems: kept where no name or number is like them, else hashed."""

from __future__ import annotations

import pytest

from tonfall.serve.external_ids import ExternalIds, IdPolicy
from tonfall.serve.settings import read_settings
from tonfall.serve.store.masking import masked

SALT = "a-secret-salt-of-the-settings"


@pytest.mark.parametrize(
    "made",
    [
        "CA2f7c0011223344556677889900aabbcc",
        "0d5c1b4e-7b1a-4f0e-9d52-3f7bd6a1a001",
        "0D5C1B4E-7B1A-4F0E-9D52-3F7BD6A1A001",
        "8f14e45fceea167a5a36dedd4bea2543",
        "WebSocket/8f14e45fceea167a5a36dedd4bea2543",
    ],
)
def test_an_id_that_a_machine_made_is_kept(made: str) -> None:
    assert ExternalIds(SALT).kept("acme", made) == made


@pytest.mark.parametrize(
    "named",
    [
        "PJSIP/hans.mueller-0000001",
        "Frau-Beispiel",
        "c1",
        "4711",
        "+491701234567",
        "anna@example.com",
        "CA2f7c0011223344556677889900aabbcc-hans",
        "hans/8f14e45fceea167a5a36dedd4bea2543",
        "1756123456.7",
    ],
)
def test_an_id_that_may_be_a_name_or_a_number_is_hashed(named: str) -> None:
    ids = ExternalIds(SALT)
    kept = ids.kept("acme", named)
    assert kept.startswith("hashed-")
    assert named not in kept
    assert ids.kept("acme", named) == kept == ids.kept("acme", kept)
    assert kept not in {ids.kept("rival", named), ExternalIds("x" * 16).kept("acme", named)}
    assert masked(kept, longest=128) == kept  # The store's own look at it takes nothing away.


def test_ids_are_kept_as_they_are_given_where_that_is_set() -> None:
    assert read_settings().privacy.call_ids is IdPolicy.HASHED
    policy = read_settings(options={"privacy": {"call_ids": "as_given"}}).privacy.call_ids
    assert ExternalIds(SALT, policy).kept("acme", "PJSIP/hans-1") == "PJSIP/hans-1"
