"""The recipes of pretrained encoders, from their command to a call that is scored.

The checkpoint is a tiny random one; all else is as a user has it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_calls import AGENT, CUSTOMER, RATE, Shop, example, finish, open_call, packets, play
from made_clips import made_corpus
from tiny_encoders import save_tiny

from tonfall.analysis import analyze_blocks
from tonfall.audio import AudioInfo
from tonfall.bundle import read_bundle
from tonfall.cli import main
from tonfall.corpora import Manifest
from tonfall.runtime import Predictor

pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")
pytest.importorskip("transformers", reason="these encoders need transformers: extra train")

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        ("wavlm-lora", "wavlm"),
        pytest.param("wavlm-lora", "hubert", marks=pytest.mark.slow),
        pytest.param("wav2vec2", "wav2vec2", marks=pytest.mark.slow),
    ],
)
def test_a_recipe_is_trained_and_its_bundle_serves_a_call_as_it_analyses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, kind: str
) -> None:
    """By the command of docs/training.md, an epoch long, on recordings of one's own."""
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    words = ["tonfall", "train", str(RECIPES / f"{recipe}.yaml"), "--quiet"]
    words += ["--encoder", str(save_tiny(tmp_path / kind, kind)), "--set", "training.epochs=1"]
    words += ["--manifest", str(tmp_path / "one.parquet")]
    monkeypatch.setattr("sys.argv", [*words, "--output", str(tmp_path / "model")])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    bundle = read_bundle(tmp_path / "model")
    assert bundle.spec.front_end.kind == "waveform"
    assert f"The front is the checkpoint {kind}," in bundle.card
    samples = example(44, 54)
    info = AudioInfo("", RATE, len(samples), samples.shape[1], "WAV/FLOAT")
    model = Predictor(bundle)
    expected = analyze_blocks([samples], info=info, predictor=model, scored=(True, False))
    with Shop(model) as shop:
        call = open_call(shop.desk, CUSTOMER, AGENT)
        play(call, packets(samples))
        finish(call)
        assert shop.windows(call) == list(expected.timeline.windows)
    assert expected.timeline.windows
