"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and calls beside the checkout; skips where it is absent."""
    folder = Path(os.environ.get("TONFALL_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the corpora and calls in {folder.name}/ beside the checkout")
    return folder
