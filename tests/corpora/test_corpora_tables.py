"""Readers whose labels are in tables: on miniatures with audio, and on the real label tables."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall.corpora import prepare
from tonfall.corpora.readers import crema_d, iemocap, meld
from tonfall.emotion.maps import IEMOCAP_FOUR_CLASSES, IEMOCAP_SIX_CLASSES
from tonfall.errors import ManifestError

Clip = Callable[[Path], Path]

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Anger;\t()
C-F1:\tFrustration;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  ;\t(mildly aggravated; attitude)
A-F1:\tval 3; act 2; dom  1;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[1.0000, 5.0000, 3.0000]
C-E2:\tOther;\t(neutral; tired)
C-M1:\tExcited; Happiness;\t()
"""
TRANSCRIPT = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
M: [breathing]
Ses01F_impro01_M000 [007.5712-010.4750]: Do you have your forms?
"""


def iemocap_session(root: Path, clip: Clip) -> Path:
    session = root / "IEMOCAP_full_release" / "Session1"
    dialog = session / "dialog"
    for folder in ("EmoEvaluation", "transcriptions", "avi/DivX"):
        (dialog / folder).mkdir(parents=True)
    (dialog / "EmoEvaluation" / "Ses01F_impro01.txt").write_text(EVALUATION)
    (dialog / "transcriptions" / "Ses01F_impro01.txt").write_text(TRANSCRIPT)
    (dialog / "avi" / "DivX" / "Ses01F_impro01.avi").touch()
    for turn in ("Ses01F_impro01_F000", "Ses01F_impro01_M000"):
        clip(session / "sentences" / "wav" / "Ses01F_impro01" / f"{turn}.wav")
    return session


def test_iemocap_turns_with_all_that_the_release_says(tmp_path: Path, clip: Clip) -> None:
    iemocap_session(tmp_path, clip)
    manifest, report = prepare("iemocap", tmp_path, partial=True)
    first, second = manifest.frame.to_dict("records")
    assert (first["item"], first["speaker"], first["sex"]) == (
        "Ses01F_impro01_F000",
        "Ses01F",
        "female",
    )
    # The speaker's letter is that before the turn's number, whoever wore the markers.
    assert (second["speaker"], second["sex"], second["session"]) == ("Ses01M", "male", "Ses01")
    assert first["votes"] == {"neutral": 2.0, "anger": 1.0, "frustration": 1.0}
    assert second["votes"] == {"other": 1.0, "excitement": 1.0, "happiness": 1.0}
    assert (first["label"], first["label_original"]) == ("neutral", "neu")
    assert manifest.frame["label"].isna().tolist() == [False, True]
    assert [second[name] for name in ("valence", "arousal", "dominance")] == [0.0, 1.0, 0.5]
    assert second["text"] == "Do you have your forms?"
    assert first["video"].endswith("dialog/avi/DivX/Ses01F_impro01.avi#t=6.2901,8.2357")
    assert report.turns.to_dict("records")[0] == {
        "item": "Ses01F_impro01_F000",
        "dialogue": "Ses01F_impro01",
        "start": 6.2901,
        "end": 8.2357,
    }


def test_iemocap_votes_without_the_speakers_own(tmp_path: Path, clip: Clip) -> None:
    iemocap_session(tmp_path, clip)
    first, second = iemocap.read(tmp_path, self_reports=False).rows
    assert first.votes == {"neutral": 2.0, "anger": 1.0}
    assert second.votes == {"other": 1.0}


def test_iemocap_dialogues_give_turns_as_stretches(tmp_path: Path, clip: Clip) -> None:
    session = iemocap_session(tmp_path, clip)
    whole = clip(session / "dialog" / "wav" / "Ses01F_impro01.wav")
    soundfile.write(whole, np.linspace(-0.1, 0.1, 12 * 8000), 8000)
    manifest, _ = prepare("iemocap-dialogues", tmp_path, partial=True)
    assert manifest.frame["start"].tolist() == [6.2901, 10.01]
    assert manifest.frame["duration"].tolist() == pytest.approx([1.9456, 1.3825])
    assert manifest.frame["file"].nunique() == 1


def test_turn_beyond_the_end_of_its_dialogue_is_left_out_and_named(
    tmp_path: Path, clip: Clip
) -> None:
    session = iemocap_session(tmp_path, clip)
    whole = clip(session / "dialog" / "wav" / "Ses01F_impro01.wav")
    soundfile.write(whole, np.linspace(-0.1, 0.1, 9 * 8000), 8000)
    manifest, report = prepare("iemocap-dialogues", tmp_path, partial=True)
    assert manifest.frame["item"].tolist() == ["Ses01F_impro01_F000"]
    assert report.left_out == ("Ses01F_impro01_M000",)
    assert "the item ends at 11.39 s, the file at 9.00 s" in report.problems[0].message


def test_iemocap_with_an_unknown_class_is_refused(tmp_path: Path, clip: Clip) -> None:
    session = iemocap_session(tmp_path, clip)
    path = session / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    path.write_text(EVALUATION.replace("Excited", "Elated"))
    with pytest.raises(ManifestError, match="an annotator's class is 'Elated'"):
        prepare("iemocap", tmp_path)


def test_real_iemocap_labels_through_the_releases_layout(shared: Path, tmp_path: Path) -> None:
    """The public label table, written out as EmoEvaluation files and read back."""
    path = shared / "data" / "iemocap_labels" / "iemocap_labels.csv.gz"
    table = pd.read_csv(path, dtype={"session": str})
    for dialogue, turns in table.groupby("dialogue"):
        folder = tmp_path / f"Session{turns['session'].iloc[0]}" / "dialog" / "EmoEvaluation"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{dialogue}.txt").write_text("".join(evaluation_blocks(turns)))
    manifest, report = prepare("iemocap", tmp_path, labels_only=True)
    frame = manifest.frame
    assert (report.items, report.speakers) == (10_039, 10)
    assert report.turns["dialogue"].nunique() == 151
    assert report.labels["fru"] == 1849
    assert report.labels["xxx"] == 2507
    theirs = table.set_index("utterance").loc[frame["item"]]
    assert frame["speaker"].tolist() == theirs["speaker"].tolist()
    assert sum(label is not None for label in four_classes(frame)) == 5531
    six = IEMOCAP_SIX_CLASSES.apply(nulls(frame["label"]))
    assert sum(label is not None for label in six) == 7380
    # The files carry four decimals, as the release's do.
    np.testing.assert_allclose(frame["valence"] * 4 + 1, theirs["val_all"], atol=1e-4)


def evaluation_blocks(turns: pd.DataFrame) -> Iterable[str]:
    yield "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    for index, turn in enumerate(turns.itertuples()):
        yield (
            f"[{index}.0000 - {index}.9000]\t{turn.utterance}\t{turn.label}\t"
            f"[{turn.val_all:.4f}, {turn.act_all:.4f}, {turn.dom_all:.4f}]\n"
            "C-E1:\tNeutral;\t()\n\n"
        )


def four_classes(frame: pd.DataFrame) -> list[str | None]:
    return IEMOCAP_FOUR_CLASSES.apply(nulls(frame["label"]))


def nulls(labels: pd.Series) -> list[str | None]:
    return [None if pd.isna(label) else label for label in labels]


def crema_d_release(root: Path, clip: Clip) -> None:
    clip(root / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    clip(root / "AudioWAV" / "1002_IEO_SAD_HI.wav")
    (root / "AudioMP3").mkdir()
    (root / "AudioMP3" / "1001_DFA_ANG_XX.mp3").touch()
    (root / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
        '1002,21,"Female","Caucasian","Not Hispanic"\n'
    )
    (root / "SentenceFilenames.csv").write_text(
        '"Stimulus_Number","Filename"\n1,"1001_DFA_ANG_XX"\n2,"1002_IEO_SAD_HI"\n'
    )
    (root / "processedResults").mkdir()
    (root / "processedResults" / "tabulatedVotes.csv").write_text(
        '"","A","D","F","H","N","S","fileName","numResponses"\n'
        '"100001",7,1,0,0,2,0,"1001_DFA_ANG_XX",10\n'
        '"200001",9,0,0,0,0,0,"1001_DFA_ANG_XX",9\n'
        '"100002",0,0,0,0,0,8,"1002_IEO_SAD_HI",8\n'
    )


def test_crema_d_brings_voice_votes_demographics_and_level(tmp_path: Path, clip: Clip) -> None:
    crema_d_release(tmp_path, clip)
    manifest, report = prepare("crema-d", tmp_path, partial=True)
    first, second = manifest.frame.to_dict("records")
    assert first["votes"] == {"anger": 7.0, "disgust": 1.0, "neutral": 2.0}
    assert (first["sex"], first["age"], second["intensity"]) == ("male", 51, 0.8)
    assert (second["label"], second["sentence"]) == ("sadness", "IEO")
    assert np.isnan(first["intensity"])
    assert report.oddities == ()
    faces = crema_d.listener_votes(tmp_path, crema_d.Shown.FACE)
    assert faces == {"1001_DFA_ANG_XX": {"anger": 9.0}}


def test_crema_d_without_tables_says_what_is_unknown(tmp_path: Path, clip: Clip) -> None:
    clip(tmp_path / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    _, report = prepare("crema-d", tmp_path, partial=True)
    assert len(report.oddities) == 2


def test_real_crema_d_tables(shared: Path) -> None:
    root = shared / "data" / "cremad_metadata"
    with pytest.raises(ManifestError, match="7442 of 7442 items of CREMA-D have labels but no"):
        prepare("crema-d", root)
    manifest, report = prepare("crema-d", root, labels_only=True)
    frame = manifest.frame
    assert (report.items, report.speakers) == (7442, 91)
    assert frame["file"].isna().all()
    assert frame.drop_duplicates("speaker")["sex"].value_counts().to_dict() == {
        "male": 48,
        "female": 43,
    }
    totals = {
        shown: sum(sum(votes.values()) for votes in crema_d.listener_votes(root, shown).values())
        for shown in crema_d.Shown
    }
    assert list(totals.values()) == [68_568, 71_654, 71_778]
    assert sum(sum(votes.values()) for votes in frame["votes"]) == 68_568


def test_the_one_real_crema_d_clip(shared: Path) -> None:
    manifest, _ = prepare("crema-d", shared / "data" / "cremad_sample", partial=True)
    (row,) = manifest.frame.to_dict("records")
    # (bytes - 44) / 32000 of the release's WAV file.
    assert row["duration"] == pytest.approx((72_862 - 44) / 32_000)


MELD_HEAD = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    "StartTime,EndTime\r\n"
)


def meld_release(root: Path, clip: Clip) -> None:
    for split in ("train", "dev", "test"):
        (root / f"{split}_sent_emo.csv").write_text(
            MELD_HEAD
            + '1,"Yes, now.",Chandler,joy,positive,0,0,8,21,"00:16:16,059","00:16:21,731"\r\n',
            encoding="utf-8",
            newline="",
        )
    clip(root / "train" / "train_splits" / "dia0_utt0.wav")
    clip(root / "dev_splits_complete" / "dia0_utt0.wav")
    clip(root / "output_repeated_splits_test" / "final_videos_testdia0_utt0.wav")
    clip(root / "output_repeated_splits_test" / "dia9_utt9.wav")
    (root / "train" / "train_splits" / "._dia0_utt0.wav").touch()


def test_meld_joins_tables_and_clips_by_split(tmp_path: Path, clip: Clip) -> None:
    meld_release(tmp_path, clip)
    manifest, report = prepare("meld", tmp_path, partial=True)
    frame = manifest.frame
    assert frame["item"].tolist() == ["dia0_utt0-train", "dia0_utt0-dev", "dia0_utt0-test"]
    assert frame["split"].tolist() == ["train", "dev", "test"]
    assert frame["file"].iloc[2] == "output_repeated_splits_test/final_videos_testdia0_utt0.wav"
    assert frame["label"].unique().tolist() == ["happiness"]
    assert frame["text"].iloc[0] == "Yes, now."
    assert report.turns.iloc[0].tolist() == ["dia0_utt0-train", "s08e21", 976.059, 981.731]
    assert report.oddities == ("Clips without a row in the tables: 1.",)


def test_real_meld_tables(shared: Path) -> None:
    manifest, report = prepare("meld", shared / "data" / "meld_labels", labels_only=True)
    frame = manifest.frame
    assert (report.items, report.speakers) == (13_708, 304)
    assert frame["split"].value_counts().to_dict() == {"train": 9989, "test": 2610, "dev": 1109}
    assert frame.loc[frame["split"] == "test", "label"].value_counts()["happiness"] == 402
    train, test = (set(frame.loc[frame["split"] == s, "speaker"]) for s in ("train", "test"))
    assert len(train & test) == 69
    assert (report.turns["end"] >= report.turns["start"]).all()
    folds = pd.read_csv(shared / "protocols" / "emobox" / "meld.csv.gz", dtype=str)
    assert set(frame["item"]) - set(folds["item"]) == meld.UNUSABLE


def mosei_labels(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        data = file.create_group("All Labels/data")
        video = data.create_group("-3g5yACwYnA")
        video["intervals"] = np.array([[-0.1, 0.02], [0.02, 0.05]])
        video["features"] = np.array([[3, 0, 0, 0, 0, 0, 0], [-1.5, 0.5, 1, 0, 0, 0, 0]], float)


def test_mosei_is_multi_label_with_intensities(tmp_path: Path, clip: Clip) -> None:
    mosei_labels(tmp_path / "CMU_MOSEI_Labels.csd")
    clip(tmp_path / "Raw" / "Audio" / "Full" / "WAV_16000" / "-3g5yACwYnA.wav")
    (tmp_path / "std_folds.csv").write_text("video,part\n-3g5yACwYnA,valid\n")
    manifest, report = prepare("mosei", tmp_path)
    first, second = manifest.frame.to_dict("records")
    assert (first["start"], first["end"], first["valence"]) == (0.0, 0.02, 1.0)
    assert first["votes"] == {}
    assert manifest.frame["label"].isna().tolist() == [True, False]
    assert second["votes"] == {"happiness": 0.5, "sadness": 1.0}
    assert (second["label"], second["label_original"]) == ("sadness", "happy+sad")
    assert (second["valence"], second["intensity"]) == (0.25, pytest.approx(1 / 3))
    assert second["split"] == "dev"
    assert second["duration"] == pytest.approx(0.03)
    assert {problem.kind.name for problem in report.problems} == {"SPEAKER"}


def test_real_mosei_tables(shared: Path) -> None:
    root = shared / "data" / "mosei_labels"
    manifest, report = prepare("mosei", root, labels_only=True)
    frame = manifest.frame
    assert report.items == 23_259
    counts = frame["split"].value_counts(dropna=False)
    assert counts[["train", "dev", "test"]].tolist() == [16_327, 1_871, 4_662]
    assert frame["split"].isna().sum() == 399
    # "Happy" and "no emotion" look the same in this table, so neither is a label.
    assert frame["label"].isna().sum() == 14_567
    assert "Segments of videos in no standard fold: 399." in report.oddities
    assert (frame["start"] >= 0).all()


LABELS = """MSP-PODCAST_0001_0139.wav; N; A:2.400000; V:4.000000; D:2.800000;
WORKER00000001; Other-confused; Concerned,Confused; A:3.000000; V:3.000000; D:4.000000;
WORKER00000002; Neutral; Neutral; A:2.000000; V:5.000000; D:2.000000;

