"""Whose calls they are, and that somebody can see them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent / "store"))
from store_calls import MadeCall

from tonfall.serve.settings import Settings, read_settings
from tonfall.serve.store import Store, Writer
from tonfall.serve.tenancy import one_tenant, unseen

CARRIERS = {
    "twilio": {"main": {"tenant": "acme", "auth_token": "a-token-of-twilio"}},
    "audiosocket": {"line": {"port": 9092}},
}
HOOK = {"url": "https://example.com/hook", "secret": "s" * 32, "tenants": ["acme"]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/tonfall.db")
    yield opened
    opened.close()


def settings(mode: str, **sections: Any) -> Settings:
    options = {"auth": {"mode": mode}, "carriers": CARRIERS, **sections}
    return read_settings(options=options, checked=False)


def test_without_accounts_all_is_one_tenants() -> None:
    found = one_tenant(settings("none", alerts={"webhooks": {"hook": HOOK}}))
    assert found.carriers.twilio["main"].tenant == "default"
    assert found.carriers.twilio["main"].auth_token is not None
    assert found.carriers.audiosocket["line"].port == 9092
    assert found.alerts.webhooks["hook"].tenants == ()
    kept = settings("keys", alerts={"webhooks": {"hook": HOOK}})
    assert one_tenant(kept) is kept


def test_a_tenant_that_is_passed_over_is_said(store: Store) -> None:
    (said,) = unseen(settings("none"), store)
    assert "carriers.twilio.main sends its calls there, and not to acme" in said
    assert unseen(settings("none", carriers={}), store) == []


def test_calls_that_nobody_sees_without_accounts_are_said(store: Store) -> None:
    writer = Writer(store)
    for tenant in ("default", "rival"):
        writer.write_now(MadeCall(tenant).opened())
    writer.close()
    (said,) = unseen(settings("none", carriers={}), store)
    assert "calls of the tenant rival, which nobody sees" in said


def test_a_tenant_that_no_key_can_see_is_said(store: Store) -> None:
    writer = Writer(store)
    writer.write_now(MadeCall("rival").opened())
    writer.close()
    store.keys.create("acme", ["ingest"])
    store.keys.create("default", ["read"], expires=datetime(2020, 1, 1, tzinfo=UTC))
    said = unseen(settings("keys"), store)
    assert [each.partition(".")[0] for each in said] == [
        "No key can see calls of the tenant acme (carriers",
        "No key can see calls of the tenant default (carriers",
        "No key can see calls of the tenant rival (the database)",
    ]
    assert "tonfall keys create --scope read --tenant acme" in said[0]
    for tenant in ("acme", "default", "rival"):
        store.keys.create(tenant, ["read"])
    assert unseen(settings("keys"), store) == []
    assert unseen(settings("oidc"), store) == []
