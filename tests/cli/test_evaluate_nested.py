"""tonfall evaluate --nested: recipes are chosen on other corpora than they are measured on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from test_evaluate_command import MODEL, Shell, corpus, shell, work

from tonfall.bundle import Bundle

__all__ = ["shell", "work"]

RECIPE = Path(__file__).parents[2] / "recipes" / "small.yaml"
CORPORA = ("one", "two", "three")
DATA = " ".join(f"--data {name}={name}.parquet" for name in CORPORA)

CHEATS = '''
SEEN = []

def mostly(train, development, test):
    """Right, but on corpus three, where all is anger; remembers what it was trained on."""
    learnt = sorted(set(train["corpus"]) | set(development["corpus"]))
    SEEN.append((learnt, sorted(set(test["corpus"]))))
    scores = judge(train, development, test).set_index("item")
    wrong = test["item"][test["corpus"] == "three"]
    scores.loc[wrong, ["neutral", "anger", "sadness"]] = [0.1, 0.8, 0.1]
    return scores.reset_index()

def never(train, development, test):
    return pd.DataFrame({"item": test["item"], "anger": 1.0})
'''


@pytest.fixture
def corpora(work: Path) -> None:
    for name in CORPORA:
        corpus(work, name, speakers=3)
    (work / "nested_models.py").write_text(MODEL + CHEATS)


@pytest.mark.usefixtures("corpora")
def test_each_corpus_is_judged_by_what_was_chosen_without_it(
    shell: Shell,
) -> None:
    out = shell.good(
        "evaluate nested_models:never nested_models:mostly --nested -p loco/one+two+three "
        f"{DATA} -o out --quiet"
    )
    import nested_models  # type: ignore[import-not-found]

    # Whatever is left out, one of the two others tells that it is the better one.
    for name in CORPORA:
        assert f"| {name} | nested_models:mostly | 33.3 | " in out
    content = json.loads(Path("out/loco-one-two-three/nested/nested.json").read_text())
    assert content["command"].endswith("--protocol loco/one+two+three --nested")
    nested = {row["name"]: row["value"] for row in content["columns"]["nested"]}
    assert nested["clip alone: UA, one"] == 100
    assert nested["clip alone: UA, three"] == pytest.approx(100 / 3, abs=0.01)
    assert nested["clip alone: UA, mean of corpora"] == pytest.approx(700 / 9, abs=0.01)
    assert content["choices"]["three"]["recalls"]["nested_models:mostly"] == 1
    seen = [(tuple(learnt), *tested) for learnt, tested in nested_models.SEEN]
    pairs = {((j,), k) for j in CORPORA for k in CORPORA if j != k}
    singles = {(tuple(sorted(set(CORPORA) - {k})), k) for k in CORPORA}
    assert set(seen) == pairs | singles


def test_what_cannot_be_fitted_anew_is_refused(
    shell: Shell, tiny_bundle: Bundle, work: Path
) -> None:
    for model in ("medium", str(tiny_bundle.folder), "mine.csv", "egemaps-swm"):
        said = shell.bad(f"evaluate pitch_model:judge {model} --nested -p loco/four")
        assert f"{model!r} is no recipe (.yaml) and no baseline" in said
        assert "can be fitted without each corpus in turn" in said
    said = shell.bad("evaluate pitch_model:judge --nested -p loco/four")
    assert "one was given; give two or more" in said
    said = shell.bad(
        "evaluate pitch_model:judge pitch_model:other --nested -p loco/four --degrade loss:5"
    )
    assert "--degrade does not go with --nested" in said
    said = shell.bad("evaluate pitch_model:judge pitch_model:other --nested -p calls")
    assert "The protocol calls does not go with --nested; take loco/four" in said


@pytest.mark.usefixtures("corpora")
def test_protocols_that_leave_out_no_corpora_are_refused(shell: Shell) -> None:
    models = "nested_models:judge nested_models:never"
    assert "three corpora or more" in shell.bad(
        f"evaluate {models} --nested -p loco/one+two {DATA} -o out"
    )
    said = shell.bad(f"evaluate {models} --nested -p site/one+two+three {DATA} -o out")
    assert "has no baseline, so no prior that a site could give" in said


@pytest.mark.usefixtures("corpora", "tiny_front")
def test_recipes_are_chosen_by_what_a_site_gives_them(shell: Shell, work: Path) -> None:
    content = yaml.safe_load(RECIPE.read_text())
    del content["augmentation"]
    content["encoder"] = {"taps": [0]}  # the made-up weights have convolutions alone
    for name, strength in (("weak", 0.001), ("firm", 6)):
        changed = {**content, "name": name, "corpora": {}, "head": {"strength": strength}}
        (work / f"{name}.yaml").write_text(yaml.safe_dump(changed))
    out = shell.good(
        f"evaluate weak.yaml firm.yaml --nested -p site/one+two+three {DATA} -o out --quiet"
    )
    assert "| left out | chosen | weak, UA on the others | firm, UA on the others |" in out
    report = json.loads(Path("out/site-one-two-three/nested/nested.json").read_text())
    assert report["protocol"]["chosen_by"] == "100 clips"
    assert list(report["columns"]) == ["nested", "weak", "firm"]
    assert "30 clips: UA, mean of corpora" in {row["name"] for row in report["columns"]["nested"]}
    assert len(report["models"]["weak"]["hash"]) == 64
