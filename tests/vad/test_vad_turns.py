from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.errors import ConfigError
from tonfall.timeline import Segment
from tonfall.vad import CHUNK, TurnFinder, VoiceSettings

# In chunks: speech of 3, pauses of 4, padding of 1.
SETTINGS = VoiceSettings(
    onset=0.5, offset=0.3, shortest_speech_ms=96, shortest_pause_ms=128, padding_ms=32
)


def turns(
    text: str, *cuts: int, end: int | None = None, settings: VoiceSettings = SETTINGS
) -> tuple[list[int], list[Segment]]:
    """Starts and turns of probabilities drawn as digits, in tenths."""
    probabilities = np.array([int(digit) / 10 for digit in text], np.float32)
    finder = TurnFinder(settings)
    starts, ended = [], []
    for part in np.split(probabilities, sorted(cuts)):
        more = finder.push(part)
        starts, ended = starts + more[0], ended + more[1]
    last = finder.close(len(text) * CHUNK if end is None else end)
    return starts + last[0], ended + last[1]


def chunks(*segments: tuple[int, int]) -> list[Segment]:
    return [Segment(start * CHUNK, end * CHUNK) for start, end in segments]


def test_a_turn_has_its_padding() -> None:
    assert turns("0009990000") == ([2 * CHUNK], chunks((2, 7)))


def test_onset_begins_and_offset_keeps_a_turn() -> None:
    assert turns("0004449990000")[1] == chunks((5, 10))
    assert turns("0009994440000")[1] == chunks((2, 10))


def test_a_short_burst_is_no_turn() -> None:
    assert turns("0009900000") == ([], [])


def test_a_short_pause_does_not_end_a_turn() -> None:
    assert turns("999000999000000")[1] == chunks((0, 10))
    assert turns("9990000999000000")[1] == chunks((0, 4), (6, 11))


def test_a_burst_is_measured_to_its_last_speech_over_short_pauses() -> None:
    assert turns("0900900000000")[1] == chunks((0, 6))


def test_turns_stay_within_the_stream() -> None:
    assert turns("999", end=3 * CHUNK - 100)[1] == [Segment(0, 3 * CHUNK - 100)]


def test_a_turn_still_open_at_the_end_is_closed() -> None:
    assert turns("000999990")[1] == chunks((2, 9))


def test_a_start_is_told_once_the_speech_is_long_enough() -> None:
    finder = TurnFinder(SETTINGS)
    told = [finder.push(np.array([0.9], np.float32))[0] for _ in range(4)]
    assert told == [[], [], [0], []]


def test_no_turn_begins_before_the_earliest_sample() -> None:
    finder = TurnFinder(SETTINGS)
    finder.push(np.zeros(10, np.float32))
    assert finder.earliest == 9 * CHUNK
    finder.push(np.full(2, 0.9, np.float32))
    assert finder.earliest == 9 * CHUNK
    assert finder.push(np.full(2, 0.9, np.float32))[0] == [finder.earliest]


digits = st.text("0234569", max_size=80)


@given(text=digits, cuts=st.lists(st.integers(0, 80), max_size=8))
def test_any_chunking_gives_the_same_turns(text: str, cuts: list[int]) -> None:
    assert turns(text, *cuts) == turns(text)


@given(text=digits)
def test_turns_are_apart_in_order_and_each_start_has_one(text: str) -> None:
    starts, ended = turns(text)
    assert starts == [turn.start for turn in ended]
    assert all(before.end < after.start for before, after in pairwise(ended))
    assert all(turn.end <= len(text) * CHUNK for turn in ended)


@pytest.mark.parametrize("onset", [0.0, 1.1, float("nan")])
def test_an_impossible_threshold_is_refused(onset: float) -> None:
    with pytest.raises(ConfigError, match="0 < offset <= onset <= 1 is needed"):
        VoiceSettings(onset=onset)


def test_an_offset_above_the_onset_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"onset 0\.3 and offset 0\.4"):
        VoiceSettings(onset=0.3, offset=0.4)


@pytest.mark.parametrize(("loud", "silent"), [(0.05, 0.1), (1.1, 0.1), (0.5, 0.0)])
def test_impossible_thresholds_of_levels_are_refused(loud: float, silent: float) -> None:
    with pytest.raises(ConfigError, match="0 < silent <= loud <= 1 is needed"):
        VoiceSettings(loud=loud, silent=silent)


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="must not be negative"):
        VoiceSettings(shortest_speech_ms=-1)


@pytest.mark.parametrize("name", ["shortest_speech_ms", "shortest_pause_ms", "padding_ms"])
def test_each_negative_length_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="must not be negative"):
        VoiceSettings(**{name: -1})


def test_the_bounds_of_the_settings_are_allowed() -> None:
    VoiceSettings(onset=1.0, offset=1.0, loud=1.0, silent=1.0)
    VoiceSettings(shortest_speech_ms=0, shortest_pause_ms=1, padding_ms=0)
    VoiceSettings(shortest_pause_ms=101, padding_ms=50)
    with pytest.raises(ConfigError, match=r"offset 0\.0"):
        VoiceSettings(offset=0.0)


def test_a_pause_that_the_padding_fills_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pause is 100 ms, but must be longer .* of 50 ms"):
        VoiceSettings(shortest_pause_ms=100, padding_ms=50)
