"""What a result shows of itself, in a terminal, a notebook and another process."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
from sample_timelines import AWKWARD_NAME, call, envelope_audio, timeline, turn, window

from tonfall.analysis import Analysis
from tonfall.analysis.envelope import EnvelopeCollector
from tonfall.timeline import Timeline


def analysis_of(item: Timeline) -> Analysis:
    collector = EnvelopeCollector(item.recording.channels, sampling_rate=8000)
    collector.update(envelope_audio(item))
    return Analysis(item, collector.compute())


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analysis_of(call())


def test_a_result_prints_its_facts_and_its_speakers(analysis: Analysis) -> None:
    head, columns, *speakers = str(analysis).splitlines()
    assert head.startswith("support_call_017.wav: 96.0 s, 2 speakers, ")
    assert columns.split()[:5] == ["speaker", "speech", "talk", "mostly", "then"]
    assert [line.split()[0] for line in speakers] == ["agent", "customer"]


def test_representations_are_one_short_line(analysis: Analysis) -> None:
    for value in (analysis, analysis.timeline):
        assert len(repr(value)) < 120
        assert "\n" not in repr(value)
        assert "support_call_017.wav" in repr(value)


def test_a_result_without_speech_says_so() -> None:
    silent = analysis_of(timeline([], [], notes=("No speech was found.",)))
    assert str(silent).splitlines()[1:] == ["no speech", "No speech was found."]
    assert "No speech was found." in silent._repr_html_()
    assert silent.summary().to_frame().empty


def test_the_notebooks_view_has_speakers_and_turns(analysis: Analysis) -> None:
    html = analysis._repr_html_()
    for text in ("support_call_017.wav", "<th>mostly</th>", "<th>sounds</th>", "<td>customer</td>"):
        assert text in html
    assert analysis.summary()._repr_html_() in html


def test_names_are_escaped_and_long_calls_cut_in_a_notebook() -> None:
    item = call(minutes=12, file=AWKWARD_NAME)
    html = analysis_of(item)._repr_html_()
    assert "<script>" not in html
    assert "&lt;/script&gt;" in html
    assert f"{len(item.turns) - 50} more turns" in html


def test_a_summary_becomes_a_table(analysis: Analysis) -> None:
    summary = analysis.summary()
    frame = summary.to_frame()
    assert frame.index.tolist() == ["agent", "customer"]
    assert frame["label"].tolist() == [each.label for each in summary]
    assert frame["share_unclear"].tolist() == [each.label_shares["unclear"] for each in summary]
    assert frame["p_anger"].tolist() == [each.probabilities["anger"] for each in summary]
    assert set(frame["trend"]) <= {"improving", "steady", "worsening", "unknown"}


def test_a_summary_names_guesses_only_where_something_is_unclear() -> None:
    clear = timeline([turn(0, 3)], [window(0, 3, "anger")])
    unclear = timeline([turn(0, 3)], [window(0, 3, "anger", confidence=0.3)])
    assert "guess" not in repr(analysis_of(clear).summary())
    heads, row = repr(analysis_of(unclear).summary()).splitlines()
    assert "guess" in heads.split()
    assert row.split()[4:6] == ["unclear", "100%"]
    assert "anger" in row.split()


def test_a_notebook_shows_the_figure_by_itself(analysis: Analysis) -> None:
    figure: Any = analysis.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_results_can_be_pickled(analysis: Analysis) -> None:
    again = pickle.loads(pickle.dumps(analysis))
    assert again.timeline == analysis.timeline
    assert (again.envelope.extremes == analysis.envelope.extremes).all()
    summary = analysis.summary()
    assert pickle.loads(pickle.dumps(summary)) == summary
    assert repr(pickle.loads(pickle.dumps(summary))) == repr(summary)


def test_an_array_is_called_so() -> None:
    item = call()
    nameless = replace(item, recording=replace(item.recording, file=""))
    assert repr(nameless).startswith("<Timeline of an array: ")
