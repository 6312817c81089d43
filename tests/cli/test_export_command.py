"""`tonfall export` and `tonfall augment` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tonfall.bundle import Bundle
from tonfall.cli import app
from tonfall.errors import BundleError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {taps: [0]}
augmentation: {copies: ["level:-30..-10"]}
"""


def called(*words: object) -> str:
    """What a command prints to standard output."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_export_prints_the_table_and_what_was_not_checked(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    said = called("export", tiny_bundle.folder, "-o", tmp_path / "a", "--int8", "dynamic", "-q")
    assert "| form | float32 | 8 bits, dynamic | |" in said
    assert "| unweighted recall, % | not checked | not checked | |" in said
    assert "name a protocol or labelled clips with --check" in said
    assert said.rstrip().endswith(str(tmp_path / "a"))
    words = ("export", tiny_bundle.folder, "-o", tmp_path / "b", "--int8", "dynamic", "--json")
    report = json.loads(called(*words))
    assert report["after"]["form"] == "dynamic"
    assert (
        report["command"]
        == f"tonfall export {tiny_bundle.folder} -o {tmp_path / 'b'} --int8 dynamic"
    )


def test_export_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither a bundled model"):
        called("export", tmp_path / "absent", "-o", tmp_path / "a", "--int8", "static")


def test_augment_prints_what_was_drawn(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    words = ("augment", CLIP, "--recipe", tmp_path / "tiny.yaml", "--draws", 2)
    said = called(*words, "-o", tmp_path / "a")
    assert said.count("level:-") == 2
    rows = json.loads(called(*words, "-o", tmp_path / "b", "--json"))
    assert [row["file"] for row in rows] == ["clip.wav", "copy1-1.wav", "copy1-2.wav"]
