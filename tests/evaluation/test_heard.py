"""CREMA-D as it was heard: truth by the listeners' majority, with ties and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_rows import corpus_rows

from tonfall.errors import ProtocolError
from tonfall.evaluation.heard import MEANT, majority
from tonfall.evaluation.protocols import (
    FOUR_CLASSES,
    SIX,
    TEST,
    Protocol,
    Rules,
    Sources,
    corpora_of,
    find_protocol,
    leave_one_heard,
    read_protocol,
    write_protocol,
)
from tonfall.evaluation.running import HIDDEN, ModelFacts, run

LABELS = ("neutral", "anger", "sadness", "disgust")


def voted(label: str, take: int) -> dict[str, float]:
    """Anger sounds neutral and disgust angry; of eight takes two are ties, one by its meaning."""
    if take % 8 == 7:
        return {"sadness" if label != "sadness" else "anger": 3.0, "fear": 3.0, label: 1.0}
    if take % 8 == 3:
        return {"neutral" if label != "neutral" else "anger": 4.0, label: 4.0}
    return {{"anger": "neutral", "disgust": "anger"}.get(label, label): 6.0, "fear": 2.0}


@pytest.fixture
def rows() -> pd.DataFrame:
    heard = corpus_rows("crema-d", speakers=6, labels=LABELS)
    votes = [voted(label, number // len(LABELS)) for number, label in enumerate(heard["label"])]
    heard = heard.assign(votes=pd.Series(votes, dtype=object))
    acted = corpus_rows("acted", speakers=5, labels=("anger", "calm", "neutral", "sadness"))
    rows = pd.concat([heard, acted.assign(votes=None)], ignore_index=True)
    return rows.assign(hash=rows["corpus"] + rows["item"], start=0.0, end=None, file=rows["item"])


def named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(item=rows["corpus"] + "/" + rows["item"])


RULES = Rules(label_map=FOUR_CLASSES)


def made(rows: pd.DataFrame, how: str = "majority") -> Protocol:
    return leave_one_heard("own", named(rows), heard={"crema-d": how}, rules=RULES)  # type: ignore[dict-item]


class Watched:
    """Says what is true of each corpus if it is neutral, and keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        self.seen.append((train, test))
        return pd.DataFrame({"item": test["item"], "neutral": 1.0})


def test_truth_is_what_most_heard(rows: pd.DataFrame) -> None:
    model = Watched()
    results = run(made(rows), rows, model, ModelFacts("watched", "callable"))
    found = results.items.set_index("item")["truth"]
    heard = [item for item in found.index if item.startswith("crema-d/")]
    by_item = named(rows).set_index("item")
    expected = [majority(by_item["votes"][item], None, "majority") for item in heard]
    assert found[heard].tolist() == expected
    assert any(by_item["label"][item] == "anger" and found[item] == "neutral" for item in heard)
    # What was said of the other corpus stays.
    others = [item for item in found.index if item.startswith("acted/")]
    assert set(found[others]) == {"neutral", "anger", "sadness"}


def test_a_model_is_told_what_was_meant_in_training_only(rows: pd.DataFrame) -> None:
    model = Watched()
    run(made(rows), rows, model, ModelFacts("watched", "callable"))
    train, test = model.seen[0]
    assert set(train[MEANT].dropna()) <= {"neutral", "anger", "sadness"}
    assert MEANT in HIDDEN
    assert MEANT not in test


def test_ties_are_left_out_or_what_was_meant(rows: pd.DataFrame) -> None:
    without, with_ties = made(rows), made(rows, "majority-or-meant")
    fewer, more = (set(each.table["item"]) for each in (without, with_ties))
    assert fewer < more
    by_item = named(rows).set_index("item")
    for item in more - fewer:
        votes, meant = by_item["votes"][item], by_item["label"][item]
        assert majority(votes, meant, "majority") is None
        assert votes[meant] == max(votes.values())
    tied = int(sum(majority(votes, None, "majority") is None for votes in by_item["votes"][:96]))
    assert f"{tied} clips were left out because their votes are tied." in without.notes
    assert without.hash != with_ties.hash


def test_identical_sounds_under_different_labels_are_left_out(rows: pd.DataFrame) -> None:
    twin = rows["corpus"].eq("crema-d") & rows["item"].isin(["s00-0-neutral", "s00-0-anger"])
    rows.loc[twin, "hash"] = "the same"
    protocol = made(rows)
    assert not set(named(rows).loc[twin, "item"]) & set(protocol.table["item"])
    assert any("same sound stands under different labels" in note for note in protocol.notes)


def test_a_corpus_without_votes_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(ProtocolError, match="of crema-d has no listeners' votes"):
        made(rows.assign(votes=None))


def test_what_is_heard_is_kept_in_the_file_and_the_hash(rows: pd.DataFrame, tmp_path: Path) -> None:
    protocol = made(rows)
    write_protocol(protocol, tmp_path / "own.yaml")
    read = read_protocol(tmp_path / "own.yaml")
    assert read.heard == {"crema-d": "majority"}
    assert read.hash == protocol.hash
    text = (tmp_path / "own.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("crema-d: majority", "acted: majority"))
    with pytest.raises(ProtocolError, match="Someone changed it"):
        read_protocol(tmp_path / "own.yaml")


@pytest.mark.parametrize("name", ["loco/six", "loco/six-with-ties"])
def test_the_six_leave_out_each_corpus_once(rows: pd.DataFrame, name: str) -> None:
    assert corpora_of(name) == SIX
    acted = rows[rows["corpus"] == "acted"]
    pooled = [acted.assign(corpus=corpus) for corpus in SIX if corpus != "crema-d"]
    items = pd.concat([*pooled, rows[rows["corpus"] == "crema-d"]], ignore_index=True)
    items["hash"] = np.arange(len(items)).astype(str)
    # Rules of one's own, so that this is not taken for the complete releases.
    protocol = find_protocol(name, Sources(items=items, rules=Rules(seed=1)))
    assert protocol.folds == tuple(sorted(SIX))
    assert protocol.labels == ("neutral", "sadness", "anger")
    assert all(item.startswith("crema-d/") for item in protocol.items("crema-d", TEST))
