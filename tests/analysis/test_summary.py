import pytest
from hypothesis import given
from sample_timelines import call, timeline, timelines, turn, unscored, window

from tonfall.analysis.summary import summarize
from tonfall.analysis.trajectory import Trend


def test_everything_is_weighted_by_speech_time():
    turns = [turn(0, 6), turn(7, 8, "customer", 1), turn(8, 9, "customer", 1)]
    windows = [
        window(0, 4, "anger", confidence=0.8, arousal=0.9),
        window(4, 6, "neutral", confidence=0.3, arousal=0.3),
    ]
    agent, customer = summarize(timeline(turns, windows))
    assert (agent.speaker, agent.channel, agent.turns) == ("agent", 0, 1)
    assert (agent.speech_seconds, agent.judged_seconds) == (6.0, 6.0)
    assert agent.share_of_talk == pytest.approx(0.75)
    assert agent.label == "anger"
    assert agent.label_shares["anger"] == pytest.approx(2 / 3)
    assert agent.label_shares["unclear"] == pytest.approx(1 / 3)
    assert agent.label_shares["neutral"] == 0
    assert agent.arousal == pytest.approx((2 * 0.9 + 0.3) / 3)
    assert agent.probabilities["anger"] == pytest.approx((2 * 0.8 + 0.1) / 3)
    assert (customer.turns, customer.speech_seconds) == (2, 2.0)


def test_unclear_time_counts_for_no_category():
    windows = [
        window(0, 3, "anger", confidence=0.3),
        window(3, 5, "anger", confidence=0.3),
        window(5, 9, "neutral", confidence=0.5),
    ]
    (agent,) = summarize(timeline([turn(0, 9)], windows))
    assert (agent.label, agent.guess) == ("unclear", "neutral")
    assert agent.label_shares["anger"] == 0
    assert agent.label_shares["unclear"] == pytest.approx(5 / 9)


def test_overlapping_windows_are_not_counted_twice():
    windows = [window(0, 3), window(1, 4), window(2, 5, "anger")]
    (agent,) = summarize(timeline([turn(0, 5)], windows))
    assert agent.judged_seconds == 5.0
    assert agent.label_shares["anger"] == pytest.approx(0.4)


def test_a_speaker_without_judgement_has_only_times():
    (agent, *_) = summarize(unscored(call()))
    assert agent.speech_seconds > 0
    assert agent.judged_seconds == 0.0
    assert (agent.label, agent.guess, agent.arousal) == (None, None, None)
    assert (agent.label_shares, agent.probabilities) == ({}, {})
    assert agent.trend is Trend.UNKNOWN


def test_no_speech_has_no_speakers():
    assert summarize(timeline([], [])) == ()


@given(timelines())
def test_shares_sum_to_one(item):
    summaries = summarize(item)
    if sum(each.speech_seconds for each in summaries):
        assert sum(each.share_of_talk for each in summaries) == pytest.approx(1)
    for each in summaries:
        for shares in (each.label_shares, each.probabilities):
            assert not shares or sum(shares.values()) == pytest.approx(1)
