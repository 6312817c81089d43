"""Functions as models: what runs is what is hashed, and two that differ are two."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pandas as pd
import pytest

from tonfall.errors import ProtocolError
from tonfall.lab.functions import callable_model, load_callable

NOTHING = pd.DataFrame({"item": ["a"]})


def judging(label: str):  # type: ignore[no-untyped-def]
    """A function of the name of all others that this one returns."""

    def judge(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        del train, development
        return test.assign(**{label: 1.0})

    return judge


class Judging:
    """An object that can be called."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __call__(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        return judging(self.label)(train, development, test)

    judge = __call__


def broken(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    raise RuntimeError("no model")


def by_label(label: str, train: object, development: object, test: pd.DataFrame) -> pd.DataFrame:
    return test.assign(**{label: 1.0})


@pytest.mark.parametrize(
    "make",
    [
        judging,
        Judging,
        lambda label: Judging(label).judge,
        functools.partial(functools.partial, by_label),
    ],
    ids=["closure", "object", "method", "partial"],
)
def test_two_of_one_name_that_differ_are_two_models(make) -> None:  # type: ignore[no-untyped-def]
    first, second, again = (callable_model(make(name))[1] for name in ("anger", "fear", "anger"))
    assert first.hash != second.hash
    assert first.name != second.name
    assert (first.name, first.hash) == (again.name, again.hash)


def test_a_closure_that_holds_itself_is_known() -> None:
    def judge(train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
        return judge(train, development, test)

    assert callable_model(judge)[1].hash


def test_a_function_keeps_its_name() -> None:
    assert callable_model(broken)[1].name == f"{__name__}:broken"


def test_an_edited_function_is_run_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for label in ("anger", "sadness"):
        Path("edited_model.py").write_text(
            f"def judge(train, development, test):\n    return test.assign({label}=1.0)\n"
        )
        model, facts = load_callable("edited_model:judge")
        found.append(facts.hash)
        assert label in model.predict(NOTHING, NOTHING, NOTHING)
    assert len(set(found)) == 2
    monkeypatch.delitem(sys.modules, "edited_model")


def test_pythons_path_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a function imports when it is called is found all the same."""
    monkeypatch.chdir(tmp_path)
    Path("late_model.py").write_text(
        "def judge(train, development, test):\n    import late_helper\n    return test\n"
    )
    Path("late_helper.py").write_text("")
    before = list(sys.path)
    model, _ = load_callable("late_model:judge")
    assert sys.path == before
    model.predict(NOTHING, NOTHING, NOTHING)
    assert sys.path == before
    for name in ("late_model", "late_helper"):
        monkeypatch.delitem(sys.modules, name)


def test_a_failure_says_where() -> None:
    model, _ = callable_model(broken)
    with pytest.raises(
        ProtocolError, match=r"RuntimeError: no model\) in .*functions\.py, line \d+"
    ):
        model.predict(NOTHING, NOTHING, NOTHING)
