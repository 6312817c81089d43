"""tonfall keys: made once, listed without the secret, ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tonfall.cli import app
from tonfall.errors import ConfigError
from tonfall.serve.store import Store


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["keys", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.strip()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tonfall.db"


def test_a_key_is_made_listed_and_ended(database: str) -> None:
    options = ["--tenant", "acme", "--database", database]
    secret = run("create", "--scope", "read", "-s", "ingest", "--name", "desk", *options)
    store = Store.open(database)
    found = store.keys.find(secret)
    assert found is not None
    assert (found.tenant, found.scopes) == ("acme", {"ingest", "read"})
    listed = run("list", *options)
    assert listed == f"{found.id}  acme  ingest,read  works  for ever  desk"
    assert secret.split("_")[2] not in listed
    assert run("revoke", found.id, *options) == f"{found.id} ended."
    assert "ended" in run("list", "--database", database)
    assert store.keys.find(secret) is None
    store.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "--scope", "everything"], "no scope everything"),
        (["create", "--scope", "read", "--tenant", "Big Co"], "small letters"),
        (["create", "--scope", "read", "--name", "desk\nfake  acme"], "one line of at most 128"),
        (["create", "--scope", "read", "--name", "\x1b[2J"], "printable characters"),
        (["create", "--scope", "read", "--name", "n" * 129], "at most 128"),
        (["list", "--database", "mysql://x/y"], "mysql is not supported"),
    ],
)
def test_mistakes_are_said_in_a_sentence(database: str, arguments: list[str], says: str) -> None:
    if "--database" not in arguments:
        arguments = [*arguments, "--database", database]
    refused(arguments, says)


@pytest.mark.parametrize("given", ["tf_{id}_{proof}", "{id}_{proof}", "{id}"])
def test_a_whole_key_is_ended_and_never_told(database: str, given: str) -> None:
    secret = run("create", "--scope", "read", "--database", database)
    _, identity, proof = secret.split("_", 2)
    named = given.format(id=identity, proof=proof)
    assert run("revoke", named, "--database", database) == f"{identity} ended."
    again = refused(["revoke", named, "--database", database], f"no key {identity} that works")
    assert proof not in again


def test_what_has_no_id_is_not_told_either(database: str) -> None:
    secret = run("create", "--scope", "read", "--database", database)
    proof = secret.split("_", 2)[2]
    assert proof not in refused(["revoke", proof, "--database", database], "16 hexadecimal")


@pytest.mark.parametrize("arguments", [["list"], ["revoke", "0" * 16]])
def test_no_database_is_made_only_to_look_into_it(
    database: str, tmp_path: Path, arguments: list[str]
) -> None:
    refused([*arguments, "--database", database], "There is no database .*tonfall.db")
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_keys_it_says_how_to_make_one(database: str) -> None:
    Store.open(database).close()
    listed = CliRunner().invoke(app, ["keys", "list", "--database", database])
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "make one with: tonfall keys create" in listed.stderr


def refused(arguments: list[str], says: str) -> str:
    """Run what is misuse, which is status 2; the sentence that tells of it."""
    with pytest.raises(ConfigError, match=says) as told:
        CliRunner().invoke(app, ["keys", *arguments], catch_exceptions=False)
    return str(told.value)
