from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import vectors_of

from tonfall.diarization import OnlineSpeakers, SpeakerSettings
from tonfall.diarization.attribute import chunk_likeness, likeliest_path
from tonfall.diarization.attribution import confidence_of
from tonfall.diarization.cluster import find_voices
from tonfall.diarization.offline import attribute_speech
from tonfall.diarization.track import VOICE_HOP, VOICE_WINDOW
from tonfall.diarization.voices import VoiceWindow, VoiceWindows
from tonfall.errors import ConfigError


def voices_of(speakers: list[int], *, settings: SpeakerSettings | None = None) -> np.ndarray:
    rows = vectors_of(speakers, rng=np.random.default_rng(0))
    speech = np.ones(len(rows), np.float32)
    return find_voices(rows, speech, settings=settings or SpeakerSettings())


def windows_of(speakers: list[int]) -> VoiceWindows:
    windows = VoiceWindows()
    for place, row in enumerate(vectors_of(speakers, rng=np.random.default_rng(1))):
        windows.add(VoiceWindow(place * VOICE_HOP, 1.0, row))
    return windows


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_as_many_voices_are_found_as_there_are(count: int):
    assert len(voices_of([turn % count for turn in range(40 * count)])) == count


def test_no_more_than_four_voices_are_told_apart():
    assert len(voices_of([turn % 6 for turn in range(120)])) <= 4


def test_of_five_voices_the_two_most_alike_become_one():
    rows = vectors_of([turn % 5 for turn in range(200)], rng=np.random.default_rng(0), spread=0.3)
    alike = rows[3::5] + 0.5 * rows[4::5]
    rows[3::5] = alike / np.linalg.norm(alike, axis=1, keepdims=True)
    found = find_voices(rows, np.ones(len(rows), np.float32), settings=SpeakerSettings())
    owners = (rows @ found.T).argmax(axis=1).reshape(-1, 5)
    assert len(found) == 4
    assert [len(set(owners[:, voice])) for voice in range(5)] == [1] * 5
    assert owners[0, 3] == owners[0, 4]
    assert len(set(owners[0])) == 4


def learnt(speakers: list[int], *, ordered: bool = True, missed_at: int = -1) -> list[bool]:
    """Whether it is unsure who is who after each window of these speakers."""
    online, unsure = OnlineSpeakers(ordered=ordered), []
    for place, row in enumerate(vectors_of(speakers, rng=np.random.default_rng(1), spread=0.3)):
        if place == missed_at:
            online.miss()
        online.learn(VoiceWindow(place * VOICE_HOP, 1.0, row))
        unsure.append(online.unsure)
    return unsure


def test_by_order_nothing_is_sure_until_two_voices_are_known():
    assert learnt([0, 0, 0, 0]) == [True] * 4
    assert learnt([0, 0, 0, 1, 1, 1, 0])[2:] == [True, True, False, False, False]
    assert learnt([0, 0, 0, 0], ordered=False) == [False] * 4


def test_by_order_nothing_is_sure_where_who_was_first_became_known_second():
    """A greeting too short to be a voice of its own, then the other one for long."""
    assert learnt([0, *[1] * 6, *[0] * 4]) == [True] * 11


def test_by_order_nothing_is_sure_where_something_was_missed_before_two_were_known():
    assert learnt([0, 0, 0, 1, 1, 1], missed_at=2) == [True] * 6
    assert learnt([0, 0, 0, 1, 1, 1], missed_at=5)[-1] is False


def test_voices_come_in_order_of_appearance():
    voices = voices_of([1] * 10 + [0] * 20)
    assert voices[0, 1] > voices[0, 0]
    assert voices[1, 0] > voices[1, 1]


def test_two_are_found_where_two_are_said_to_be():
    assert len(voices_of([0] * 30, settings=SpeakerSettings(speakers=2))) == 2


def test_one_is_found_where_one_is_said_to_be():
    assert len(voices_of([0, 1] * 20, settings=SpeakerSettings(speakers=1))) == 1


