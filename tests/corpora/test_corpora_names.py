"""Names of files that no table can hold."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.corpora.preparation import prepare
from tonfall.errors import ManifestError


@pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")
def test_a_name_that_is_not_utf_8_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "happy"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    path = folder / os.fsdecode(b"caf\xe9.wav")
    with path.open("wb") as file:
        soundfile.write(file, 0.1 * rng.standard_normal(8000), 16000, format="WAV")
    with pytest.raises(ManifestError, match=r"caf\\xe9\.wav: its name is not UTF-8.* Rename it\."):
        prepare("folders", tmp_path / "mine")
