"""Servers for the tests of HTTP, each with a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "store"))
from running_node import Running, running

from tonfall.bundle import Bundle


@pytest.fixture(scope="session")
def model(tiny_bundle: Bundle) -> Path:
    """The folder of the model that these servers use."""
    return tiny_bundle.folder


@pytest.fixture(scope="module")
def open_node(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running]:
    """A server out of the box: on loopback, without accounts."""
    with running(tmp_path_factory.mktemp("open"), model) as node:
        yield node


@pytest.fixture(scope="module")
def keyed_node(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running]:
    """A server whose clients need keys."""
    with running(tmp_path_factory.mktemp("keyed"), model, auth={"mode": "keys"}) as node:
        yield node
