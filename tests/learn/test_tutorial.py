"""From a folder of clips and a table to a served model: docs/tutorial.md, as it is written."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import soundfile
import yaml
from made_clips import made_corpus

from tonfall.bundle import read_bundle
from tonfall.cli import main
from tonfall.errors import ManifestError
from tonfall.evaluation.reports import read_report
from tonfall.runtime import load

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytestmark = pytest.mark.usefixtures("tiny_front")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
WORDS = {"neutral": "neutral", "anger": "angry", "sadness": "Sad"}


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return str(found)


def write_table(folder: Path, name: str, **columns: object) -> pd.DataFrame:
    """Clips of six voices and a table with the page's columns."""
    made = made_corpus(folder, "clips", speakers=6, takes=2)
    files = [f"clips/{Path(file).name}" for file in made["file"]]
    table = pd.DataFrame({"file": files, "speaker": made["speaker"]})
    table = table.assign(label=made["label"].map(WORDS), language="de")
    table.assign(**columns).to_csv(folder / name, index=False)
    return table


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a" / "work"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TONFALL_DATA", raising=False)
    return folder


class Shell:
    """Runs the program in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys

    def run(self, words: list[str]) -> tuple[int, str, str]:
        self._patch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as left:
            main()
        said = self._capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    def good(self, command: str) -> tuple[str, str]:
        status, out, err = self.run(shlex.split(command, comments=True))
        assert status == 0, (command, err)
        return out, err

    def bad(self, command: str) -> str:
        status, _, err = self.run(shlex.split(command))
        assert status == 2, err
        assert "\n" not in err.strip()
        return err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def commands(*names: str) -> list[str]:
    """The page's commands of these names, in order."""
    found = re.findall(r"^tonfall .*$", PAGE.read_text(), flags=re.MULTILINE)
    return [command for command in found if command.split()[1] in names]


def call_recording(seconds: int) -> None:
    """``call.wav``: how the example call begins."""
    example = PAGE.parents[1] / "examples" / "call.wav"
    sound, rate = soundfile.read(example, stop=seconds * soundfile.info(example).samplerate)
    soundfile.write("call.wav", sound, rate)


def test_the_page_is_walked_as_written(work: Path, shell: Shell) -> None:
    table = write_table(work, "shop.csv")
    assert block("csv").splitlines()[0] == ",".join(table.columns)
    for line in block("csv").splitlines()[1:]:
        assert line in (work / "shop.csv").read_text()
    (work / "shop.yaml").write_text(block("yaml"))
    call_recording(8)
    steps = commands("data", "train", "models", "evaluate", "analyze")
    assert len(steps) == 6
    said = {command: shell.good(command)[0] for command in steps}
    assert Path("manifests/shop.parquet").is_file()
    assert "36" in said["tonfall data show shop"]
    assert "shop (version 1)" in said["tonfall models shop-model"]
    card = read_bundle("shop-model").card
    assert "our own recordings; everybody agreed to this use" in card
    assert "neutral, anger and sadness" in card
    report = read_report(Path("reports/grouped-shop-3/shop-recipe/report.json"))
    assert report.data.items == 36
    assert report.figures["ua"].value is not None
    assert report.figures["ua"].value > 0.8  # pitches are told apart even by random filters
    assert "confidence" in said["tonfall analyze call.wav --model shop-model"]


