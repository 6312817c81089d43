"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_bundle import write_tiny

from tonfall.bundle import Bundle
from tonfall.runtime import Predictor

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and calls beside the checkout; skips where it is absent."""
    folder = Path(os.environ.get("TONFALL_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the corpora and calls in {folder.name}/ beside the checkout")
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with random weights, for tests that need a model but no knowledge."""
    return write_tiny(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_bundle: Bundle) -> Predictor:
    """The model of that bundle."""
    return Predictor(tiny_bundle)
