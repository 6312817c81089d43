"""Preparing a release: what is refused, what is reported, how long it takes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import soundfile

from tonfall.corpora import CORPORA, Kind, find_corpus, prepare
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]


def test_an_unknown_corpus_lists_the_valid_names() -> None:
    with pytest.raises(ManifestError, match=r"no corpus 'ravdes'\. Choose one of ased, audformat"):
        find_corpus("ravdes")


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_a_folder_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no such (folder|file), expected"):
        prepare(name, tmp_path / "gone")


@pytest.mark.parametrize("name", sorted(set(CORPORA) - {"csv", "folders", "huggingface"}))
def test_another_corpuss_folder_is_refused(name: str, tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "inside" / "something_else.wav")
    with pytest.raises(ManifestError, match=r"is no release of|is no audformat database") as error:
        prepare(name, tmp_path)
    assert "expected" in str(error.value)


def test_the_wrong_folder_says_what_is_expected_and_was_found(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "03a01Fa.wav")
    with pytest.raises(ManifestError) as error:
        prepare("ravdess", tmp_path)
    assert "expected Actor_NN/03-01-EE-II-SS-RR-AA.wav" in str(error.value)
    assert "found audio such as wav/03a01Fa.wav" in str(error.value)


def test_a_half_unpacked_release_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "03a01Fa.wav")
    with pytest.raises(ManifestError, match=r"items of EmoDB .* found: 1, released: 535"):
        prepare("emodb", tmp_path)


def test_extra_files_are_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "03a01Fa.wav")
    clip(tmp_path / "wav" / "copy of 03a01Fa.wav")
    with pytest.raises(ManifestError, match=r"not of EmoDB .*: 1, such as wav/copy"):
        prepare("emodb", tmp_path)


def test_hidden_leavings_of_a_mac_are_no_extra_files(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "03a01Fa.wav")
    clip(tmp_path / "wav" / "._03a01Fa.wav")
    clip(tmp_path / "__MACOSX" / "wav" / "03a01Fa.wav")
    _, report = prepare("emodb", tmp_path, partial=True)
    assert (report.items, report.left_out) == (1, ())


def test_a_partial_release_names_what_is_left_out(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "03a01Fa.wav")
    stray = clip(tmp_path / "wav" / "stray.wav")
    (tmp_path / "wav" / "03a02Ta.wav").write_bytes(b"torn")
    manifest, report = prepare("emodb", tmp_path, partial=True)
    assert manifest.frame["item"].tolist() == ["03a01Fa"]
    assert report.left_out == ("03a02Ta", str(stray))
    assert [problem.kind for problem in report.problems] == [Kind.FILE]


def test_the_same_clip_in_two_places_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "a" / "gio-f2-b2.wav")
    clip(tmp_path / "b" / "gio-f2-b2.wav")
    with pytest.raises(ManifestError, match="found: 2, released: 588"):
        prepare("emovo", tmp_path)
    manifest, report = prepare("emovo", tmp_path, partial=True)
    assert [problem.kind for problem in report.problems] == [Kind.ITEM]
    assert manifest.frame["file"].tolist() == ["a/gio-f2-b2.wav"]
    assert report.left_out == ("gio-f2-b2 (again)",)


def test_kaggles_ravdess_with_each_folder_twice_is_the_release(tmp_path: Path, clip: Clip) -> None:
    first = clip(tmp_path / "Actor_01" / "03-01-05-01-01-01-01.wav")
    copy = tmp_path / "audio_speech_actors_01-24" / "Actor_01" / first.name
    copy.parent.mkdir(parents=True)
    shutil.copy(first, copy)
    manifest, report = prepare("ravdess", tmp_path, partial=True)
    assert manifest.frame["file"].tolist() == ["Actor_01/03-01-05-01-01-01-01.wav"]
    assert (report.left_out, report.problems) == ((), ())
    assert report.oddities == (
        "Files that are there again, byte for byte, and left out: 1, such as "
        "audio_speech_actors_01-24/Actor_01/03-01-05-01-01-01-01.wav, a copy of "
        "Actor_01/03-01-05-01-01-01-01.wav.",
    )


def test_copies_do_not_count_against_what_was_released(tmp_path: Path, clip: Clip) -> None:
    first = clip(tmp_path / "a" / "gio-f2-b2.wav")
    (tmp_path / "b").mkdir()
    shutil.copy(first, tmp_path / "b")
    with pytest.raises(ManifestError, match="found: 1, released: 588"):
        prepare("emovo", tmp_path)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 84732\n"


def test_a_clip_that_git_lfs_did_not_fetch_says_how_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "happy" / "1.wav"
    path.parent.mkdir()
    path.write_text(POINTER)
    with pytest.raises(ManifestError, match=r"git-lfs pointer, not the recording; run 'git lfs pu"):
        prepare("folders", tmp_path)


def test_a_table_that_git_lfs_did_not_fetch_says_how_to_get_it(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "Audios" / "MSP-PODCAST_0001_0139.wav")
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Labels" / "labels_consensus.csv").write_text(POINTER)
    with pytest.raises(ManifestError, match=r"git-lfs pointer, not the table; run 'git lfs pull'"):
        prepare("msp-podcast", tmp_path)


def test_a_shard_that_git_lfs_did_not_fetch_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "train-00000.parquet").write_text(POINTER)
    with pytest.raises(ManifestError, match=r"git-lfs pointer, not the table; run 'git lfs pull'"):
        prepare("huggingface", tmp_path)


def test_items_that_the_release_itself_lacks_are_left_out_and_named(
    tmp_path: Path, clip: Clip
) -> None:
    from tonfall.corpora.preparation import _with_sound
    from tonfall.corpora.rows import Row

    rows = [
        Row(item="dia125_utt3-train", corpus="meld", file=None),
        Row(item="dia0_utt0-train", corpus="meld", file=clip(tmp_path / "dia0_utt0.wav")),
    ]
    kept, silent = _with_sound(CORPORA["meld"], tmp_path, rows, False, False)
    assert [row.item for row in kept] == ["dia0_utt0-train"]
    assert silent == ["dia125_utt3-train"]


def test_damage_inside_is_found_when_decoding(tmp_path: Path) -> None:
    path = tmp_path / "wav" / "03a01Fa.wav"
    path.parent.mkdir()
    soundfile.write(path, [0.1, float("nan")] * 400, 16_000, subtype="FLOAT")
    prepare("emodb", tmp_path, partial=True)
    _, report = prepare("emodb", tmp_path, partial=True, decode=True)
    assert "are NaN or infinite" in report.problems[0].message


def test_every_corpus_says_its_licence_and_how_to_get_it() -> None:
    for corpus in CORPORA.values():
        assert corpus.licence, corpus.name
        assert corpus.access, corpus.name
        assert corpus.name == corpus.name.lower()


def test_every_real_corpus_has_a_table_of_labels() -> None:
    from tonfall.emotion.maps import CORPUS_LABELS

    own = {"csv", "audformat", "folders", "huggingface"}
    assert set(CORPORA) - own == set(CORPUS_LABELS)


def test_ravdess_is_complete_in_its_own_layout_and_fast(tmp_path: Path, clip: Clip) -> None:
    """The promise: 1,440 clips under 10 s on two cores, headers only."""
    sound = bytearray(clip(tmp_path / "one.wav").read_bytes())
    (tmp_path / "one.wav").unlink()
    emotions = [(f"{emotion:02d}", level) for emotion in range(1, 9) for level in ("01", "02")]
    emotions.remove(("01", "02"))
    numbers = product(range(1, 25), emotions, ("01", "02"), ("01", "02"))
    for index, (actor, (emotion, level), sentence, take) in enumerate(numbers):
        sound[-2:] = index.to_bytes(2, "little")
        folder = tmp_path / "Audio_Speech_Actors_01-24" / f"Actor_{actor:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"03-01-{emotion}-{level}-{sentence}-{take}-{actor:02d}.wav"
        (folder / name).write_bytes(sound)
    # Time on the processor, so that other work on the machine does not count.
    begun = time.process_time()
    _, report = prepare("ravdess", tmp_path)
    assert time.process_time() - begun < 10
    assert (report.items, report.speakers) == (1440, 24)
    assert sorted(report.labels.values()) == [96] + [192] * 7
    assert report.problems == ()
