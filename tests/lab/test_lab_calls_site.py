"""Composed calls with a site's prior: 100 unlabelled clips of other speakers of the corpus."""

from __future__ import annotations

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
from tonfall.emotion import Affect
from tonfall.evaluation.calls import compose_calls
from tonfall.evaluation.calls_report import CallsReport
from tonfall.evaluation.running import ModelFacts
from tonfall.lab import calls_protocol as protocol
from tonfall.lab.call_clips import call_items
from tonfall.lab.calls_protocol import evaluate_calls
from tonfall.lab.calls_site import call_sites
from tonfall.runtime import Predictor

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
FACTS = ModelFacts("tiny", "bundle")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Half-seconds of the example call as clips of three speakers, mostly neutral."""
    folder = tmp_path_factory.mktemp("clips")
    waveform, rate = read(EXAMPLE)
    rows = []
    for number in range(60):
        file = folder / f"{number}.wav"
        start = round((4 + 0.5 * number) * rate)
        soundfile.write(file, waveform[number % 2, start : start + rate], rate)
        label = ("calm", "anger", "neutral", "sadness")[number // 3 % 4]
        rows.append((str(number), str(file), "made", f"s{number % 3}", label))
    return pd.DataFrame(rows, columns=["item", "file", "corpus", "speaker", "label"])


@pytest.fixture(scope="module")
def judged(items: pd.DataFrame, tiny: Predictor) -> tuple[CallsReport, dict[str, pd.DataFrame]]:
    """The report, and the judged rows that it was made of."""
    tables: dict[str, pd.DataFrame] = {}
    real = protocol.calls_report

    def watched(judged: dict[str, pd.DataFrame], **how: object) -> CallsReport:
        tables.update(judged)
        return real(judged, **how)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "calls_report", watched)
        return evaluate_calls(tiny, items, facts=FACTS), tables


def test_no_call_has_its_own_speaker_for_a_site(items: pd.DataFrame) -> None:
    rows = call_items(items, ["made"])
    calls = compose_calls(rows.reset_index(drop=True))
    sites = call_sites(rows, calls, seed=0)
    assert sites is not None
    assert set(sites.of_call) == set(calls["call"])
    assert len(sites.heard) == 2
    for call, own in calls.groupby("call"):
        heard = rows.loc[list(sites.heard[sites.of_call[str(call)]][1])]
        assert len(heard) >= 10
        assert own["speaker"].iloc[0] not in set(heard["speaker"])
        assert (heard["label"] == "neutral").mean() == pytest.approx(0.7, abs=0.05)


def test_there_are_ways_with_a_site_and_the_report_says_of_what(
    judged: tuple[CallsReport, dict[str, pd.DataFrame]],
) -> None:
    report, tables = judged
    assert list(report.ways) == ["baseline off", "baseline on", "site", "site and call"]
    assert 10 <= report.site_clips["made"] < 100
    assert "unlabelled clips of other speakers" in report.text()
    content = report.to_json()["protocol"]
    assert isinstance(content, dict)
    assert content["site_clips"] == {"made": report.site_clips["made"]}
    scores = [table["anger"].to_numpy() for table in tables.values()]
    assert all((scores[0] != other).any() for other in scores[1:])


def test_calls_are_judged_as_an_adapted_bundle_would(
    items: pd.DataFrame,
    tiny_bundle: Bundle,
    judged: tuple[CallsReport, dict[str, pd.DataFrame]],
    tmp_path: Path,
) -> None:
    tiny, (_, tables) = Predictor(tiny_bundle), judged
    rows = call_items(items, ["made"])
    calls = compose_calls(rows.reset_index(drop=True))
    sites = call_sites(rows, calls, seed=0)
    assert sites is not None
    name = str(calls["call"].iloc[0])
    file = dict(zip(rows["item"], rows["file"], strict=True))

    def anger(affect: Affect) -> float:
        return affect.probabilities[affect.labels.index("anger")]

    def samples(item: str) -> tuple[np.ndarray, int]:
        return read(Path(file[item]))

    voices = []
    for item in sites.heard[sites.of_call[name]][1]:
        waveform, rate = samples(item)
        voices.append(tiny.judge(waveform, sampling_rate=rate, baseline=tiny.baseline())[1])
    prior = SitePrior(gated_mean(voices), 16.0, tiny.hash, 10, 10, 20.0)
    adapted = Predictor(adapt_bundle(tiny_bundle, prior, tmp_path / "site"))
    baseline = adapted.baseline()
    alone, going = [], []
    for item in calls.loc[calls["call"] == name, "item"]:
        waveform, rate = samples(item)
        alone.append(anger(adapted.predict(Path(file[item]))))
        affect, baseline = adapted.judge(waveform, sampling_rate=rate, baseline=baseline)
        going.append(anger(affect))
    for way, expected in (("site", alone), ("site and call", going)):
        found = tables[way].loc[tables[way]["call"] == name, "anger"]
        # The bundle's prior is rounded to six digits.
        assert found.to_numpy() == pytest.approx(expected, abs=1e-3)


def test_a_speaker_alone_in_a_corpus_has_no_site(items: pd.DataFrame, tiny: Predictor) -> None:
    report = evaluate_calls(tiny, items[items["speaker"] == "s0"], facts=FACTS)
    assert list(report.ways) == ["baseline off", "baseline on"]
    assert report.site_clips == {}


def test_a_model_without_a_baseline_has_no_site(items: pd.DataFrame, tmp_path: Path) -> None:
    lone = Predictor(write_tiny(tmp_path / "lone", spec=tiny_spec(baseline=False)))
    assert list(evaluate_calls(lone, items, facts=FACTS).ways) == ["baseline off"]


@pytest.mark.usefixtures("tiny_front")
def test_a_recipe_is_fitted_without_each_site(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch: extra train")
    from tonfall.learn.encoders import WhisperEncoder
    from tonfall.learn.recipe import Augmentation, read_recipe

    small = read_recipe(EXAMPLE.parents[1] / "recipes" / "small.yaml")
    plain = {"augmentation": Augmentation(), "merge": {}, "encoder": WhisperEncoder(taps=(0,))}
    recipe = small.model_copy(update=plain)
    made = [made_corpus(tmp_path, name, speakers=4, takes=4) for name in ("one", "two")]
    report = evaluate_calls(
        recipe,
        pd.concat(made, ignore_index=True),
        facts=ModelFacts("small", "recipe"),
        corpora=["one", "two"],
    )
    assert list(report.ways) == [
        "trained without",
        "baseline off",
        "baseline on",
        "site",
        "site and call",
    ]
    names = [figure.name for figure in report.ways["site"]]
    assert "budget of 20 an hour, nested: anger found" in names
    assert set(report.site_clips) == {"one", "two"}
