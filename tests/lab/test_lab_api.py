"""What the commands call, from a program: the same figures, nothing written, steps told."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from made_clips import PITCHES, made_corpus

from tonfall import lab
from tonfall.bundle import Bundle
from tonfall.cli import main
from tonfall.errors import ConfigError, ProtocolError
from tonfall.evaluation.protocols import Rules
from tonfall.evaluation.reports import Report, read_report
from tonfall.lab import Step

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``shop.csv``: 36 clips of six voices."""
    folder = tmp_path / "a" / "work"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TONFALL_DATA", raising=False)
    monkeypatch.setenv("TONFALL_CACHE", str(folder / "cache"))
    made = made_corpus(folder, "clips", speakers=6, takes=2)
    files = [f"clips/{Path(file).name}" for file in made["file"]]
    table = pd.DataFrame({"file": files, "speaker": made["speaker"], "label": made["label"]})
    table.to_csv("shop.csv", index=False)
    return folder


def by_name(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Right by the names of files, and never sure."""
    del train, development
    spoken = test["file"].str.extract(r"-(\w+)-\d\.wav$")[0]
    shares = {label: 0.2 + 0.4 * (spoken == label) for label in PITCHES}
    return pd.DataFrame({"item": test["item"], **shares})


@pytest.mark.usefixtures("work")
def test_a_function_is_measured_and_nothing_is_written(work: Path) -> None:
    before = set(work.iterdir())
    report = lab.evaluate(by_name, "grouped/shop/3", data={"shop": "shop.csv"})
    assert isinstance(report, Report)
    assert report.figures["ua"].value == 1
    assert report.model.name.endswith("by_name")
    assert report.command.endswith("by_name --protocol grouped/shop/3")
    assert set(work.iterdir()) - before <= {work / "cache"}


def test_a_bundle_gives_the_report_of_the_command(
    work: Path, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for when it was made; the bundle is named alike, so the command is, too."""
    report = lab.evaluate(
        tiny_bundle.folder, "all/shop", data={"shop": "shop.csv"}, degrade="loss:20", workers=1
    )
    words = f"tonfall evaluate {tiny_bundle.folder} -p all/shop --data shop.csv -j 1 -q"
    monkeypatch.setattr("sys.argv", [*words.split(), "--degrade", "loss:20"])
    with pytest.raises(SystemExit):
        main()
    written = read_report(work / "reports/all-shop/tiny-bundle/loss-20/report.json")
    assert written.condition == report.condition == "loss:20"
    shown = report.model_copy(update={"created": written.created})
    assert shown.model_dump_json() == written.model_dump_json()


@pytest.mark.usefixtures("work")
def test_stages_begin_and_end_and_folds_and_clips_are_counted(tiny_bundle: Bundle) -> None:
    steps: list[Step] = []
    lab.evaluate(
        tiny_bundle.folder, "all/shop", data=["shop.csv"], workers=1, progress=steps.append
    )
    titles = list(dict.fromkeys(step.title for step in steps))
    assert titles[:2] == ["checking corpora", "looking for silent clips"]
    for title in titles:
        own = [step for step in steps if step.title == title]
        assert [(own[0].unit, own[0].done), (own[-1].unit, own[-1].done)] == [
            ("stage", 0),
            ("stage", 1),
        ]
    judged = [(step.done, step.total) for step in steps[1:] if step.title == titles[-1]]
    assert (36, 36) in judged


def test_calls_and_sites_have_reports_of_their_own(work: Path, tiny_bundle: Bundle) -> None:
    made = made_corpus(work, "talks", speakers=2, takes=8)
    made["file"] = [f"talks/{Path(file).name}" for file in made["file"]]
    made[["file", "speaker", "label"]].to_csv("talks.csv", index=False)
    data = {"talks": "talks.csv"}
    found = lab.calls(tiny_bundle.folder, ["talks"], data=data)
    assert list(found.ways) == ["baseline off", "baseline on", "site", "site and call"]
    assert lab.site(tiny_bundle.folder, ["talks"], data=data).corpora == ("talks",)
    with pytest.raises(ConfigError, match=r"ask tonfall\.lab\.calls for it"):
        lab.evaluate(tiny_bundle.folder, "calls/talks", data=data)
    with pytest.raises(ConfigError, match=r"^'by_name' cannot be .* expected a bundle, or a"):
        lab.calls(by_name, ["talks"], data=data)


@pytest.mark.usefixtures("work")
def test_what_cannot_be_measured_is_refused_in_one_sentence() -> None:
    data = {"shop": "shop.csv"}
    with pytest.raises(ConfigError, match=r"names 2 conditions, but a report is of one"):
        lab.evaluate(by_name, "all/shop", data=data, degrade="telephone,loss:5")
    with pytest.raises(ConfigError, match=r"ask tonfall\.lab\.measure for it"):
        lab.evaluate(by_name, "matrix/four", data=data)
    with pytest.raises(ConfigError, match="'nobody' is nothing that can be measured"):
        lab.evaluate("nobody", "all/shop", data=data)
    with pytest.raises(ProtocolError, match="no such report"):
        lab.compare("nothing.json", "nothing.json")


@pytest.mark.usefixtures("work")
def test_two_reports_are_compared_and_a_protocol_is_told() -> None:
    data = {"shop": "shop.csv"}
    folds = lab.protocol("grouped/shop/3", data=data, seed=1)
    assert len(folds.folds) == 3
    reports = [
        lab.evaluate(by_name, "grouped/shop/3", data=data, rules=Rules(seed=1)) for _ in range(2)
    ]
    assert reports[0].protocol.hash == folds.hash
    assert "No certain difference" in lab.compare(*reports).in_words()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_examples_of_the_page_run(work: Path) -> None:
    """Those of the section "From Python", which need recordings."""
    section = PAGE.read_text().partition("## From Python")[2].partition("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert examples
    namespace: dict[str, object] = {}
    for example in examples:
        exec(example, namespace)
    assert (work / "reports/shop/report.json").is_file()
