"""Protocols keep speakers apart, say where they do not, and are pinned by their content."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.protocols import (
    DEVELOPMENT,
    TEST,
    TRAIN,
    Protocol,
    Rules,
    all_tested,
    assemble,
    grouped_folds,
    leave_one_out,
    official_split,
    read_protocol,
    train_on,
    write_protocol,
)
from tonfall.evaluation.protocols.sharing import shared_between_parts


def speakers(protocol: Protocol, items: pd.DataFrame, fold: str, part: str) -> set[str]:
    chosen = items[items["item"].isin(protocol.items(fold, part))]
    return set(chosen["corpus"] + "/" + chosen["speaker"])


def test_leaving_one_speaker_out_tests_each_once(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    assert protocol.folds == ("s00", "s01", "s02", "s03", "s04", "s05")
    tested = protocol.table[protocol.table["part"] == TEST]
    assert sorted(tested["item"]) == sorted(items["item"])
    assert not protocol.shares_speakers


def test_no_speaker_is_in_two_parts_of_a_fold(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    for fold in protocol.folds:
        train, development, test = (
            speakers(protocol, items, fold, part) for part in (TRAIN, DEVELOPMENT, TEST)
        )
        assert train
        assert development
        assert train.isdisjoint(test)
        assert development.isdisjoint(train | test)


def test_development_is_a_fifth_of_the_train_speakers_of_each_corpus(two_corpora):
    named = protocol_items(two_corpora, ["acted", "calls"])
    protocol = grouped_folds("grouped", named, folds=2)
    for fold in protocol.folds:
        chosen = speakers(protocol, named, fold, DEVELOPMENT)
        trained = speakers(protocol, named, fold, TRAIN)
        for corpus in ("acted/", "calls/"):
            before = [name for name in trained | chosen if name.startswith(corpus)]
            moved = [name for name in chosen if name.startswith(corpus)]
            assert len(moved) == (0 if len(before) < 2 else max(1, round(len(before) / 5)))


def test_another_seed_chooses_other_development_speakers(items):
    protocols = [
        leave_one_out("loso/acted", items, by="speaker", rules=Rules(seed=seed))
        for seed in (0, 0, 1)
    ]
    assert protocols[0].hash == protocols[1].hash
    assert protocols[0].hash != protocols[2].hash


def test_the_only_train_speaker_is_not_taken_away(items):
    pair = items[items["speaker"].isin(["s00", "s01"])]
    protocol = leave_one_out("loso/acted", pair, by="speaker")
    assert set(protocol.table["part"]) == {TRAIN, TEST}


@settings(max_examples=20)
@given(st.integers(2, 6), st.integers(0, 50))
def test_grouped_folds_never_part_a_speaker(folds, seed):
    rows = pd.DataFrame(
        {
            "item": [f"i{n}" for n in range(60)],
            "corpus": "own",
            "speaker": [f"s{n * n % 13}" for n in range(60)],
            "label": ["anger", "neutral"] * 30,
        }
    )
    protocol = grouped_folds("grouped/own", rows, folds=folds, rules=Rules(seed=seed))
    assert len(protocol.folds) == folds
    assert not protocol.shares_speakers
    tested = protocol.table[protocol.table["part"] == TEST]
    assert sorted(tested["item"]) == sorted(rows["item"])


def test_grouped_folds_are_of_about_equal_size(items):
    protocol = grouped_folds("grouped/acted/3", items, folds=3)
    tested = protocol.table[protocol.table["part"] == TEST]
    assert tested["fold"].value_counts().tolist() == [32, 32, 32]


def test_more_folds_than_speakers_are_refused(items):
    with pytest.raises(ProtocolError, match="9 folds were asked for over 6 groups"):
        grouped_folds("grouped/acted/9", items, folds=9)


def test_items_without_a_speaker_cannot_be_grouped(items):
    items.loc[3, "speaker"] = None
    with pytest.raises(ProtocolError, match="1 of 96 items have no speaker"):
        leave_one_out("loso/acted", items, by="speaker")


def test_merging_and_dropping_are_part_of_the_protocol(items):
    rules = Rules(label_map=LabelMap(merge={"calm": "neutral"}, drop=("sadness",)))
    protocol = leave_one_out("loso/acted", items, by="speaker", rules=rules)
    assert protocol.labels == ("neutral", "anger")
    assert not protocol.table["item"].str.contains("sadness").any()
    assert protocol.hash != leave_one_out("loso/acted", items, by="speaker").hash


def test_the_same_name_in_two_corpora_is_not_the_same_speaker(two_corpora):
    named = protocol_items(two_corpora, ["acted", "calls"])
    protocol = leave_one_out("loco/both", named, by="corpus")
    assert protocol.folds == ("acted", "calls")
    assert not protocol.shares_speakers
    assert protocol.items("calls", TEST)[0] == "calls/s00-0-anger"


def test_training_on_one_corpus_tests_all_others_once(two_corpora):
    named = protocol_items(two_corpora, ["acted", "calls"])
    protocol = train_on("from/acted", named, corpus="acted")
    assert {item.partition("/")[0] for item in protocol.items("others", TEST)} == {"calls"}


def test_every_item_can_be_a_test_item(items):
    protocol = all_tested("all/acted", items)
    assert not protocol.trains
    assert len(protocol.items("all", TEST)) == len(items)


def test_shared_sentences_and_sessions_are_counted(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    counts = {entry.kind: entry for entry in protocol.shared if entry.fold == "s00"}
    assert (counts["speaker"].test, counts["speaker"].shared) == (1, 0)
    assert (counts["sentence"].test, counts["sentence"].shared) == (4, 4)
    assert (counts["session"].test, counts["session"].shared) == (1, 1)


def test_speakers_heard_in_development_count_as_shared(items):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": TRAIN})
    table.loc[items["speaker"] == "s01", "part"] = TEST
    table.loc[items.index[items["speaker"] == "s01"][0], "part"] = DEVELOPMENT
    with pytest.raises(ProtocolError, match="1 of 1 test speakers of fold 1 are also in train"):
        assemble("own", table, items)


def test_sharing_speakers_needs_a_flag_and_is_remembered(items):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": TRAIN})
    table.loc[::4, "part"] = TEST
    with pytest.raises(ProtocolError, match="Pass --allow-shared-speakers"):
        assemble("own", table, items)
    protocol = assemble("own", table, items, rules=Rules(allow_shared_speakers=True))
    assert protocol.shares_speakers


def test_the_same_sound_in_train_and_test_needs_the_flag_too(items):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": TRAIN})
    table.loc[items["speaker"] == "s01", "part"] = TEST
    sounds = [str(number) for number in range(len(items))]
    sounds[int(items.index[items["speaker"] == "s01"][0])] = sounds[0]
    copied = items.assign(hash=sounds)
    with pytest.raises(ProtocolError, match="1 of 16 test recordings of fold 1 are also in train"):
        assemble("own", table, copied)
    protocol = assemble("own", table, copied, rules=Rules(allow_shared_speakers=True))
    assert protocol.shares_recordings
    assert not protocol.shares_speakers


def test_two_stretches_of_one_file_are_two_recordings(items):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": TRAIN})
    table.loc[items["speaker"] == "s01", "part"] = TEST
    dialogue = items.assign(hash="one", start=[2.0 * n for n in range(len(items))], end=None)
    protocol = assemble("own", table, dialogue.assign(end=dialogue["start"] + 2))
    assert not protocol.shares_recordings


@pytest.mark.parametrize(
    ("heard", "tested", "same"),
    [
        ((None, None), (0.0, 3.2), True),
        ((0.0, 3.2), (0.1, 3.2), True),
        ((0.0, 3.2), (3.0, 5.0), True),
        ((0.0, 0.1 + 0.2), (0.3, 1.0), False),
        ((0.0, 0.3), (0.0, 0.1 + 0.2), True),
        ((4.0, None), (0.0, 4.0), False),
        ((4.0, None), (9.0, None), True),
    ],
)
def test_stretches_that_overlap_are_the_same_sound(items, heard, tested, same):
    table = pd.DataFrame({"item": items["item"], "fold": "1", "part": TRAIN})
    table.loc[items["speaker"] == "s01", "part"] = TEST
    places = items.assign(hash=[f"{n}" for n in range(len(items))], start=None, end=None)
    other = items.index[items["speaker"] != "s01"][0]
    own = items.index[items["speaker"] == "s01"][0]
    for row, (start, end) in ((other, heard), (own, tested)):
        places.loc[row, ["hash", "start", "end"]] = ["one", start, end]
    rules = Rules(allow_shared_speakers=True)
    assert assemble("own", table, places, rules=rules).shares_recordings is same


def test_unknown_speakers_are_not_called_apart(items):
    protocol = all_tested("all/acted", items.assign(speaker=None))
    assert not protocol.speakers_known


def test_an_official_split_is_kept(items):
    split = items["speaker"].map({"s00": "test", "s01": "dev"}).fillna("train")
    protocol = official_split("official/acted", items.assign(split=split))
    assert protocol.folds == ("test",)
    assert speakers(protocol, items, "test", DEVELOPMENT) == {"acted/s01"}


def test_several_official_test_parts_are_folds(items):
    split = items["speaker"].map({"s00": "test1", "s01": "test2"}).fillna("train")
    protocol = official_split("official/acted", items.assign(split=split))
    assert protocol.folds == ("test1", "test2")
    assert speakers(protocol, items, "test1", TEST) == {"acted/s00"}


def test_a_release_without_split_has_no_official_protocol(items):
    with pytest.raises(ProtocolError, match="has no official test part"):
        official_split("official/acted", items.assign(split=None))


def table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item", "fold", "part"])


BAD = {
    "'valid' is unknown": table(("a", "1", "valid")),
    "item 'a' is twice in fold 1": table(("a", "1", "train"), ("a", "1", "test")),
    "item 'a' is tested in more than one fold": table(
        ("a", "1", "test"), ("b", "1", "train"), ("a", "2", "test"), ("b", "2", "train")
    ),
    "fold 2 has no train or no test items": table(
        ("a", "1", "test"), ("b", "1", "train"), ("b", "2", "test")
    ),
    "fold 1 has no train or no test items": table(("a", "1", "train")),
    "has no items": table(),
}


@pytest.mark.parametrize("message", BAD)
def test_an_inconsistent_table_is_refused(message):
    with pytest.raises(ProtocolError, match=message):
        Protocol("own", ("acted",), ("anger", "neutral"), LabelMap(), BAD[message])


def test_a_protocol_reads_back_as_written(items, tmp_path):
    rules = Rules(label_map=LabelMap(merge={"calm": "neutral"}))
    protocol = leave_one_out("loso/acted", items, by="speaker", rules=rules)
    write_protocol(protocol, tmp_path / "p.yaml")
    again = read_protocol(tmp_path / "p.yaml")
    assert again.hash == protocol.hash
    assert again.shared == protocol.shared
    assert again.labels == protocol.labels
    pd.testing.assert_frame_equal(again.table, protocol.table, check_dtype=False)


def test_the_order_of_rows_does_not_change_the_hash(items):
    protocol = leave_one_out("loso/acted", items, by="speaker")
    turned = Protocol(
        protocol.name,
        protocol.corpora,
        protocol.labels,
        protocol.label_map,
        protocol.table[::-1].reset_index(drop=True),
    )
    assert turned.hash == protocol.hash


def test_a_changed_table_is_found_out(items, tmp_path):
    write_protocol(leave_one_out("loso/acted", items, by="speaker"), tmp_path / "p.yaml")
    text = (tmp_path / "p.csv").read_text()
    (tmp_path / "p.csv").write_text(text.replace("s00-0-anger,s01,train", "s00-9-anger,s01,train"))
    with pytest.raises(ProtocolError, match="Someone changed it"):
        read_protocol(tmp_path / "p.yaml")


def damage(text: str, **changes: object) -> str:
    head = yaml.safe_load(text) | changes
    return yaml.safe_dump({key: value for key, value in head.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "has schema 2, but this Tonfall reads up to 1"),
        ({"labels": None}, "'labels' is missing"),
        ({"table": "none.csv"}, "no such table"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(items, tmp_path, changes, message):
    path = tmp_path / "p.yaml"
    write_protocol(leave_one_out("loso/acted", items, by="speaker"), path)
    path.write_text(damage(path.read_text(), **changes))
    with pytest.raises(ProtocolError, match=message):
        read_protocol(path)


def test_what_is_no_protocol_is_refused(tmp_path):
    (tmp_path / "p.yaml").write_text("- a\n- b\n")
    with pytest.raises(ProtocolError, match="has schema None"):
        read_protocol(tmp_path / "p.yaml")
    with pytest.raises(ProtocolError, match="no such protocol"):
        read_protocol(tmp_path / "q.yaml")


def test_the_same_sound_in_test_and_train_is_counted(items):
    twice = items.assign(hash=items["item"])
    twice.loc[twice["speaker"] == "s01", "hash"] = twice.loc[
        twice["speaker"] == "s00", "item"
    ].values
    rules = Rules(allow_shared_speakers=True)
    protocol = leave_one_out("loso/acted", twice, by="speaker", rules=rules)
    found = {e.fold: (e.shared, e.test) for e in protocol.shared if e.kind == "recording"}
    assert found["s00"] == found["s01"] == (16, 16)
    assert found["s02"] == (0, 16)


def test_the_same_sound_in_two_corpora_is_shared():
    table = pd.DataFrame({"item": ["a", "b"], "fold": "1", "part": ["train", "test"]})
    rows = pd.DataFrame({"item": ["a", "b"], "corpus": ["k", "l"], "hash": ["h", "h"]})
    assert shared_between_parts(table, rows)[0].shared == 1
