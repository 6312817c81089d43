"""The protocol ``calls`` with a model that is there: any corpus, degraded or not, no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from made_clips import joined
from tiny_bundle import tiny_spec, write_tiny

from tonfall.audio import read
from tonfall.bundle import Bundle
from tonfall.errors import ProtocolError
from tonfall.evaluation.calls_report import CallsReport
from tonfall.evaluation.items import mark_silent
from tonfall.evaluation.running import ModelFacts
from tonfall.lab.call_clips import call_items
from tonfall.lab.calls_protocol import evaluate_calls
from tonfall.learn.degrade import parse_degradation
from tonfall.runtime import Predictor

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
FACTS = ModelFacts("tiny", "bundle")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Seconds of the example call as clips of two speakers, labelled at random."""
    folder = tmp_path_factory.mktemp("clips")
    waveform, rate = read(EXAMPLE)
    rows = []
    for speaker, channel in enumerate(waveform):
        for number in range(20):
            file = folder / f"{speaker}-{number}.wav"
            start = (4 + number) * rate
            soundfile.write(file, channel[start : start + rate], rate)
            label = ("calm", "anger", "neutral", "sadness", "disgust")[number % 5]
            rows.append((f"{speaker}-{number}", str(file), "made", f"s{speaker}", label))
    return pd.DataFrame(rows, columns=["item", "file", "corpus", "speaker", "label"])


@pytest.fixture(scope="module")
def report(items: pd.DataFrame, tiny: Predictor) -> CallsReport:
    return evaluate_calls(tiny, items, facts=FACTS)


def test_a_bundle_is_judged_as_it_is_with_and_without_its_baseline(
    report: CallsReport, tiny: Predictor
) -> None:
    assert list(report.ways) == ["baseline off", "baseline on", "site", "site and call"]
    assert report.model.hash == tiny.hash
    assert (report.left_out, report.corpora) == (False, ("made",))
    names = [[row.name for row in rows] for rows in report.ways.values()]
    assert all(each == names[0] for each in names)


def test_the_first_clip_of_a_call_is_judged_alike_either_way(report: CallsReport) -> None:
    off, on = (report.ways[way][0] for way in ("baseline off", "baseline on"))
    assert off.name == on.name == "first clip of a call, UA"
    assert off.interval.value == on.interval.value
    assert any(
        one.interval.value != other.interval.value
        for one, other in zip(report.ways["baseline off"], report.ways["baseline on"], strict=True)
        if np.isfinite(one.interval.value)
    )


def test_the_same_again_is_the_same(
    report: CallsReport, items: pd.DataFrame, tiny: Predictor
) -> None:
    again = evaluate_calls(tiny, items.sample(frac=1, random_state=0), facts=FACTS)
    assert again.table() == report.table()
    assert again.hash == report.hash


def test_turns_of_a_recording_are_the_clips_cut_apart(
    report: CallsReport, items: pd.DataFrame, tiny: Predictor, tmp_path: Path
) -> None:
    turns = joined(items, tmp_path / "dialogue.wav")
    assert evaluate_calls(tiny, turns, facts=FACTS).table() == report.table()


def test_silent_clips_are_in_no_call_and_counted(
    items: pd.DataFrame, tiny: Predictor, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "nothing.wav", [0.0] * 8000, 8000)
    files = items["file"].where(items["item"] != "0-1", str(tmp_path / "nothing.wav"))
    report = evaluate_calls(tiny, mark_silent(items.assign(file=files)), facts=FACTS)
    assert report.silent == ("made/0-1",)
    assert "1 silent clip was left out: made/0-1." in report.text()


def test_through_a_telephone_the_calls_are_the_same_and_the_scores_others(
    report: CallsReport, items: pd.DataFrame, tiny: Predictor
) -> None:
    worse = evaluate_calls(tiny, items, facts=FACTS, degradation=parse_degradation("level:-40"))
    assert worse.hash == report.hash
    assert worse.degradation == "level:-40"
    assert "through level:-40" in worse.text()


def test_a_model_without_a_baseline_is_judged_alone(tmp_path: Path, items: pd.DataFrame) -> None:
    bundle: Bundle = write_tiny(tmp_path / "alone", spec=tiny_spec(baseline=False))
    report = evaluate_calls(Predictor(bundle), items, facts=FACTS)
    assert list(report.ways) == ["baseline off"]


def test_calm_counts_as_neutral_and_other_labels_are_left_out(items: pd.DataFrame) -> None:
    rows = call_items(items, ["made"])
    assert set(rows["label"]) == {"neutral", "anger", "sadness"}
    assert len(rows) == 32
    assert rows["item"].str.startswith("made/").all()


def test_a_corpus_that_is_not_there_is_named(items: pd.DataFrame, tiny: Predictor) -> None:
    with pytest.raises(ProtocolError, match="needs the corpus emodb"):
        evaluate_calls(tiny, items, facts=FACTS, corpora=["emodb"])


def test_measuring_a_bundle_needs_no_pytorch() -> None:
    code = "import sys, tonfall.lab.calls_protocol; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_recipe_needs_a_corpus_to_be_fitted_on(items: pd.DataFrame) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch: extra train")
    from tonfall.learn.recipe import read_recipe

    recipe = read_recipe(EXAMPLE.parents[1] / "recipes" / "small-research.yaml")
    with pytest.raises(ProtocolError, match="only made was given; give two corpora or more"):
        evaluate_calls(recipe, items, facts=ModelFacts("small", "recipe"), corpora=["made"])
