"""Nothing that could be a person is kept: the data folder is searched for all that was told."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from store_calls import MadeCall

from tonfall.serve.codecs import Role
from tonfall.serve.records import AlertState, ChannelFacts
from tonfall.serve.store import Store, Writer, caller_hash
from tonfall.serve.store.masking import masked
from tonfall.serve.store.schema import METADATA

NUMBER = "+49 (170) 123-4567"
PLAIN = "491701234567"
SALT = "a-secret-salt-of-the-settings"
SECRETS = [b"1234567", b"123-4567", b"anna.schmidt", b"Frau Schmidt", b"example.com", SALT.encode()]


def everything(folder: Path) -> bytes:
    """Every byte of every file in the folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def hostile(store: Store) -> MadeCall:
    """A call of a telephone system that puts persons wherever it can."""
    call = MadeCall(caller=caller_hash(SALT, "acme", NUMBER))
    sides = (ChannelFacts(0, Role.CUSTOMER, f"caller {NUMBER}", True),)
    opened = call.opened(external_id=f"sip:anna.schmidt@example.com;tel={PLAIN}", channels=sides)
    alert = call.alert()
    moved = call.moved(alert, AlertState.ACKNOWLEDGED)
    writer = Writer(store, sinks=lambda change: ["hook"])
    for change in (opened, call.window(), call.turn(), alert):
        writer.submit(change)
    writer.write_now(replace(moved, note=f"called back on {NUMBER}, anna.schmidt@example.com"))
    (delivery,) = [one for one in store.deliveries.due("here") if one.kind == "alert.opened"]
    store.deliveries.give_up(delivery.id, node="here", error=f"no route to {NUMBER}")
    said: Any = f"transferred to Frau Schmidt, {PLAIN}"
    writer.write_now(replace(call.closed(), reason=said))
    writer.close()
    return call


def test_no_number_name_or_salt_is_in_the_data_folder(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    call = hostile(store)
    store.export("acme", tmp_path / "export", call=call.id, actor="officer")
    content = everything(tmp_path)
    assert call.id.encode() in content
    for secret in SECRETS:
        assert secret not in content, secret
    store.close()
    assert not [secret for secret in SECRETS if secret in everything(tmp_path)]


def test_no_number_name_or_salt_is_in_any_table(store: Store) -> None:
    call = hostile(store)
    with store.database.reading() as connection:
        rows = [
            str(row)
            for table in METADATA.sorted_tables
            for row in connection.execute(select(table))
        ]
    content = "\n".join(rows).encode()
    assert call.id.encode() in content
    assert not [secret for secret in SECRETS if secret in content]


def test_nothing_as_long_as_an_embedding_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    """Twenty numbers in a row would be a vector; scores are as many as there are labels."""
    store = Store.open(sqlite_url)
    hostile(store)
    store.close()
    found = re.search(rb"(-?\d+\.\d+(e-?\d+)?,){20}", everything(tmp_path))
    assert found is None


def test_no_call_gives_the_caller_away_in_its_events(store: Store) -> None:
    call = hostile(store)
    assert call.caller is not None
    for event in store.events("acme", after=0):
        assert call.caller not in str(event.payload)


@pytest.mark.parametrize(
    "kept",
    [
        "CA2f7c0011223344556677889900aabbcc",
        "0d5c1b4e-7b1a-4f0e-9d52-3f7bd6a1a001",
        "12345678-1234-1234-1234-123456789012",
        "0x1a2b3c4d",
        "hangup",
        "code 1013",
        "call 12345",
        "",
    ],
)
def test_ids_of_telephone_systems_are_kept(kept: str) -> None:
    assert masked(kept, longest=128) == kept


@given(
    st.sampled_from(["{}", "call {}", "{} rang", "tel:{}", "a {} b"]),
    st.sampled_from(
        [
            "+491701234567",
            "0170 1234567",
            "(030) 1234-5678",
            "001 49 170 123 45 67",
            "555-123-4567",
            "+1.555.123.4567",
            "030/12345678",
        ]
    ),
)
def test_a_number_is_masked_wherever_it_stands(around: str, number: str) -> None:
    shown = masked(around.format(number), longest=128)
    assert "masked" in shown
    assert not re.search(r"\d{3}", shown)


@pytest.mark.parametrize("before", ["call_", "tel", "caller_tel_", "_"])
@pytest.mark.parametrize("number", ["491701234567", "+491701234567"])
def test_a_number_is_masked_after_a_word_or_an_underscore(before: str, number: str) -> None:
    assert masked(before + number, longest=128) == f"{before}masked"


UNITS = ["a", "_", "a_", "(", "+", "1(", "a@", "@", "1 ", "1", "0-", "((1x", "f0-", "sip:", "\n"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_text_is_masked_in_time_with_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length] + "x"
        began = time.process_time()
        masked(text, longest=64)
        return time.process_time() - began

    # Eight times the length takes eight times as long; with the square, sixty-four times.
    short, long = (min(seconds(length) for _ in range(3)) for length in (2_000, 16_000))
    assert long < 30 * max(short, 1e-4)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a((+49 170 1234567", "a(masked"),
        ("a(1234567", "a(masked"),
        ("(((1234567)", "masked)"),
        ("a@b:c@d", "masked@d"),
        ("1((((((((", "1(((((((("),
    ],
)
def test_signs_before_a_number_go_with_it(said: str, shown: str) -> None:
    assert masked(said, longest=64) == shown
