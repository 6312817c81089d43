"""The path of pitch: the same in pieces as at once, and cheapest over what it looks ahead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.features.pitch_path import LOOK_AHEAD, PitchPath

Numbers = npt.NDArray[np.float64]


def candidates(frames: int, seed: int = 0, count: int = 3) -> tuple[Numbers, Numbers]:
    """Frequencies and voicings that jump about, some missing."""
    rng = np.random.default_rng(seed)
    frequency = 100 * 2.0 ** rng.integers(0, 3, (frames, count)) * rng.uniform(0.9, 1.1)
    there = rng.random((frames, count)) < 0.8
    return np.where(there, frequency, 0), np.where(there, rng.uniform(0.5, 0.9, there.shape), 0)


def decided(frequency: Numbers, voicing: Numbers, cuts: list[int]) -> Numbers:
    path = PitchPath()
    pieces = zip(np.split(frequency, cuts), np.split(voicing, cuts), strict=True)
    parts = [path.push(*piece) for piece in pieces]
    return np.concatenate([*parts, path.close()])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 150), st.lists(st.integers(0, 150), max_size=12), st.integers(0, 99))
def test_any_cutting_gives_the_same_path(frames: int, cuts: list[int], seed: int) -> None:
    given_ = candidates(frames, seed)
    np.testing.assert_array_equal(decided(*given_, sorted(cuts)), decided(*given_, []))


def test_a_frame_is_decided_as_soon_as_its_look_ahead_is_there() -> None:
    path = PitchPath()
    frequency, voicing = candidates(LOOK_AHEAD + 1)
    assert len(path.push(frequency[:-1], voicing[:-1])) == 0
    assert len(path.push(frequency[-1:], voicing[-1:])) == 1


def test_a_stray_octave_is_passed_over_for_what_comes_before_and_after() -> None:
    frequency, voicing = np.full((40, 2), [200.0, 100.0]), np.full((40, 2), [0.85, 0.8])
    frequency[5], voicing[5] = [400, 200], [0.9, 0.84]
    np.testing.assert_array_equal(decided(frequency, voicing, []), 200)


def test_what_begins_late_in_the_look_ahead_decides_with_it() -> None:
    # Voice of ten frames is worth its beginning and end; one that ended at once would not be.
    frequency, voicing = np.full((60, 1), 200.0), np.full((60, 1), 0.2)
    voicing[5:15] = 0.75
    np.testing.assert_array_equal(np.flatnonzero(decided(frequency, voicing, [])), range(5, 15))


def test_a_voice_is_what_reaches_the_threshold() -> None:
    frequency = np.full((60, 1), 200.0)
    assert (decided(frequency, np.full((60, 1), 0.71), []) == 200).all()
    assert not decided(frequency, np.full((60, 1), 0.69), []).any()


def test_a_slide_and_a_leap_keep_the_voice_where_voicing_does() -> None:
    steady = np.full((60, 1), 0.75)
    slide = np.geomspace(150, 300, 60)[:, None]
    np.testing.assert_array_equal(decided(slide, steady, []), slide[:, 0])
    # A leap by 2.8 costs 20.6; a frame without voice would cost 20, and 8 for its voicing.
    leap = np.where(np.arange(60) < 30, 150.0, 420.0)[:, None]
    np.testing.assert_array_equal(decided(leap, steady, []), leap[:, 0])


def test_voice_of_one_frame_is_none() -> None:
    frequency, voicing = np.full((9, 1), 200.0), np.full((9, 1), 0.2)
    voicing[4] = 0.75
    np.testing.assert_array_equal(decided(frequency, voicing, []), 0)


def test_an_endless_stream_keeps_no_more_than_its_look_ahead() -> None:
    path = PitchPath()
    for _ in range(20):
        path.push(*candidates(200))
    assert sum(len(each) for each in (path._back, path._frequency)) == 2 * LOOK_AHEAD
