import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.runtime.turns import scored_turn, turn_scores
from tonfall.timeline import SAMPLING_RATE, Segment, Turn, Window

LABELS = ("neutral", "anger")
SECOND = SAMPLING_RATE


def judged(start: float, end: float, anger: float, **fields: object) -> Window:
    values: dict[str, object] = {
        "segment": Segment(int(start * SECOND), int(end * SECOND)),
        "channel": 0,
        "speaker": "agent",
        "guess": "anger" if anger > 0.5 else "neutral",
        "confidence": max(anger, 1 - anger),
        "unclear": False,
        "probabilities": (1 - anger, anger),
        "arousal": anger,
        "valence": 1 - anger,
        "dominance": None,
        "speech_ratio": 1.0,
    }
    return Window(**{**values, **fields})


def test_windows_count_by_shared_time_and_speech():
    windows = [judged(0, 3, 0.9), judged(2, 5, 0.1, speech_ratio=0.5)]
    affect = turn_scores(Segment(0, 4 * SECOND), windows, labels=LABELS, threshold=0.5)
    assert affect is not None
    # 3 s of full speech against 2 s of half speech: weights 3 and 1.
    assert affect.probabilities == pytest.approx((0.3, 0.7))
    assert affect.arousal == pytest.approx(0.7)
    assert affect.valence == pytest.approx(0.3)
    assert affect.dominance is None
    assert (affect.label, affect.confidence) == ("anger", pytest.approx(0.7))
    assert not affect.unclear


def test_turn_below_the_threshold_is_unclear():
    affect = turn_scores(Segment(0, SECOND), [judged(0, 3, 0.55)], labels=LABELS, threshold=0.6)
    assert affect is not None
    assert affect.unclear
    assert (affect.label, affect.guess) == ("unclear", "anger")


@pytest.mark.parametrize(
    "windows", [[], [judged(5, 8, 0.9)], [judged(0, 3, 0.9, speech_ratio=0.0)]]
)
def test_turn_without_judged_speech_stays_open(windows):
    turn = Turn(Segment(0, 2 * SECOND), 0, "agent")
    assert turn_scores(turn.segment, windows, labels=LABELS, threshold=0.5) is None
    assert scored_turn(turn, windows, labels=LABELS, threshold=0.5) == turn


def test_scores_are_filled_into_the_turn():
    turn = Turn(Segment(0, 2 * SECOND), 1, "agent")
    scored = scored_turn(turn, [judged(0, 3, 0.8)], labels=LABELS, threshold=0.5)
    assert (scored.segment, scored.channel, scored.speaker) == (turn.segment, 1, "agent")
    assert (scored.label, scored.confidence, scored.arousal) == ("anger", 0.8, 0.8)
    assert (scored.guess, scored.unclear, scored.dominance) == ("anger", False, None)
    assert (scored.probabilities, scored.valence) == (pytest.approx((0.2, 0.8)), pytest.approx(0.2))


def test_a_turn_below_the_threshold_is_unclear_and_keeps_the_guess():
    turn = Turn(Segment(0, 2 * SECOND), 1, "agent")
    scored = scored_turn(turn, [judged(0, 3, 0.8)], labels=LABELS, threshold=0.9)
    assert (scored.label, scored.guess, scored.unclear) == ("unclear", "anger", True)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1), st.floats(0, 1)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_order_of_windows_does_not_matter(scores, random):
    windows = [judged(s, s + 3, anger, speech_ratio=ratio) for s, anger, ratio in scores]
    turn = Segment(0, 10 * SECOND)
    expected = turn_scores(turn, windows, labels=LABELS, threshold=0.5)
    random.shuffle(windows)
    assert turn_scores(turn, windows, labels=LABELS, threshold=0.5) == expected
