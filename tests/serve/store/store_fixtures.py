"""Fixtures over both databases; a conftest elsewhere may import them from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from postgresql_server import PostgreSQLServer, running

from tonfall.serve.store import Store, Writer, writer

__all__ = [
    "new_writer",
    "patient",
    "postgresql",
    "postgresql_url",
    "sqlite_url",
    "store",
    "store_url",
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a change takes its time; who does not say how long waits for it."""
    monkeypatch.setattr(writer, "PATIENCE_S", 60.0)
    monkeypatch.setattr(writer, "CLOSING_S", 60.0)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL server that this run of the tests started."""
    with running() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/tonfall.db"


@pytest.fixture
def postgresql_url(postgresql: PostgreSQLServer) -> Iterator[str]:
    """Of an empty PostgreSQL database."""
    name = f"t{uuid4().hex}"
    yield postgresql.create(name)
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Of an empty database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new store on each kind of database."""
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def new_writer(store: Store) -> Iterator[Callable[..., Writer]]:
    """Makes writers that are closed at the end."""
    made: list[Writer] = []

    def make(**options: object) -> Writer:
        made.append(Writer(store, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
