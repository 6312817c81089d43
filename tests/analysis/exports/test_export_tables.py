import csv
from io import BytesIO, StringIO

import audformat
import pandas as pd
import pytest
from hypothesis import given, settings
from sample_timelines import LABELS, call, timelines

from tonfall.analysis.exports import export, turns_frame, windows_frame
from tonfall.timeline import UNCLEAR

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
KEEP_TEXT = {"keep_default_na": False}


def plain(text):
    """Text as CSV has it, where a spreadsheet would calculate it."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def test_windows_are_rows_under_audformats_index(sample_call):
    frame = windows_frame(sample_call)
    audformat.assert_index(frame.index)
    assert audformat.is_segmented_index(frame)
    assert list(frame.columns) == [
        "channel",
        "speaker",
        "label",
        "guess",
        "confidence",
        *(f"p_{label}" for label in LABELS),
        "arousal",
        "valence",
        "dominance",
        "speech_ratio",
        "snr_db",
        "heard",
    ]
    first = sample_call.windows[0]
    assert frame.index[0] == (
        sample_call.recording.file,
        pd.Timedelta(0),
        pd.Timedelta(seconds=first.segment.duration),
    )
    assert frame.iloc[0]["p_anger"] == first.probabilities[LABELS.index("anger")]
    assert frame.attrs["model"] == "medium"


def test_one_sample_is_exact(sample_call):
    starts = windows_frame(sample_call).index.get_level_values("start")
    expected = [window.segment.start * 62_500 for window in sample_call.windows]
    assert starts.astype("int64").tolist() == expected


def test_open_turns_have_no_scores(any_timeline):
    frame = turns_frame(any_timeline)
    audformat.assert_index(frame.index)
    judged = [turn.label is not None for turn in any_timeline.turns]
    for column in ("label", "guess", "confidence", "arousal", "p_anger"):
        assert frame[column].notna().tolist() == judged


def test_parquet_comes_back_with_its_index(any_timeline):
    frame = pd.read_parquet(BytesIO(export(any_timeline, "parquet")))
    audformat.assert_index(frame.index)
    # Which missing value a column of text uses is not part of Parquet.
    expected = windows_frame(any_timeline)
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False, check_index_type=False)
    assert frame.attrs["model_hash"] == any_timeline.model_hash


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat's own
def test_a_channel_of_the_parquet_makes_an_audformat_table(sample_call, tmp_path):
    frame = pd.read_parquet(BytesIO(export(sample_call, "parquet"))).query("channel == 1")
    database = audformat.Database("calls")
    database.schemes["label"] = audformat.Scheme(labels=[*LABELS, UNCLEAR])
    database["windows"] = audformat.Table(frame.index)
    database["windows"]["label"] = audformat.Column(scheme_id="label")
    database["windows"]["label"].set(frame["label"])
    database.save(tmp_path)
    loaded = audformat.Database.load(tmp_path)["windows"]["label"].get()
    assert loaded.tolist() == frame["label"].tolist()


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat's own
def test_csv_is_read_by_audformat(sample_call):
    data = StringIO(export(sample_call, "csv").decode())
    frame = audformat.utils.read_csv(data, as_dataframe=True)
    assert frame.index.equals(windows_frame(sample_call).index)


def test_csv_has_seconds(sample_call):
    frame = pd.read_csv(BytesIO(export(sample_call, "turns")))
    assert frame["start"].tolist() == [turn.segment.start / 16000 for turn in sample_call.turns]
    assert frame["end"].tolist() == [turn.segment.end / 16000 for turn in sample_call.turns]


@pytest.mark.parametrize("name", ["csv", "turns"])
def test_awkward_names_survive_csv(name, any_timeline):
    rows = any_timeline.windows if name == "csv" else any_timeline.turns
    frame = pd.read_csv(BytesIO(export(any_timeline, name)), **KEEP_TEXT)
    assert frame["speaker"].tolist() == [plain(row.speaker) for row in rows]
    assert frame["file"].tolist() == [plain(any_timeline.recording.file)] * len(rows)


@settings(max_examples=50)
@given(timelines())
def test_any_text_survives_csv(item):
    text = export(item, "turns").decode()
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert [row["speaker"] for row in rows] == [plain(turn.speaker) for turn in item.turns]
    assert all(row["file"] == plain(item.recording.file) for row in rows)
    shown = [row[name] for row in rows for name in ("file", "speaker", "label")]
    assert not [text for text in shown if text.startswith(FORMULAS)]


@pytest.mark.parametrize("name", ["csv", "turns"])
@pytest.mark.parametrize("first", FORMULAS)
def test_no_field_of_csv_is_a_formula(name, first):
    file = f"{first}HYPERLINK(A1)-+=@.wav"
    rows = list(csv.DictReader(StringIO(export(call(file=file), name).decode(), newline="")))
    assert {row["file"] for row in rows} == {f"'{file}"}
    assert {row["speaker"] for row in rows} == {"agent", "customer"}
    float(rows[0]["p_anger"])