MSP-PODCAST_0002_0033.wav; X; A:7.000000; V:1.000000; D:4.000000;
WORKER00000001; Angry; Angry; A:7.000000; V:1.000000; D:4.000000;
"""
CONSENSUS = """FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0139.wav,N,2.4,4.0,2.8,127,Male,Development
MSP-PODCAST_0002_0033.wav,X,7.0,1.0,4.0,Unknown,Unknown,Test1
"""


def test_older_msp_podcast_with_its_own_spelling(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Labels" / "labels_concensus.csv").write_text(CONSENSUS)
    clip(tmp_path / "Audios" / "MSP-PODCAST_0001_0139.wav")
    clip(tmp_path / "Audios" / "MSP-PODCAST_0002_0033.wav")
    manifest, _ = prepare("msp-podcast", tmp_path)
    assert manifest.frame["label_original"].tolist() == ["N", "X"]


def test_msp_podcast_with_workers_and_transcripts(tmp_path: Path, clip: Clip) -> None:
    for folder in ("Labels", "Transcripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Labels" / "labels.txt").write_text(LABELS)
    (tmp_path / "Labels" / "labels_consensus.csv").write_text(CONSENSUS)
    (tmp_path / "Transcripts" / "MSP-PODCAST_0001_0139.txt").write_text("so it goes\n")
    clip(tmp_path / "Audios" / "MSP-PODCAST_0001_0139.wav")
    clip(tmp_path / "Audios" / "MSP-PODCAST_0002_0033.wav")
    manifest, report = prepare("msp-podcast", tmp_path)
    first, second = manifest.frame.to_dict("records")
    assert first["votes"] == {"other": 1.0, "neutral": 1.0}
    assert (first["split"], second["split"]) == ("dev", "test1")
    assert (first["speaker"], first["sex"], first["text"]) == ("127", "male", "so it goes")
    assert [second[name] for name in ("arousal", "valence", "dominance")] == [1.0, 0.0, 0.5]
    assert manifest.frame["speaker"].isna().tolist() == [False, True]
    assert manifest.frame["label"].isna().tolist() == [False, True]
    assert not manifest.frame["acted"].any()
    assert report.corpus.original("arousal", first["arousal"]) == pytest.approx(2.4)


def test_labels_without_audio_need_to_be_asked_for(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Labels" / "labels_consensus.csv").write_text(CONSENSUS)
    clip(tmp_path / "Audios" / "MSP-PODCAST_0001_0139.wav")
    with pytest.raises(ManifestError, match="1 of 2 items of MSP-Podcast have labels but no audio"):
        prepare("msp-podcast", tmp_path)
    whole, _ = prepare("msp-podcast", tmp_path, labels_only=True)
    assert whole.frame["file"].isna().tolist() == [False, True]
    part, report = prepare("msp-podcast", tmp_path, partial=True)
    assert len(part) == 1
    assert report.left_out == ("MSP-PODCAST_0002_0033",)


def test_a_table_with_a_value_that_is_no_number_is_refused(tmp_path: Path, clip: Clip) -> None:
    meld_release(tmp_path, clip)
    path = tmp_path / "dev_sent_emo.csv"
    path.write_text(path.read_text().replace(",8,21,", ",eight,21,"))
    with pytest.raises(ManifestError, match=r"is not as MELD was released .*'eight'"):
        prepare("meld", tmp_path)


def test_a_label_file_of_mosei_that_is_torn_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CMU_MOSEI_Labels.csd").write_bytes(b"torn")
    with pytest.raises(ManifestError, match="is not as CMU-MOSEI was released"):
        prepare("mosei", tmp_path)


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train_sent_emo.csv.gz").write_bytes(gzip.compress(b"Utterance,Emotion\nYes,joy\n"))
    with pytest.raises(ManifestError, match="has no column 'Speaker', expected Utterance, Speaker"):
        prepare("meld", tmp_path, labels_only=True)
