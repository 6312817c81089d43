"""The protocol ``site``: priors from clips of other speakers, as tonfall adapt makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from made_clips import made_corpus
from tiny_bundle import tiny_spec, write_tiny

from tonfall.adaptation import SitePrior, adapt_bundle, gated_mean
from tonfall.audio import read
from tonfall.bundle import Bundle
from tonfall.errors import BundleError, ConfigError
from tonfall.evaluation.running import ModelFacts
from tonfall.evaluation.sites import draw_sites
from tonfall.lab import site_protocol as site
from tonfall.lab.call_clips import call_items
from tonfall.lab.site_protocol import evaluate_site
from tonfall.runtime import Predictor

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
FACTS = ModelFacts("tiny", "bundle")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Seconds of the example call as clips of four speakers."""
    folder = tmp_path_factory.mktemp("clips")
    waveform, rate = read(EXAMPLE)
    rows = []
    for number in range(64):
        speaker, side = number % 4, number % 2
        start = round((4 + 0.5 * number) * rate)
        file = folder / f"{number}.wav"
        soundfile.write(file, waveform[side, start : start + rate], rate)
        label = ("calm", "anger", "neutral", "sadness")[number // 4 % 4]
        rows.append((str(number), str(file), "made", f"s{speaker}", label))
    return pd.DataFrame(rows, columns=["item", "file", "corpus", "speaker", "label"])


def test_a_bundle_is_judged_with_its_own_prior_and_with_others(
    items: pd.DataFrame, tiny: Predictor
) -> None:
    report = evaluate_site(tiny, items, facts=FACTS)
    assert list(report.ways) == ["0 clips", "10 clips", "30 clips", "100 clips", "400 clips"]
    assert report.model.hash == tiny.hash
    values = {way: rows[0].interval.value for way, rows in report.ways.items()}
    assert values["10 clips"] != values["0 clips"]
    assert values["100 clips"] == values["400 clips"], "no more clips were there"
    assert "Not all had so many clips to give" in report.text()
    again = evaluate_site(tiny, items.sample(frac=1, random_state=0), facts=FACTS)
    assert again.table() == report.table()


def test_no_clips_are_the_model_as_it_is(items: pd.DataFrame, tiny: Predictor) -> None:
    report = evaluate_site(tiny, items, facts=FACTS)
    truth = items["label"].replace("calm", "neutral").to_numpy()
    guesses = np.array([tiny.predict(Path(file)).guess for file in items["file"]])
    recalls = [(guesses[truth == label] == label).mean() for label in np.unique(truth)]
    assert report.ways["0 clips"][0].interval.value == pytest.approx(100 * np.mean(recalls))


def test_it_measures_what_an_adapted_bundle_gives(
    items: pd.DataFrame, tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Predictor(tiny_bundle)
    first = draw_sites(call_items(items, ["made"]).reset_index(drop=True), draws=1)
    monkeypatch.setattr(site, "draw_sites", lambda _rows, seed: first)
    report = evaluate_site(tiny, items, facts=FACTS)
    place = {f"made/{item}": number for number, item in enumerate(items["item"])}
    voices = []
    for item in first[0].heard(10):
        samples, rate = read(items["file"][place[item]])
        voices.append(tiny.judge(samples, sampling_rate=rate, baseline=tiny.baseline())[1])
    prior = SitePrior(gated_mean(voices), 16.0, tiny.hash, 10, 10, 20.0)
    adapted = Predictor(adapt_bundle(tiny_bundle, prior, tmp_path / "site"))
    judged = items.iloc[[place[item] for item in first[0].judged]]
    truth = judged["label"].replace("calm", "neutral").to_numpy()
    guesses = np.array([adapted.predict(Path(file)).guess for file in judged["file"]])
    recalls = [(guesses[truth == label] == label).mean() for label in np.unique(truth)]
    assert report.ways["10 clips"][0].interval.value == pytest.approx(100 * np.mean(recalls))


@pytest.mark.usefixtures("tiny_front")
def test_a_recipe_is_fitted_without_each_site(tmp_path: Path) -> None:
    from tonfall.learn.recipe import Augmentation, BaselineRecipe, read_recipe

    small = read_recipe(EXAMPLE.parents[1] / "recipes" / "small-research.yaml")
    recipe = small.model_copy(update={"augmentation": Augmentation(), "merge": {}})
    assert isinstance(recipe.baseline, BaselineRecipe)
    made = [made_corpus(tmp_path, name, speakers=4, takes=3) for name in ("one", "two")]
    items = pd.concat(made, ignore_index=True)
    report = evaluate_site(
        recipe, items, facts=ModelFacts("small", "recipe"), corpora=["one", "two"]
    )
    assert report.left_out
    assert report.corpora == ("one", "two")
    assert [len(rows) for rows in report.ways.values()] == [5] * 5
    assert report.used["10 clips"] == {"one": 8.0, "two": 8.0}
    with pytest.raises(ConfigError, match="small-research has no baseline"):
        evaluate_site(
            recipe.model_copy(update={"baseline": None}),
            items,
            facts=ModelFacts("small", "recipe"),
            corpora=["one", "two"],
        )


def test_a_model_without_a_baseline_is_refused(items: pd.DataFrame, tmp_path: Path) -> None:
    lone = Predictor(write_tiny(tmp_path / "lone", spec=tiny_spec(baseline=False)))
    with pytest.raises(BundleError, match="has no baseline"):
        evaluate_site(lone, items, facts=FACTS)


def test_the_command_writes_a_report(
    items: pd.DataFrame, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    items.assign(start=0.0, end=None).to_csv(tmp_path / "made.csv", index=False)
    words = [
        "evaluate",
        tiny_bundle.folder,
        "-p",
        "site/made",
        "--data",
        f"made={tmp_path}/made.csv",
    ]
    run = [sys.executable, "-c", "from tonfall.cli import main; main()", *map(str, words)]
    done = subprocess.run(
        [*run, "-o", str(tmp_path / "out"), "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| per cent | 0 clips | 10 clips |" in done.stdout
    (written,) = (tmp_path / "out" / "site-made").glob("*/site.json")
    assert json.loads(written.read_text())["protocol"]["name"] == "site"
