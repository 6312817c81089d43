"""Readers whose labels are in the files' names, on faithful miniatures of the releases."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tonfall.corpora import prepare
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]


def test_ravdess_song_leaves_speech_aside_and_links_the_video(tmp_path: Path, clip: Clip) -> None:
    song = tmp_path / "Audio_Song_Actors_01-24" / "Actor_09"
    clip(song / "03-02-04-02-01-02-09.wav")
    clip(tmp_path / "Audio_Speech_Actors_01-24" / "Actor_09" / "03-01-04-02-01-02-09.wav")
    video = tmp_path / "Video_Song_Actor_09" / "Actor_09" / "01-02-04-02-01-02-09.mp4"
    video.parent.mkdir(parents=True)
    video.touch()
    manifest, report = prepare("ravdess-song", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert report.labels == {"sad": 1}
    assert (row["corpus"], row["speaker"], row["sex"]) == ("ravdess-song", "09", "male")
    assert (row["label"], row["intensity"]) == ("sadness", 1.0)
    assert row["text"] == "Kids are talking by the door."
    assert row["video"] == "Video_Song_Actor_09/Actor_09/01-02-04-02-01-02-09.mp4"


def test_ravdess_with_an_unknown_emotion_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "Actor_01" / "03-01-09-01-01-01-01.wav")
    with pytest.raises(ManifestError, match="emotion '09' is unknown, expected one of 01, 02"):
        prepare("ravdess", tmp_path)


def test_emodb_in_its_own_layout(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "wav" / "08b09Lb.wav")
    manifest, _ = prepare("emodb", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert (row["item"], row["speaker"], row["sex"], row["age"]) == ("08b09Lb", "08", "female", 34)
    assert (row["label"], row["label_original"], row["sentence"]) == ("boredom", "L", "b09")
    assert row["duration"] == pytest.approx(0.05)
    assert row["sampling_rate"] == 16_000


def test_emovo_in_folders_by_speaker(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "f2" / "gio-f2-b2.wav")
    manifest, _ = prepare("emovo", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert (row["speaker"], row["sex"], row["label"]) == ("f2", "female", "happiness")
    assert row["text"] == "I vigili sono muniti di pistola."


def test_nemo_takes_text_age_and_sex_from_its_table(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "samples" / "WR0_surprised_64.wav")
    (tmp_path / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        'WR0_surprised_64.wav\tsurprised\t"Ucho.\tucho\tWR0\tmale\t23\n',
        encoding="utf-8",
    )
    manifest, _ = prepare("nemo", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert (row["sex"], row["age"], row["text"]) == ("male", 23, '"Ucho.')
    assert (row["label"], row["sentence"]) == ("surprise", "64")


def test_nemo_whose_table_names_missing_clips_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "samples" / "WR0_surprised_64.wav")
    (tmp_path / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        "WR0_anger_1.wav\tanger\tUcho.\tucho\tWR0\tmale\t23\n",
        encoding="utf-8",
    )
    with pytest.raises(ManifestError, match="names clips that are missing, such as WR0_anger_1"):
        prepare("nemo", tmp_path)


def test_ased_sentences_of_one_emotion_carry_its_letter(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "04Sad" / "S4-04-02-01-29.wav")
    clip(tmp_path / "04Sad" / "s4-06-02-01-29.wav")
    manifest, _ = prepare("ased", tmp_path, partial=True)
    assert manifest.frame["sentence"].tolist() == ["s04", "06"]
    assert manifest.frame["label"].tolist() == ["sadness", "sadness"]


def test_baved_has_no_category_but_arousal(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "0" / "53-m-20-0-2-211.wav")
    manifest, _ = prepare("baved", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert manifest.frame["label"].isna().all()
    assert (row["speaker"], row["arousal"], row["label_original"]) == ("46", 1.0, "2")


def test_tess_counts_as_published_and_forgives_the_misnamed_file(
    tmp_path: Path, clip: Clip
) -> None:
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "sad", "ps")
    for speaker, emotion, number in product(("OAF", "YAF"), emotions, range(200)):
        word = "".join("abcdefghij"[int(digit)] for digit in str(number))
        named = "OA" if (speaker, emotion, number) == ("OAF", "neutral", 7) else speaker
        folder = {"fear": "Fear", "ps": "Pleasant_surprise"}.get(emotion, emotion)
        path = tmp_path / f"{speaker}_{folder}" / f"{named}_{word}_{emotion}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    from tonfall.corpora.readers import tess

    reading = tess.read(tmp_path)
    assert len(reading.rows) == 2800
    assert reading.strays == ()
    assert len({row.item for row in reading.rows}) == 2800
    assert {row.speaker for row in reading.rows} == {"OAF", "YAF"}
    assert {row.age for row in reading.rows if row.speaker == "OAF"} == {64}
    assert "OAF_h_neutral" in {row.item for row in reading.rows}


@pytest.mark.parametrize("name", ["DC/su05.wav", "DC_su05.wav"])
def test_savee_in_folders_and_flat(tmp_path: Path, clip: Clip, name: str) -> None:
    clip(tmp_path / "AudioData" / name)
    manifest, _ = prepare("savee", tmp_path, partial=True)
    (row,) = manifest.frame.to_dict("records")
    assert (row["item"], row["speaker"], row["label"]) == ("DC_su05", "DC", "surprise")
    assert row["sex"] == "male"


def test_savee_clip_without_a_speaker_is_a_stray(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "DC" / "a01.wav")
    clip(tmp_path / "a02.wav")
    with pytest.raises(ManifestError, match=r"not of SAVEE: 1, such as a02\.wav"):
        prepare("savee", tmp_path)


def test_savee_counts_as_published(tmp_path: Path) -> None:
    from tonfall.corpora.readers import savee

    counts = {"a": 15, "d": 15, "f": 15, "h": 15, "n": 30, "sa": 15, "su": 15}
    for speaker, (emotion, number) in product(("DC", "JE", "JK", "KL"), counts.items()):
        (tmp_path / speaker).mkdir(exist_ok=True)
        for index in range(1, number + 1):
            (tmp_path / speaker / f"{emotion}{index:02d}.wav").touch()
    reading = savee.read(tmp_path)
    assert len(reading.rows) == 480
    assert sum(row.label == "neutral" for row in reading.rows) == 120


def test_esd_tells_emotion_sentence_and_language_by_number(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "0005" / "Sad" / "test" / "0005_001051.wav")
    clip(tmp_path / "0011" / "Surprise" / "0011_001750.wav")
    lines = "0005_001051\t打远一看，它们的确很是美丽，\t伤心\n"
    (tmp_path / "0005" / "0005.txt").write_text(lines, encoding="gb18030")
    (tmp_path / "0011" / "0011.txt").write_text(
        "0011_001750\tThe nine the eggs, I keep.\tSurprise\n", encoding="utf-8"
    )
    manifest, report = prepare("esd", tmp_path, partial=True)
    frame = manifest.frame
    assert frame["label"].tolist() == ["sadness", "surprise"]
    assert frame["sentence"].tolist() == ["zh001", "en350"]
    assert frame["language"].tolist() == ["zh", "en"]
    assert frame["text"].tolist() == ["打远一看，它们的确很是美丽，", "The nine the eggs, I keep."]
    assert frame["split"].isna().tolist() == [False, True]
    assert report.oddities == ()


def test_esd_reports_a_clip_in_another_emotions_folder(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "0001" / "Happy" / "0001_000001.wav")
    _, report = prepare("esd", tmp_path, partial=True)
    assert report.oddities == ("In another emotion's folder than the number says: 0001_000001.",)


def test_esd_number_out_of_range_is_refused(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "0001" / "Happy" / "0001_001751.wav")
    with pytest.raises(ManifestError, match="no clip number 1751, expected 1 to 1750"):
        prepare("esd", tmp_path)


def test_urdu_is_not_acted(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "Angry" / "SM1_F10_A010.wav")
    clip(tmp_path / "Happy" / "SF6_F6_H030.wav")
    manifest, _ = prepare("urdu", tmp_path, partial=True)
    assert manifest.frame["speaker"].tolist() == ["SM1", "SF6"]
    assert manifest.frame["sex"].tolist() == ["male", "female"]
    assert not manifest.frame["acted"].any()