def test_a_few_stray_windows_are_no_speaker():
    assert len(voices_of([0] * 60 + [1] * 2)) == 1


def test_no_windows_have_no_voices():
    none = np.zeros((0, 192), np.float32)
    assert find_voices(none, none[:, 0], settings=SpeakerSettings()).shape == (0, 192)


@pytest.mark.parametrize("speakers", [0, 5])
def test_a_number_of_speakers_that_cannot_be_told_apart_is_refused(speakers: int):
    with pytest.raises(ConfigError, match=f"is {speakers}, but 1 to 4 can be told apart"):
        SpeakerSettings(speakers=speakers)


def test_a_chunk_is_mostly_like_the_window_it_is_in_the_middle_of():
    likeness = np.array([[1, 0], [0, 1]], np.float32)
    mixed = chunk_likeness(np.array([0, VOICE_HOP]), likeness, VOICE_HOP + VOICE_WINDOW)
    assert mixed[0].tolist() == [1, 0]
    assert mixed[-1].tolist() == [0, 1]
    assert mixed[VOICE_WINDOW // 2, 0] > 0.9
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-5)


def best_by_trying(likeness: np.ndarray, cost: float) -> float:
    """The best sum over all paths of two speakers."""
    best = -np.inf
    for code in range(2 ** len(likeness)):
        path = [(code >> step) & 1 for step in range(len(likeness))]
        changes = sum(a != b for a, b in pairwise(path))
        best = max(
            best, sum(own[k] for own, k in zip(likeness, path, strict=True)) - cost * changes
        )
    return best


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=9))
def test_the_path_is_the_best_of_all(rows: list[tuple[float, float]]):
    settings = SpeakerSettings(sharpness=1.0, stay=0.7, stay_at_pause=0.7)
    likeness = np.array(rows, np.float32)
    path = likeliest_path(likeness, np.ones(len(rows), np.bool_), settings)
    found = sum(own[k] for own, k in zip(likeness, path, strict=True))
    found -= 0.7 * np.count_nonzero(np.diff(path))
    assert found == pytest.approx(best_by_trying(likeness, 0.7), abs=1e-5)


def test_turns_are_found_back():
    windows = windows_of([0] * 12 + [1] * 12 + [0] * 12)
    chunks = 36 * VOICE_HOP
    found = attribute_speech(windows, np.ones(chunks, np.float32), settings=SpeakerSettings())
    truth = np.repeat([0, 1, 0], 12 * VOICE_HOP)
    # Windows 1.5 s long are cut at the wrong place by at most half of that.
    assert found.speakers == 2
    assert (found.owners != truth).mean() < 2 * VOICE_WINDOW / 2 / chunks
    assert found.confidence[6 * VOICE_HOP] > 0.95


def test_silence_is_given_to_whoever_spoke_last():
    windows = windows_of([0] * 12 + [1] * 12)
    speech = np.ones(24 * VOICE_HOP, np.float32)
    speech[:40] = speech[-40:] = 0
    found = attribute_speech(windows, speech, settings=SpeakerSettings())
    assert set(found.owners[:40]) == {0}
    assert set(found.owners[-40:]) == {1}


def test_a_recording_without_speech_has_one_silent_speaker():
    found = attribute_speech(VoiceWindows(), np.zeros(50, np.float32), settings=SpeakerSettings())
    assert found.speakers == 1
    assert not found.owners.any()


def test_confidence_grows_with_the_lead():
    likeness = np.array([[0.5, 0.5], [0.6, 0.4], [0.9, 0.1]], np.float32)
    confidence = confidence_of(likeness, np.zeros(3, np.int64))
    assert confidence[0] == 0.5
    assert np.all(np.diff(confidence) > 0)


def test_one_speaker_is_certain():
    assert confidence_of(np.zeros((3, 1), np.float32), np.zeros(3, np.int64)).tolist() == [1, 1, 1]
