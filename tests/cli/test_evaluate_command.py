"""tonfall evaluate: what it measures, what it writes, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall.bundle import Bundle
from tonfall.cli import main
from tonfall.corpora import Manifest
from tonfall.evaluation.reports import Report, read_matrix, read_report

LABELS = {"neutral": 120, "anger": 240, "sadness": 90}
MODEL = '''"""Hears pitch by counting zero crossings."""
import numpy as np, pandas as pd, soundfile

def judge(train, development, test):
    rows = []
    for item, file in zip(test["item"], test["file"]):
        sound, rate = soundfile.read(file)
        pitch = np.sum(np.diff(np.sign(sound)) != 0) / 2 / len(sound) * rate
        gaps = {"neutral": abs(pitch - 120), "anger": abs(pitch - 240), "sadness": abs(pitch - 90)}
        best = min(gaps, key=gaps.get)
        rows.append({"item": item, **{label: 0.8 if label == best else 0.1 for label in gaps}})
    return pd.DataFrame(rows)
'''


def corpus(folder: Path, name: str, *, speakers: int, takes: int = 2) -> Path:
    """Half-second tones, one pitch a label and a little of the speaker."""
    rows = []
    for speaker in range(speakers):
        for label, pitch in LABELS.items():
            for take in range(takes):
                path = folder / name / f"s{speaker}-{label}-{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                time = np.arange(8000) / 16_000
                tone = 0.3 * np.sin(2 * np.pi * (pitch + speaker + take) * time + 0.1)
                soundfile.write(path, tone, 16_000)
                rows.append(
                    {
                        "item": path.stem,
                        "file": f"{name}/{path.name}",
                        "corpus": name,
                        "speaker": f"s{speaker}",
                        "sex": "female" if speaker % 2 else "male",
                        "language": "de",
                        "label": label,
                        "duration": 0.5,
                        "hash": f"{name}/{path.stem}",
                    }
                )
    Manifest.from_frame(pd.DataFrame(rows), root=folder).write(folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a corpus, a model in Python, and nothing beside it."""
    folder = tmp_path / "a" / "work"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("TONFALL_DATA", raising=False)
    monkeypatch.setenv("TONFALL_CACHE", str(folder / "cache"))
    corpus(folder, "tones", speakers=4)
    (folder / "pitch_model.py").write_text(MODEL)
    return folder


