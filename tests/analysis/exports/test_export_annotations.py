"""Each annotation format, opened by the program or library that it is for."""

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from sample_timelines import AWKWARD_NAME, timelines
from sample_timelines import timeline as make_timeline
from sample_timelines import turn as make_turn

from tonfall.analysis.exports import export
from tonfall.analysis.exports.tiers import tiers

# parselmouth's C library and pympi take files, not streams.


@pytest.fixture
def written(tmp_path, any_timeline):
    def write(name: str, suffix: str) -> str:
        path = tmp_path / f"call{suffix}"
        path.write_bytes(export(any_timeline, name))
        return str(path)

    return write


def test_praat_opens_the_textgrid(written, any_timeline):
    import parselmouth
    from parselmouth.praat import call

    grid = parselmouth.read(written("textgrid", ".TextGrid"))
    shown = tiers(any_timeline)
    assert call(grid, "Get number of tiers") == max(1, len(shown))
    for number, tier in enumerate(shown, start=1):
        # Praat reads every line break as its own.
        assert call(grid, "Get tier name", number) == tier.name.replace("\r\n", "\n")
        count = call(grid, "Get number of intervals", number)
        read = [
            (
                call(grid, "Get start time of interval", number, index),
                call(grid, "Get end time of interval", number, index),
                call(grid, "Get label of interval", number, index),
            )
            for index in range(1, count + 1)
        ]
        assert [row for row in read if row[2]] == [
            (each.segment.start / 16000, each.segment.end / 16000, each.text)
            for each in tier.intervals
        ]


def test_praat_sees_the_whole_recording(written, any_timeline):
    import parselmouth

    grid = parselmouth.read(written("textgrid", ".TextGrid"))
    assert (grid.xmin, grid.xmax) == (0, any_timeline.recording.samples / 16000)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pympi")
def test_pympi_opens_the_elan_file(written, any_timeline):
    from pympi.Elan import Eaf

    document = Eaf(written("elan", ".eaf"))
    shown = tiers(any_timeline)
    assert set(document.get_tier_names()) == {tier.name for tier in shown}
    for tier in shown:
        assert document.get_parameters_for_tier(tier.name)["PARTICIPANT"] == tier.speaker
        read = [row[:3] for row in document.get_annotation_data_for_tier(tier.name)]
        assert sorted(read) == [
            (each.segment.start // 16, each.segment.end // 16, each.text) for each in tier.intervals
        ]


def test_elan_finds_the_recording_beside_the_file(any_timeline):
    text = export(any_timeline, "elan").decode()
    (address,) = re.findall(r'RELATIVE_MEDIA_URL="\./([^"]*)"', text)
    assert unquote(address) == any_timeline.recording.file.rsplit("/", 1)[-1]


@settings(max_examples=50)
@given(timelines())
def test_elan_is_well_formed_whatever_the_names(item):
    from xml.etree import ElementTree

    root = ElementTree.fromstring(export(item, "elan"))
    assert len(root.findall("TIER")) == 2 * len(item.speakers)


def test_pyannote_opens_the_rttm(written, any_timeline):
    from pyannote.database.util import load_rttm

    read = load_rttm(written("rttm", ".rttm"))
    if not any_timeline.turns:
        assert read == {}
        return
    ((uri, annotation),) = read.items()
    assert any_timeline.recording.file.endswith(unquote(uri) + ".wav")
    turns = [
        (segment.start, segment.end, unquote(speaker))
        for segment, _, speaker in annotation.itertracks(yield_label=True)
    ]
    expected = [
        (turn.segment.start / 16000, turn.segment.end / 16000, turn.speaker)
        for turn in any_timeline.turns
    ]
    assert [row[2] for row in turns] == [row[2] for row in expected]
    for row, other in zip(turns, expected, strict=True):
        assert row[:2] == pytest.approx(other[:2])


@settings(max_examples=50)
@given(timelines())
def test_every_rttm_line_has_ten_fields(item):
    lines = export(item, "rttm").decode().splitlines()
    assert len(lines) == len(item.turns)
    for line, turn in zip(lines, item.turns, strict=True):
        fields = line.split()
        assert len(fields) == 10
        assert unquote(fields[7]) == turn.speaker


def test_rttm_of_a_live_stream_has_a_name():
    item = make_timeline([make_turn(0, 1)], [])
    live = replace(item, recording=replace(item.recording, file=""))
    assert export(live, "rttm") == b"SPEAKER stream 1 0.0 1.0 <NA> <NA> agent <NA> <NA>\n"


def test_ffmpeg_opens_the_webvtt(written, any_timeline):
    av = pytest.importorskip("av", reason="needs PyAV to read subtitles")

    with av.open(written("webvtt", ".vtt")) as container:
        cues = [packet for packet in container.demux() if packet.size]
    turns = sorted(any_timeline.turns, key=lambda turn: turn.segment)
    assert [(cue.pts, cue.pts + cue.duration) for cue in cues] == [
        (turn.segment.start // 16, turn.segment.end // 16) for turn in turns
    ]


def test_webvtt_holds_the_judgement():
    judged = replace(make_turn(0, 1.5), guess="anger", confidence=0.716)
    item = make_timeline([judged, replace(judged, confidence=0.3, unclear=True)], [])
    text = export(item, "webvtt").decode()
    assert "00:00:00.000 --> 00:00:01.500\n<v agent>agent: anger 72 %\n\n" in text
    assert "<v agent>agent: unclear (anger? 30 %)\n" in text


def test_awkward_speakers_are_escaped_in_webvtt():
    item = make_timeline([make_turn(0, 1, "<i>A & B\n\n00:00 --> 00:01")], [])
    cue = "<v &lt;i&gt;A &amp; B 00:00 --&gt; 00:01>"
    assert cue in export(item, "webvtt").decode()


def test_audacity_labels_are_three_columns(any_timeline):
    lines = export(any_timeline, "audacity").decode().splitlines()
    assert len(lines) == len(any_timeline.turns)
    for line, turn in zip(lines, any_timeline.turns, strict=True):
        start, end, text = line.split("\t")
        assert (float(start), float(end)) == (turn.segment.start / 16000, turn.segment.end / 16000)
        assert text.startswith(" ".join(turn.speaker.split()))


def test_the_awkward_name_is_awkward():
    assert all(part in AWKWARD_NAME for part in ("</script>", "\n", '"', "'", ",", "$"))
