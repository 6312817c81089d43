"""What the tests of audio share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from audio_recordings import Writer, write_recording
from hypothesis import settings

# A busy machine is no failure; pytest's own time limit catches what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes a recording under a name in a folder of the test's own."""

    def write_named(name: str, *args: Any, **options: Any) -> Path:
        return write_recording(tmp_path / name, *args, **options)

    return write_named
