"""Many recordings: names of what they leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tonfall.analysis.batch import Order, analyze_files, distinct_stems


def test_names_that_differ_in_case_only_are_numbered() -> None:
    files = ["a/Call.wav", "b/call.wav", "c/call.flac", "d/other.wav"]
    assert list(distinct_stems(files).values()) == ["Call", "call-2", "call-3", "other"]


def test_a_file_that_is_named_twice_is_analysed_once(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    soundfile.write(file, np.zeros(16000), 16000)
    order = Order("small-research", True, tmp_path / "out", ("json",), ())
    outcomes = list(analyze_files([str(file), str(file)], order, workers=1))
    assert [outcome.file for outcome in outcomes] == [str(file)]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["call.json"]
