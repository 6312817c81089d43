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
        (["revoke", "none"], "no key none"),
        (["list", "--database", "mysql://x/y"], "mysql is not supported"),
    ],
)
def test_mistakes_are_said_in_a_sentence(database: str, arguments: list[str], says: str) -> None:
    if "--database" not in arguments:
        arguments = [*arguments, "--database", database]
    with pytest.raises(ConfigError, match=says):
        CliRunner().invoke(app, ["keys", *arguments], catch_exceptions=False)
