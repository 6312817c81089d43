from itertools import pairwise

from hypothesis import given
from sample_timelines import call, segment, timeline, timelines, turn, window

from tonfall.analysis.strip import coarse_runs, runs, speech, strip, unjudged
from tonfall.timeline import Segment


def test_a_moment_belongs_to_the_window_with_the_nearest_centre():
    windows = [window(0, 3), window(1, 4, "anger"), window(2, 5)]
    cells = strip(timeline([turn(0, 5)], windows), "agent")
    assert [cell.segment for cell in cells] == [segment(0, 2), segment(2, 3), segment(3, 5)]
    assert [cell.window.label for cell in cells] == ["neutral", "anger", "neutral"]


def test_cells_end_with_the_speech_and_with_the_window():
    item = timeline([turn(1, 2), turn(2.5, 8)], [window(0, 3)])
    assert [cell.segment for cell in strip(item, "agent")] == [segment(1, 2), segment(2.5, 3)]
    assert unjudged(item, "agent") == (segment(3, 8),)


def test_speech_without_windows_is_all_open():
    item = timeline([turn(1, 2), turn(3, 4)], [])
    assert strip(item, "agent") == ()
    assert unjudged(item, "agent") == (segment(1, 2), segment(3, 4))


def test_other_speakers_do_not_show():
    item = timeline([turn(0, 3)], [window(0, 3, speaker="customer")])
    assert strip(item, "agent") == ()


def test_touching_turns_are_one_stretch_of_speech():
    item = timeline([turn(0, 1), turn(1, 2), turn(3, 4)], [])
    assert speech(item, "agent") == (segment(0, 2), segment(3, 4))


def test_runs_join_neighbours_that_say_the_same():
    windows = [
        window(0, 3, confidence=0.6),
        window(1, 4, confidence=0.9),
        window(2, 5, confidence=0.3),
    ]
    joined = runs(strip(timeline([turn(0, 5)], windows), "agent"))
    assert [(run.segment, run.label) for run in joined] == [
        (segment(0, 3), "neutral"),
        (segment(3, 5), "unclear"),
    ]
    assert abs(joined[0].confidence - (2 * 0.6 + 1 * 0.9) / 3) < 1e-12


def test_runs_do_not_cross_a_pause():
    item = timeline([turn(0, 1), turn(2, 3)], [window(0, 3)])
    assert [run.segment for run in runs(strip(item, "agent"))] == [segment(0, 1), segment(2, 3)]


def _tiles(segments: list[Segment]) -> int:
    ordered = sorted(segments)
    assert all(a.end <= b.start for a, b in pairwise(ordered))
    return sum(each.samples for each in ordered)


@given(timelines())
def test_cells_and_open_speech_tile_the_turns(item):
    for speaker in item.speakers:
        cells = [cell.segment for cell in strip(item, speaker)]
        assert all(cell.samples for cell in cells)
        covered = _tiles(cells + list(unjudged(item, speaker)))
        assert covered == sum(each.samples for each in speech(item, speaker))


def test_a_realistic_call_is_judged_nearly_everywhere():
    item = call()
    for speaker in item.speakers:
        spoken = sum(each.samples for each in speech(item, speaker))
        assert sum(each.samples for each in unjudged(item, speaker)) < 0.1 * spoken


def test_coarse_runs_hold_what_was_heard_longest():
    windows = [window(0, 4, "anger"), window(4, 5), window(5, 9, "anger"), window(14, 15)]
    cells = strip(timeline([turn(0, 20)], windows), "agent")
    coarse = coarse_runs(cells, step=segment(0, 10).samples)
    assert [(run.segment, run.label) for run in coarse] == [
        (segment(0, 10), "anger"),
        (segment(10, 20), "neutral"),
    ]


def test_an_empty_turn_is_no_speech():
    item = timeline([turn(1, 1), turn(2, 3)], [window(0, 3)])
    assert speech(item, "agent") == (segment(2, 3),)
    assert [cell.segment for cell in strip(item, "agent")] == [segment(2, 3)]