def tonfall(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Status, output and errors of the whole program."""
    monkeypatch.setattr("sys.argv", ["tonfall", *words.split()])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


class Shell:
    """Calls the program and remembers what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._fixtures = (monkeypatch, capsys)

    def good(self, words: str) -> str:
        status, out, err = tonfall(words, *self._fixtures)
        assert status == 0, err
        return out

    def bad(self, words: str) -> str:
        """The one sentence that is said, with status 2."""
        status, _, err = tonfall(words, *self._fixtures)
        assert status == 2, err
        assert "\n" not in err.strip()
        return err


@pytest.fixture
def shell(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def report(path: str) -> Report:
    return read_report(Path(path))


def test_a_function_is_measured_and_reported(shell: Shell) -> None:
    out = shell.good("evaluate pitch_model:judge --protocol loso/tones --data tones.parquet")
    assert "Unweighted recall (UA)            100.0" in out
    made = report("reports/loso-tones/pitch_model-judge/report.json")
    assert made.command == "tonfall evaluate pitch_model:judge --protocol loso/tones"
    assert made.created is not None
    assert (made.data.items, made.data.speakers, len(made.folds)) == (24, 4, 4)
    assert {group.name for group in made.groups["sex"]} == {"female", "male"}
    folder = Path("reports/loso-tones/pitch_model-judge")
    assert {"report.html", "predictions.csv", "confusion.png"} <= {p.name for p in folder.iterdir()}
    assert "data:audio" not in (folder / "report.html").read_text()


def test_written_predictions_are_a_model_like_any_other(shell: Shell) -> None:
    shell.good("evaluate pitch_model:judge -p loso/tones --data tones.parquet -q")
    table = Path("reports/loso-tones/pitch_model-judge/predictions.csv").rename("mine.csv")
    out = shell.good(f"evaluate {table} -p loso/tones --data tones.parquet --format json")
    assert json.loads(out)["figures"]["ua"]["value"] == 1.0


def test_a_bundle_is_judged_as_it_is(shell: Shell, tiny_bundle: Bundle) -> None:
    out = shell.good(f"evaluate {tiny_bundle.folder} -p all/tones --data tones.parquet -j 1")
    made = report("reports/all-tones/tiny-bundle/report.json")
    assert made.model.kind == "bundle"
    assert made.model.hash == tiny_bundle.hash
    assert "tiny (bundle) under all/tones" in out


def test_a_bundle_gives_what_predict_gives(shell: Shell, tiny_bundle: Bundle) -> None:
    from tonfall.audio import read
    from tonfall.runtime import load

    shell.good(f"evaluate {tiny_bundle.folder} -p all/tones --data tones.parquet -j 1 -q")
    made = report("reports/all-tones/tiny-bundle/report.json")
    waveform, rate = read(Path("tones/s0-anger-0.wav"))
    affect = load(tiny_bundle.folder).predict(waveform, sampling_rate=rate)
    given = dict(zip(affect.labels, affect.probabilities, strict=True))
    kept = np.array([given[label] for label in made.protocol.labels])
    place = made.items.item.index("s0-anger-0")
    assert made.items.probabilities[place] == pytest.approx(kept / kept.sum(), abs=1e-4)


def test_a_bundle_that_learnt_from_the_corpus_says_so_in_red(shell: Shell, tmp_path: Path) -> None:
    from tiny_bundle import tiny_spec, write_tiny

    use = {"name": "tones", "licence": "-", "clips": 24, "speakers": 4, "language": "de"}
    write_tiny(tmp_path / "learnt", spec=tiny_spec(corpora=(use,)))
    out = shell.good(f"evaluate {tmp_path / 'learnt'} -p all/tones --data tones.parquet -j 1")
    assert "WARNING: The model was trained on tones, which this protocol tests." in out


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_classical_recipe_is_trained_for_each_fold(shell: Shell) -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "baselines" / "egemaps-logistic.yaml"
    shell.good(f"evaluate {recipe} -p grouped/tones/2 --data tones.parquet -j 1 -q")
    made = report("reports/grouped-tones-2/egemaps-logistic/report.json")
    assert made.model.kind == "baseline"
    assert made.figures["ua"].value is not None
    assert made.figures["ua"].value > 0.9


def test_degraded_audio_gives_the_robustness_matrix(shell: Shell, tiny_bundle: Bundle) -> None:
    out = shell.good(
        f"evaluate pitch_model:judge {tiny_bundle.folder} -p all/tones --data tones.parquet "
        "--degrade telephone,loss:50 -j 1 -q"
    )
    matrix = read_matrix(Path("reports/all-tones/robustness.matrix.json"))
    assert matrix.columns == ("clean", "telephone", "loss:50")
    assert matrix.rows == ("pitch_model:judge", "tiny (bundle)")
    lost = matrix.cells["pitch_model:judge", "loss:50"]
    assert lost.difference is not None
    assert lost.difference.value is not None
    assert "| model / condition | clean | telephone | loss:50 |" in out
    degraded = report("reports/all-tones/pitch_model-judge/loss-50/report.json")
    assert degraded.condition == "loss:50"
    assert degraded.command.endswith("--degrade loss:50")
    assert Path("reports/all-tones/robustness.png").is_file()


def test_the_matrix_of_corpora_has_every_pair(shell: Shell, work: Path) -> None:
    corpus(work, "other", speakers=5)
    corpus(work, "tones", speakers=5)
    shell.good(
        "evaluate pitch_model:judge -p matrix/tones+other --data tones.parquet "
        "--data other.parquet -q"
    )
    matrix = read_matrix(Path("reports/matrix-tones-other/pitch_model-judge.matrix.json"))
    assert set(matrix.cells) == {(a, b) for a in matrix.rows for b in matrix.columns}
    assert matrix.command == "tonfall evaluate pitch_model:judge --protocol matrix/tones+other"


def test_corpora_at_hand_make_the_matrix_where_none_is_named(shell: Shell, work: Path) -> None:
    error = shell.bad("evaluate pitch_model:judge -p matrix --data tones.parquet")
    assert "needs two corpora or more" in error
    corpus(work, "other", speakers=5)
    corpus(work, "tones", speakers=5)
    shell.good("evaluate pitch_model:judge -p matrix --data tones.parquet --data other.parquet -q")
    assert Path("reports/matrix/pitch_model-judge.matrix.json").is_file()


def test_shared_speakers_need_the_flag_and_are_red(shell: Shell) -> None:
    from tonfall.evaluation.items import pool
    from tonfall.evaluation.protocols import Rules, assemble, write_protocol

    items = pool([Manifest.read(Path("tones.parquet"))])
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": "train"})
    table.loc[items["item"].str.endswith("-1"), "part"] = "test"
    shared = assemble("own/shared", table, items, rules=Rules(allow_shared_speakers=True))
    write_protocol(shared, Path("own.yaml"))
    call = "evaluate pitch_model:judge -p own.yaml --data tones.parquet -q"
    assert "4 of 4 test speakers of fold 1 are also in train" in shell.bad(call)
    assert not Path("reports").exists()
    out = shell.good(f"{call} --allow-shared-speakers")
    assert "WARNING: Speakers are shared" in out
    page = Path("reports/own-shared/pitch_model-judge/report.html").read_text()
    assert '<p class="warning" role="alert">Speakers are shared' in page


def test_the_same_sound_in_train_and_test_needs_the_flag_and_is_red(shell: Shell) -> None:
    rows = Manifest.read(Path("tones.parquet")).frame
    rows.loc[rows["item"] == "s1-anger-0", "hash"] = "tones/s0-anger-0"
    Manifest.from_frame(rows, root=Path()).write(Path("tones.parquet"))
    call = "evaluate pitch_model:judge -p loso/tones --data tones.parquet -q"
    assert "1 of 6 test recordings of fold s0 are also in train" in shell.bad(call)
    assert not Path("reports").exists()
    assert "WARNING: Recordings are shared" in shell.good(f"{call} --allow-shared-speakers")
    assert "Recordings are shared" in shell.good("protocols loso/tones --data tones.parquet")


def test_an_unknown_column_is_refused_and_nothing_is_written(shell: Shell, work: Path) -> None:
    shell.good("evaluate pitch_model:judge -p loso/tones --data tones.parquet -o first -q")
    table = pd.read_csv("first/loso-tones/pitch_model-judge/predictions.csv")
    table.assign(angry=0.0).to_csv("mine.csv", index=False)
    source = (work / "pitch_model.py").read_text()
    (work / "two_names.py").write_text(
        source.replace("DataFrame(rows)", "DataFrame(rows).assign(angry=0.0)")
    )
    rest = "-p loso/tones --data tones.parquet -q"
    assert "has the unknown column 'angry'" in shell.bad(f"evaluate two_names:judge {rest}")
    assert "has the unknown column 'angry'" in shell.bad(f"evaluate mine.csv {rest}")
    assert "mine.csv" in shell.bad(f"evaluate pitch_model:judge mine.csv {rest}")
    table.drop(columns="item").to_csv("mine.csv", index=False)
    assert "has no column 'item'" in shell.bad(f"evaluate mine.csv {rest}")
    assert not Path("reports").exists()


BAD = {
    "evaluate nothing -p loso/tones --data tones.parquet": "'nothing' is nothing that can be",
    "evaluate pitch_model:judge -p loso/emodb": "The corpus emodb is not at hand",
    "evaluate pitch_model:judge -p kfold/tones": "There is no protocol 'kfold/tones'",
    "evaluate none.csv -p all/tones --data tones.parquet": "no such table of predictions",
    "evaluate none.yaml -p all/tones --data tones.parquet": "none.yaml: the recipe cannot be read",
    "evaluate pitch_model:no -p all/tones --data tones.parquet": "has no function 'no'",
    "evaluate pitch_model:judge -p all/tones --data tones.parquet --degrade rain": "is not a degr",
    "evaluate pitch_model:judge -p all/tones --data tones.parquet --degrade noise:5": "--acoustics",
    "evaluate pitch_model:judge -p all/tones --data tones.parquet --degrade room,room": "twice",
    "evaluate pitch_model:judge -p matrix/tones+x --data tones.parquet --degrade room": "not go",
    "evaluate pitch_model:judge -p all/tones --data gone.parquet": "gone.parquet: no such manifest",
    "evaluate egemaps-svm -p calls": "cannot be measured under calls or site",
}


@pytest.mark.parametrize("call", BAD)
def test_what_cannot_be_measured_is_refused_in_one_sentence(shell: Shell, call: str) -> None:
    assert BAD[call] in shell.bad(call)
    assert not Path("reports").exists()


def test_predictions_of_unknown_or_missing_items_are_refused(shell: Shell) -> None:
    even = dict.fromkeys(LABELS, 1 / 3)
    items = Manifest.read(Path("tones.parquet")).frame["item"].tolist()
    call = "evaluate mine.csv -p all/tones --data tones.parquet"
    pd.DataFrame([{"item": item, **even} for item in items[1:]]).to_csv("mine.csv", index=False)
    assert "1 items are not scored" in shell.bad(call)
    extra = [{"item": item, **even} for item in [*items, "stranger"]]
    pd.DataFrame(extra).to_csv("mine.csv", index=False)
    assert "1 items are not test items, such as 'stranger'" in shell.bad(call)
    assert not Path("reports").exists()


def test_a_place_that_cannot_be_written_is_refused_before_measuring(shell: Shell) -> None:
    Path("afile").write_text("")
    error = shell.bad("evaluate pitch_model:judge -p loso/tones --data tones.parquet -o afile/x")
    assert "no reports can be written there" in error


def test_predictions_cannot_be_degraded(shell: Shell) -> None:
    pd.DataFrame({"item": ["x"], "label": ["anger"]}).to_csv("mine.csv", index=False)
    items = Manifest.read(Path("tones.parquet")).frame
    items[["item", "label"]].to_csv("mine.csv", index=False)
    error = shell.bad("evaluate mine.csv -p all/tones --data tones.parquet --degrade telephone")
    assert "--degrade cannot be applied" in error
    assert not Path("reports").exists()


def test_pages_carry_audio_only_where_it_is_asked_for(shell: Shell) -> None:
    items = Manifest.read(Path("tones.parquet")).frame
    items[["item"]].assign(label="anger").to_csv("mine.csv", index=False)
    call = "evaluate mine.csv -p all/tones --data tones.parquet -q"
    page = Path("reports/all-tones/mine/report.html")
    shell.good(call)
    assert "data:audio" not in page.read_text()
    shell.good(f"{call} --audio")
    assert "data:audio" in page.read_text()


def test_two_reports_are_compared(shell: Shell) -> None:
    items = Manifest.read(Path("tones.parquet")).frame
    items[["item"]].assign(label="anger").to_csv("angry.csv", index=False)
    shell.good("evaluate pitch_model:judge angry.csv -p all/tones --data tones.parquet -q")
    pair = [f"reports/all-tones/{name}/report.json" for name in ("angry", "pitch_model-judge")]
    out = shell.good(f"compare {' '.join(pair)}")
    assert "66.7 points of unweighted recall" in out
    found = json.loads(shell.good(f"compare {' '.join(pair)} --format json"))
    assert found["figures"]["ua"]["difference"]["value"] == pytest.approx(2 / 3)
    assert "no such report" in shell.bad(f"compare {pair[0]} nothing.json")


def test_composed_calls_are_judged_with_and_without_the_baseline(
    shell: Shell, work: Path, tiny_bundle: Bundle
) -> None:
    corpus(work, "calls", speakers=2, takes=8)
    out = shell.good(f"evaluate {tiny_bundle.folder} -p calls --data calls.parquet -q")
    assert "| per cent | baseline off | baseline on |" in out
    folder = Path("reports/calls/tiny-bundle")
    made = json.loads((folder / "calls.json").read_text())
    assert made["protocol"]["corpora"] == ["calls"]
    assert made["model"]["hash"] == tiny_bundle.hash
    assert (folder / "calls.md").read_text() == out.strip() + "\n"


def test_kept_reports_are_small_whole_and_without_paths(shell: Shell, work: Path) -> None:
    shell.good(
        "evaluate pitch_model:judge -p all/tones --data tones.parquet --degrade telephone -q"
    )
    shell.good("leaderboard reports --keep docs/reports -o docs/leaderboard.md")
    kept = Path("docs/reports/all-tones/pitch_model-judge.report.json.gz")
    full = report("reports/all-tones/pitch_model-judge/report.json")
    assert [path.name for path in Path("docs/reports/all-tones").iterdir()] == [kept.name]
    slim = read_report(kept)
    assert slim.items.item == full.items.item
    assert str(work) not in slim.model_dump_json()
    out = shell.good(f"compare {kept} reports/all-tones/pitch_model-judge/report.json")
    assert "No certain difference" in out
    page = Path("docs/leaderboard.md").read_text()
    assert "(reports/all-tones/pitch_model-judge.report.json.gz)" in page
    assert "(reports/matrices/all-tones-robustness.png)" in page
    assert Path("docs/reports/matrices/all-tones-robustness.png").is_file()
    before = page, kept.read_bytes()
    shell.good("leaderboard reports --keep docs/reports -o docs/leaderboard.md")
    assert (Path("docs/leaderboard.md").read_text(), kept.read_bytes()) == before


def test_models_that_were_degraded_by_several_commands_share_a_matrix(
    shell: Shell, tiny_bundle: Bundle
) -> None:
    where = "-p all/tones --data tones.parquet -q -j 1"
    shell.good(f"evaluate pitch_model:judge {where} --degrade mp3:32,telephone")
    shell.good(f"evaluate {tiny_bundle.folder} {where} --degrade telephone")
    shell.good("leaderboard reports --keep docs/reports -o docs/leaderboard.md")
    matrix = read_matrix(Path("docs/reports/matrices/all-tones-robustness.matrix.json"))
    assert matrix.columns == ("clean", "telephone", "mp3:32")
    assert set(matrix.rows) == {"pitch_model:judge", "tiny (bundle)"}
    assert ("tiny (bundle)", "mp3:32") not in matrix.cells
    assert matrix.command.startswith("tonfall evaluate pitch_model:judge ")
    assert "--protocol all/tones --degrade " in matrix.command


def test_a_measured_bundle_has_a_page_of_its_own(shell: Shell, tiny_bundle: Bundle) -> None:
    shell.good(f"evaluate {tiny_bundle.folder} -p all/tones --data tones.parquet -j 1 -q")
    shell.good("leaderboard reports --keep docs/reports -o docs/leaderboard.md")
    page = Path("docs/report-tiny.md").read_text()
    assert "## all/tones, as shipped" in page
    assert "| sex | unweighted recall | anger found | items | speakers |" in page
    assert "(reports/all-tones/tiny-bundle.html)" in page
    assert Path("docs/reports/all-tones/tiny-bundle.html").is_file()


def test_a_folder_without_reports_makes_no_leaderboard(shell: Shell) -> None:
    assert "holds no report.json" in shell.bad("leaderboard tones")


def test_protocols_are_listed_with_what_they_share(shell: Shell) -> None:
    out = shell.good("protocols")
    (emodb,) = [line for line in out.splitlines() if line.startswith("emobox/emodb ")]
    assert emodb.split()[1:7] == ["535", "5", "7", "10", "of", "10"]
    pinned = json.loads(shell.good("protocols --format json"))["pinned"]
    assert pinned["emobox/cremad"]["shared"]["speaker"] == "91 of 91"
    assert pinned["emobox/ravdess"]["shared"]["speaker"] == "0 of 4"


def test_a_protocol_is_shown_fold_by_fold_and_written(shell: Shell) -> None:
    out = shell.good("protocols loso/tones --data tones.parquet --write own.yaml")
    assert "0 of 1" in out
    assert shell.good("evaluate pitch_model:judge -p own.yaml --data tones.parquet -q")
    assert "Speakers are shared" in shell.good("protocols emobox/emodb")
    facts = json.loads(shell.good("protocols emobox/emodb --format json"))
    assert facts["folds"][0]["test speakers in train"] == "10 of 10"
    assert "is not at hand" in shell.bad("protocols loso/ravdess")
    assert "needs the name" in shell.bad("protocols --write own.yaml")


@pytest.fixture
def hushed(work: Path) -> str:
    """The tones, with one clip of a speaker silent; its name."""
    soundfile.write(work / "tones" / "s1-anger-0.wav", np.zeros(8000), 16_000)
    return "s1-anger-0"


def test_a_silent_clip_is_named_left_out_and_counted(
    shell: Shell, hushed: str, tiny_bundle: Bundle
) -> None:
    """By each kind of model alike, so that they can be compared."""
    note = f"Note: 1 silent clip was left out: {hushed}."
    shell.good("evaluate pitch_model:judge -p loso/tones --data tones.parquet -q")
    table = Path("reports/loso-tones/pitch_model-judge/predictions.csv").rename("mine.csv")
    models = f"{tiny_bundle.folder} pitch_model:judge {table} egemaps-logistic"
    out = shell.good(f"evaluate {models} -p loso/tones --data tones.parquet -q -j 1")
    assert out.count(note) == 4
    made = [report(str(path)) for path in Path("reports").rglob("report.json")]
    assert [each.data.silent for each in made] == [[hushed]] * 4
    assert {each.data.items for each in made} == {23}
    assert {each.protocol.hash for each in made} == {made[0].protocol.hash}
    assert len({each.data.hash for each in made}) == 1


def test_predictions_may_judge_a_silent_clip_or_not(shell: Shell, work: Path) -> None:
    shell.good("evaluate pitch_model:judge -p loso/tones --data tones.parquet -q")
    table = Path("reports/loso-tones/pitch_model-judge/predictions.csv").rename("whole.csv")
    soundfile.write(work / "tones" / "s1-anger-0.wav", np.zeros(8000), 16_000)
    out = shell.good(f"evaluate {table} -p loso/tones --data tones.parquet -q")
    assert "1 silent clip was left out" in out
    assert report("reports/loso-tones/whole/report.json").data.items == 23
