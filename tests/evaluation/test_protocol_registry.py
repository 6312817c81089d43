"""Protocols by name: EmoBox, EMO-SUPERB, and those made from manifests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.protocols import (
    DEVELOPMENT,
    TEST,
    TRAIN,
    Rules,
    Sources,
    corpora_of,
    cremad_rotations,
    emobox,
    find_protocol,
    pins,
)
from tonfall.evaluation.protocols.emobox import PACKED

SHARING = Rules(allow_shared_speakers=True)


def shared_speakers(corpus: str) -> set[tuple[int, int]]:
    protocol = emobox(corpus, rules=SHARING)
    return {(e.shared, e.test) for e in protocol.shared if e.kind == "speaker"}


def test_the_leak_check_finds_what_emobox_shares():
    assert shared_speakers("emodb") == {(10, 10)}
    assert shared_speakers("cremad") == {(91, 91)}
    assert shared_speakers("tess") == {(2, 2)}
    assert shared_speakers("ased") == {(63, 63)}
    assert shared_speakers("urdu") == {(18, 19)}


@pytest.mark.parametrize("corpus", ["ravdess", "iemocap", "emovo", "savee"])
def test_the_leak_check_clears_the_folds_that_share_no_speaker(corpus):
    protocol = emobox(corpus)
    assert not protocol.shares_speakers
    assert protocol.speakers_known


@pytest.mark.parametrize("corpus", ["emodb", "cremad"])
def test_folds_that_share_speakers_need_the_flag(corpus):
    with pytest.raises(ProtocolError, match="test speakers of fold 1 are also in train"):
        emobox(corpus)


@pytest.mark.parametrize(
    ("corpus", "folds", "items", "test"),
    [
        ("ravdess", 6, 1440, 240),
        ("emodb", 5, 535, 107),
        ("emovo", 6, 588, 98),
        ("iemocap", 5, 5531, None),
        ("cremad", 1, 7442, 1856),
        ("savee", 4, 480, 120),
        ("ased", 1, 2474, 616),
    ],
)
def test_emobox_folds_have_their_published_sizes(corpus, folds, items, test):
    protocol = emobox(corpus, rules=SHARING)
    assert len(protocol.folds) == folds
    assert protocol.table["item"].nunique() == items
    assert test is None or len(protocol.items(protocol.folds[0], TEST)) == test


@pytest.mark.parametrize("corpus", PACKED)
def test_packed_folds_are_those_of_the_published_lists(corpus, shared):
    found = find_list(shared, corpus)
    protocol = emobox(corpus, rules=SHARING)
    for fold in protocol.folds:
        listed = found[found["fold"] == fold]
        assert set(protocol.items(fold, TEST)) == set(listed.loc[listed["part"] == "test", "item"])
        heard = {*protocol.items(fold, TRAIN), *protocol.items(fold, DEVELOPMENT)}
        assert heard == set(listed.loc[listed["part"] == "train", "item"])


def find_list(shared: Path, corpus: str) -> pd.DataFrame:
    path = next((shared / "protocols" / "emobox").glob(f"{corpus}.csv*"))
    return pd.read_csv(path, dtype=str)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        ("a1", "1", "angry", "Angry", "1", "train"),
        ("a2", "1", "none", "UnKnown", "1", "train"),
        ("b1", "2", "sad", "Sad", "1", "valid"),
        ("c1", "3", "angry", "Angry", "1", "test"),
    ]
    (tmp_path / "emobox").mkdir()
    table = pd.DataFrame(rows, columns=["item", "speaker", "code", "emotion", "fold", "part"])
    table.to_csv(tmp_path / "emobox" / "casia.csv", index=False)
    table.assign(emotion="Poker").to_csv(tmp_path / "emobox" / "pavoque.csv", index=False)
    return tmp_path


def test_lists_that_are_not_packed_come_from_a_folder(folder):
    protocol = find_protocol("emobox/casia", Sources(folder=folder))
    assert protocol.labels == ("sadness", "anger")
    assert protocol.items("1", DEVELOPMENT) == ["b1"]
    assert protocol.items("1", TRAIN) == ["a1"]


def test_labels_without_a_canonical_name_are_refused(folder):
    with pytest.raises(ProtocolError, match="do not all have a name here"):
        find_protocol("emobox/pavoque", Sources(folder=folder))


def test_an_absent_list_is_named(tmp_path):
    with pytest.raises(ProtocolError, match="emobox/casia: there is no such list"):
        find_protocol("emobox/casia", Sources(folder=tmp_path))


def test_emo_superb_tests_every_actor_once_and_parts_none():
    protocol = cremad_rotations()
    assert len(protocol.folds) == 5
    tested = protocol.table[protocol.table["part"] == TEST]
    assert len(tested) == 7442
    assert not protocol.shares_speakers
    assert protocol.items("1", TEST)[0].startswith("1001_")
    assert protocol.items("5", DEVELOPMENT)[0].startswith("1001_")


def test_emo_superb_is_as_published(shared):
    published = pd.read_csv(
        shared / "protocols" / "emosuperb" / "cremad_rotations.csv.gz", dtype=str
    )
    published["part"] = published["part"].replace({"valid": DEVELOPMENT})
    ours = cremad_rotations().table.rename(columns={"fold": "rotation"})
    columns = ["item", "rotation", "part"]
    assert set(ours[columns].itertuples(index=False, name=None)) == set(
        published[columns].itertuples(index=False, name=None)
    )


def test_a_cross_corpus_pair_tests_240_items():
    savee = emobox_rows("savee")
    ravdess = emobox_rows("ravdess")
    items = pd.concat([savee, ravdess], ignore_index=True)
    protocol = find_protocol("emobox-cross/savee-ravdess", Sources(items=items))
    assert len(protocol.items("ravdess", TEST)) == 240
    assert len(protocol.labels) == 4
    assert protocol.items("ravdess", TEST)[0].startswith("ravdess/03-01-")


def emobox_rows(corpus: str) -> pd.DataFrame:
    table = emobox(corpus, rules=SHARING).table.drop_duplicates("item")
    rows = pd.DataFrame({"item": table["item"], "corpus": corpus, "speaker": table["item"]})
    return rows.assign(label=["anger", "neutral"] * (len(rows) // 2))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("emobox-cross/savee-emodb", "there is no such pair"),
        ("emobox-cross/savee-iemocap", "needs the corpus (iemocap|savee)"),
        ("loso/ravdess", "manifests hold acted"),
        ("loso", "There is no protocol 'loso'. Choose emobox/<corpus>"),
        ("kfold/acted", "There is no protocol 'kfold/acted'"),
        ("grouped/acted", "expected grouped/<corpus>/<folds>"),
        ("emosuperb/iemocap", "there is only emosuperb/cremad"),
    ],
)
def test_a_name_that_cannot_be_made_is_refused(items, name, message):
    with pytest.raises(ProtocolError, match=message):
        find_protocol(name, Sources(items=items))


def test_without_a_manifest_the_sentence_says_so():
    with pytest.raises(ProtocolError, match="Give it with --data"):
        find_protocol("loso/emodb", Sources())


@pytest.mark.parametrize("name", ["loso/acted", "lo-session/acted", "grouped/acted/3", "all/acted"])
def test_protocols_of_ones_own_data_are_made_from_its_manifest(items, name):
    items["session"] = items["speaker"]
    assert find_protocol(name, Sources(items=items)).name == name


def test_leave_one_corpus_out_counts_calm_as_neutral(two_corpora):
    protocol = find_protocol("loco/acted+calls", Sources(items=two_corpora))
    assert protocol.labels == ("neutral", "sadness", "anger")
    assert protocol.folds == ("acted", "calls")


def test_a_written_protocol_is_found_by_its_file(items, tmp_path):
    from tonfall.evaluation.protocols import write_protocol

    write_protocol(find_protocol("loso/acted", Sources(items=items)), tmp_path / "own.yaml")
    assert find_protocol(str(tmp_path / "own.yaml"), Sources()).name == "loso/acted"


def test_an_incomplete_release_does_not_pass_for_the_pinned_one():
    rows = pd.DataFrame(
        {
            "item": [f"{n}" for n in range(20)],
            "corpus": "emodb",
            "speaker": [str(n % 5) for n in range(20)],
            "label": "anger",
        }
    )
    with pytest.raises(ProtocolError, match="the complete release gives"):
        find_protocol("loso/emodb", Sources(items=rows))


def test_rules_of_ones_own_are_not_held_against_the_pin(items):
    rows = items.assign(corpus="emodb")
    rules = Rules(label_map=LabelMap(keep=("anger", "neutral")))
    assert find_protocol("loso/emodb", Sources(items=rows, rules=rules)).labels == (
        "neutral",
        "anger",
    )


@pytest.mark.parametrize("corpus", PACKED)
def test_packed_protocols_have_the_pinned_hash(corpus):
    assert emobox(corpus, rules=SHARING).hash == pins()[f"emobox/{corpus}"]["hash"]


def test_rotations_have_the_pinned_hash():
    assert cremad_rotations().hash == pins()["emosuperb/cremad"]["hash"]


def test_every_pin_says_what_is_shared():
    for name, pin in pins().items():
        assert set(pin) == {"hash", "items", "folds", "classes", "shared"}, name
    speakers = {name: pin["shared"].get("speaker") for name, pin in pins().items()}
    assert speakers["emobox/emodb"] == "10 of 10"
    assert speakers["emobox/cremad"] == "91 of 91"
    assert speakers["emobox/ravdess"] == "0 of 4"
    assert speakers["emobox/iemocap"] == "0 of 2"


def test_pins_are_those_of_the_releases(shared):
    """Hashes and sharing as tests/evaluation/pin_protocols.py writes them."""
    import runpy

    script = runpy.run_path(str(Path(__file__).with_name("pin_protocols.py")))
    wanted = dict.fromkeys(corpus for name in script["NAMES"] for corpus in corpora_of(name))
    manifests = [script["release"](shared / "data", corpus) for corpus in wanted]
    assert script["pinned"]([each for each in manifests if each is not None]) == dict(pins())


@pytest.mark.parametrize(
    ("name", "corpora"),
    [
        ("emobox/cremad", ("crema-d",)),
        ("emosuperb/cremad", ("crema-d",)),
        ("emobox-cross/savee-ravdess", ("savee", "ravdess")),
        ("loco/four", ("ravdess", "emodb", "nemo", "emovo", "ased")),
        ("all/a+b", ("a", "b")),
        ("grouped/mine/3", ("mine",)),
        ("from/nemo", ("nemo",)),
    ],
)
def test_a_protocol_names_the_corpora_that_it_needs(name, corpora):
    assert corpora_of(name) == corpora
