"""Sites: speakers who are heard and speakers who are judged, never the same."""

from __future__ import annotations

import pandas as pd
import pytest

from tonfall.errors import ProtocolError
from tonfall.evaluation.running import ModelFacts
from tonfall.evaluation.sites import COUNTS, draw_sites, sites_hash
from tonfall.evaluation.sites_report import SiteReport, site_figures


def clips(*, speakers: int = 7, neutral: int = 20, others: int = 20) -> pd.DataFrame:
    rows = [
        (f"{corpus}/{speaker}-{number}", corpus, f"s{speaker}", label)
        for corpus in ("one", "two")
        for speaker in range(speakers)
        for number, label in enumerate(["neutral"] * neutral + ["anger", "sadness"] * (others // 2))
    ]
    return pd.DataFrame(rows, columns=["item", "corpus", "speaker", "label"])


ITEMS = clips()
SPEAKER = dict(zip(ITEMS["item"], ITEMS["corpus"] + "/" + ITEMS["speaker"], strict=True))
LABEL = dict(zip(ITEMS["item"], ITEMS["label"], strict=True))


@pytest.mark.parametrize("draw", draw_sites(ITEMS))
def test_no_speaker_is_heard_and_judged(draw) -> None:  # type: ignore[no-untyped-def]
    heard = {SPEAKER[item] for item in draw.neutral + draw.others}
    judged = {SPEAKER[item] for item in draw.judged}
    assert heard & judged == set()
    assert {name.split("/")[0] for name in heard | judged} == {draw.corpus}


def test_every_clip_is_judged_equally_often() -> None:
    times = pd.Series([item for draw in draw_sites(ITEMS) for item in draw.judged]).value_counts()
    assert len(times) == len(ITEMS)
    assert set(times) == {4}


def test_seven_in_ten_are_neutral_and_more_clips_hold_fewer() -> None:
    for draw in draw_sites(ITEMS):
        before: set[str] = set()
        for count in COUNTS[:4]:
            heard = draw.heard(count)
            found = sum(LABEL[item] == "neutral" for item in heard)
            assert found == round(0.7 * len(heard))
            assert before <= set(heard)
            before = set(heard)
        assert len(draw.heard(30)) == 30


def test_the_share_stays_where_clips_are_few() -> None:
    (draw, *_) = draw_sites(clips(speakers=2, neutral=7, others=20))
    heard = draw.heard(400)
    assert len(heard) == 10
    assert sum("neutral" in item for item in draw.neutral) == 0
    assert len(set(heard) & set(draw.neutral)) == 7


def test_a_site_without_neutral_clips_gives_none() -> None:
    (draw, *_) = draw_sites(clips(neutral=0))
    assert draw.heard(100) == ()


def test_the_seed_decides() -> None:
    shuffled = ITEMS.sample(frac=1, random_state=1)
    assert sites_hash(draw_sites(shuffled)) == sites_hash(draw_sites(ITEMS))
    assert sites_hash(draw_sites(ITEMS, seed=1)) != sites_hash(draw_sites(ITEMS))


def test_one_speaker_is_no_site() -> None:
    with pytest.raises(ProtocolError, match=r"one: it has one speaker, .* two or more"):
        draw_sites(clips(speakers=1))


def test_figures_are_means_of_corpora() -> None:
    judged = pd.DataFrame(
        {
            "corpus": ["one"] * 4 + ["two"] * 4,
            "speaker": ["a", "a", "b", "b"] * 2,
            "truth": ["anger", "neutral"] * 4,
            "prediction": ["anger", "neutral"] * 2 + ["anger", "anger"] * 2,
        }
    )
    found = {figure.name: figure.interval.value for figure in site_figures(judged)}
    assert found == {
        "UA": 75,
        "anger found": 100,
        "neutral called angry": 50,
        "UA, one": 100,
        "UA, two": 50,
    }


def test_the_report_says_what_was_heard_in_training_and_where_clips_were_few() -> None:
    report = SiteReport(
        model=ModelFacts("m", "bundle", "h", ("two",), calibrated_on=("one",)),
        corpora=("one", "two"),
        left_out=False,
        labels=("anger", "neutral"),
        seed=0,
        draws=8,
        hash="0123456789abcdef",
        degradation="",
        used={"10 clips": {"one": 10.0, "two": 7.0}},
        ways={},
    )
    text = report.text()
    assert "Not all had so many clips to give; 10 clips: 7 of two." in text
    assert "The model has learnt from two" in text
    assert "threshold were chosen on one, which" in text
    content = report.to_json()
    assert (content["schema"], content["schema_version"]) == ("tonfall-site", 1)
    assert content["model"] == {"name": "m", "kind": "bundle", "hash": "h", "trained_on": ["two"]}
    assert str(content["created"]).endswith("Z")
