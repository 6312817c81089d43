"""Clips through a bundle as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from tonfall.bundle import find_bundle
from tonfall.lab.bundle_scores import bundle_scores

CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"


def test_a_bundle_made_anew_in_its_folder_is_another_model(tmp_path: Path) -> None:
    items = pd.DataFrame({"item": ["clip"], "file": [str(CLIP)]})
    folder = tmp_path / "model"
    shutil.copytree(find_bundle("small"), folder)
    first = bundle_scores(folder, items, workers=1)
    shutil.rmtree(folder)
    shutil.copytree(find_bundle("medium"), folder)
    again = bundle_scores(folder, items, workers=1)
    assert first["anger"].item() != again["anger"].item()