@pytest.mark.slow
def test_the_model_is_served_and_called_as_written(work: Path, shell: Shell) -> None:
    """With a free port in place of the page's 8000."""
    write_table(work, "shop.csv")
    (work / "shop.yaml").write_text(block("yaml"))
    call_recording(8)
    (train,), (serve,), (call,), (analyze,) = map(commands, ("train", "serve", "call", "analyze"))
    shell.good(train)
    windows = json.loads(shell.good(f"{analyze} --json --quiet")[0])["windows"]
    port = free_port()
    words = [sys.executable, "-m", *shlex.split(serve), "--port", str(port)]
    where = f"sqlite:///{work / 'calls.db'}"
    with subprocess.Popen(
        [*words, "--database", where], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == f"Tonfall listens at http://127.0.0.1:{port}\n"
            out, _ = shell.good(call.replace("8000", str(port)))
        finally:
            server.send_signal(signal.SIGINT)
    assert "1 done, 0 failed" in out
    customer = [window for window in windows if window["channel"] == 0]
    assert customer
    heard = re.search(r"windows heard\s+(\d+)", out)
    assert heard is not None
    assert int(heard[1]) == len(customer)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_model_without_a_baseline_loads_and_judges_as_it_was_trained(
    work: Path, shell: Shell
) -> None:
    write_table(work, "mine.csv")
    (work / "r.yaml").write_text(block("yaml").replace("shop", "mine"))
    shell.good("tonfall train r.yaml -o model -q")
    model = load("model")
    assert model.spec.baseline is None
    assert (model.spec.name, model.spec.recipe) == ("mine", "r.yaml")
    for label in ("neutral", "anger", "sadness"):
        sound, rate = soundfile.read(f"clips/s1-{label}-0.wav")
        assert model.predict(sound, sampling_rate=rate).guess == label


def test_a_table_with_a_space_in_its_name_is_found_prepared_or_by_the_recipe(
    work: Path, shell: Shell
) -> None:
    write_table(work, "Läden Süd.csv")
    shell.good("tonfall data prepare csv 'Läden Süd.csv'")
    folds = shell.good("tonfall protocols grouped/Läden-Süd/3 --format json")[0]
    assert '"test": "12"' in folds
    recipe = block("yaml").replace("shop.csv", "Läden Süd.csv").replace("  shop:", "  süd:")
    (work / "r.yaml").write_text(recipe)
    shell.good("tonfall evaluate r.yaml --protocol grouped/süd/3 -q")
    assert read_report(Path("reports/grouped-süd-3/shop-recipe/report.json")).data.items == 36


def test_the_card_claims_nothing_that_is_not_known(work: Path, shell: Shell) -> None:
    write_table(work, "csv.csv", language=None, label="neutral")
    table = pd.read_csv("csv.csv")
    table.loc[::2, "label"] = "bored"
    table.loc[1::4, "label"] = "fear"
    table.to_csv("csv.csv", index=False)
    recipe = {"name": "own", "corpora": {"my-table": "csv.csv"}, "encoder": {"taps": [0]}}
    Path("own.yaml").write_text(yaml.safe_dump({**recipe, "labels": ["boredom", "neutral"]}))
    _, err = shell.good("tonfall train own.yaml -o model -q")
    assert "my-table: no licence is stated, and the card says so." in err
    assert "my-table: no language is stated, and the card says so." in err
    assert "my-table: clips have labels that the recipe does not know, fear (9)" in err
    card = read_bundle("model").card
    assert "Not stated, because that of my-table is not." in card
    assert "| my-table | not stated | 36 | 6 | not stated |" in card
    assert "boredom and neutral" in card
    for claim in (
        "seven",
        "six languages",
        "six times in ten",
        "research",
        "surprise",
        "**acted**",
    ):
        assert claim not in card


def test_labels_nobody_knows_are_one_sentence_with_the_row(work: Path, shell: Shell) -> None:
    write_table(work, "shop.csv", label="rage against it")
    (work / "shop.yaml").write_text(block("yaml"))
    said = shell.bad("tonfall train shop.yaml -q")
    assert "shop.csv, item clips/s0-neutral-0: The label 'rage against it' is unknown" in said


def test_clips_without_speakers_are_refused(work: Path, shell: Shell) -> None:
    write_table(work, "shop.csv", speaker=None)
    (work / "shop.yaml").write_text(block("yaml"))
    assert "36 clips name no speaker" in shell.bad("tonfall train shop.yaml -q")


def test_a_label_that_only_held_out_voices_have_is_named(work: Path, shell: Shell) -> None:
    table = write_table(work, "shop.csv")
    table.loc[(table["label"] == "Sad") & (table["speaker"] != "s3"), "label"] = "neutral"
    table.to_csv("shop.csv", index=False)
    (work / "shop.yaml").write_text(block("yaml"))
    said = shell.bad("tonfall train shop.yaml -q")
    assert "without the speakers s3, held out to calibrate, have no sadness" in said


def test_a_silent_clip_is_not_learnt_from(work: Path, shell: Shell) -> None:
    write_table(work, "shop.csv")
    soundfile.write("clips/s0-anger-0.wav", [0.0] * 16_000, 16_000)
    (work / "shop.yaml").write_text(block("yaml"))
    _, err = shell.good("tonfall train shop.yaml -o model -q")
    assert "1 silent clip was left out: clips/s0-anger-0." in err
    assert read_bundle("model").spec.corpora[0].clips == 35


def test_data_takes_a_table_as_it_is_under_any_name(work: Path) -> None:
    from tonfall.corpora import open_corpora, read_places

    write_table(work, "labels of may.csv")
    prepared = Path("manifests")
    places = read_places(["mine=labels of may.csv", "clips"], prepared=prepared)
    assert list(places)[:2] == ["mine", "clips"]
    (manifest,) = open_corpora(["mine"], places)
    assert set(manifest.frame["corpus"]) == {"mine"}
    assert list(read_places(["labels of may.csv"], prepared=prepared)) == ["labels-of-may"]


def test_a_table_of_several_corpora_is_refused(work: Path) -> None:
    from tonfall.corpora import open_corpora

    write_table(work, "shop.csv", corpus=["a", "b"] * 18)
    with pytest.raises(ManifestError, match="names a, b, expected one corpus"):
        open_corpora(["shop"], {"shop": Path("shop.csv")})
