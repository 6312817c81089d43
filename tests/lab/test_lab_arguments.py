"""A path may be a string, one name may stand for a list of one, and what is neither is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tonfall import lab
from tonfall.errors import ConfigError
from tonfall.lab import Experiment, Step, evaluating, find_places, leaderboards, read_conditions
from tonfall.lab.progress import stage


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TONFALL_DATA", raising=False)
    pd.DataFrame({"file": ["a.wav"], "speaker": ["a"], "label": ["anger"]}).to_csv("shop.csv")


@pytest.mark.parametrize(
    "data", ["shop.csv", Path("shop.csv"), [Path("shop.csv")], {"shop": Path("shop.csv")}]
)
def test_corpora_are_given_one_or_many(data: lab.experiment.Data) -> None:
    assert find_places(data)["shop"] == Path("shop.csv")


def test_one_corpus_of_calls_is_no_list_of_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def reports(experiment: Experiment, *_: object, **__: object) -> list[object]:
        asked.append(experiment.protocol)
        raise ConfigError("far enough")

    monkeypatch.setattr(evaluating, "calls_reports", reports)
    for measured in (lab.calls, lab.site):
        with pytest.raises(ConfigError, match="far enough"):
            measured("medium", "shop")
    assert asked == ["calls/shop", "site/shop"]


def test_conditions_are_one_or_a_list() -> None:
    assert read_conditions(["telephone", "loss:5"]) == read_conditions("telephone,loss:5")
    with pytest.raises(ConfigError, match="names 2 conditions"):
        lab.evaluate("medium", "all/shop", data="shop.csv", degrade=["telephone", "loss:5"])


def test_an_experiment_of_one_model_and_paths_as_strings() -> None:
    found = Experiment("medium", "emobox/ravdess", {}, lists="folds")  # type: ignore[arg-type]
    assert found.models == ("medium",)
    assert found.lists == Path("folds")
    command = found.command(*found.models)
    assert command == "tonfall evaluate medium --protocol emobox/ravdess --protocols folds"
    with pytest.raises(ConfigError, match="'telephone' was given for a degradation"):
        Experiment(("medium",), "all/shop", {}, ("telephone",))  # type: ignore[arg-type]


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"list was given for a model, but .*tonfall.lab.measure"):
        lab.evaluate(["medium"], "all/shop", data="shop.csv")  # type: ignore[arg-type]


def test_a_stage_that_fails_does_not_end() -> None:
    steps: list[Step] = []
    with pytest.raises(RuntimeError), stage("judging", steps.append):
        raise RuntimeError
    assert [step.done for step in steps] == [0]


def test_protocols_of_one_name_have_a_robustness_matrix_each() -> None:
    names = leaderboards._file_names(
        {"0123456789": "loso/shop", "abcdefghij": "loso/shop", "z": "loso/emodb"}
    )
    assert names == {
        "0123456789": "loso-shop-01234567",
        "abcdefghij": "loso-shop-abcdefgh",
        "z": "loso-emodb",
    }
