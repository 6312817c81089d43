import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_timelines import LABELS, call, timeline, turn, window

from tonfall.analysis.trajectory import Trend, smooth, trajectory, trend, trend_between
from tonfall.errors import ConfigError


def test_a_constant_stays_constant():
    times = np.array([0.0, 1.0, 7.0])
    means = smooth(times, np.full((3, 2), 0.4), np.array([1.0, 0.2, 3.0]), time_constant=2.0)
    assert means == pytest.approx(0.4)


def test_a_step_rises_by_the_time_constant():
    # After a long past of zeros, one time constant of ones weighs 1 - 1/e.
    times = np.arange(0, 200, 0.01)
    values = (times >= 195).astype(float)[:, None]
    means = smooth(times, values, np.ones(len(times)), time_constant=5.0)
    assert means[-1, 0] == pytest.approx(1 - np.exp(-1), abs=0.002)


def test_a_pause_fades_what_came_before():
    values = np.array([[0.0], [1.0]])
    short = smooth(np.array([0.0, 1.0]), values, np.ones(2), time_constant=5.0)
    long = smooth(np.array([0.0, 60.0]), values, np.ones(2), time_constant=5.0)
    assert short[1, 0] < 0.6 < 0.99 < long[1, 0]


def test_what_was_not_observed_does_not_count():
    values = np.array([[np.nan, 0.2], [0.8, np.nan]])
    means = smooth(np.array([0.0, 1.0]), values, np.ones(2), time_constant=5.0)
    assert np.isnan(means[0, 0])
    assert means[1].tolist() == pytest.approx([0.8, 0.2])


@pytest.mark.parametrize("time_constant", [0.0, -1.0, float("nan")])
def test_a_time_constant_must_be_above_zero(time_constant):
    with pytest.raises(ConfigError, match=r"time constant of the trajectory is .* above 0"):
        trajectory(timeline([], []), "agent", time_constant=time_constant)


def test_the_curve_breaks_where_windows_share_nothing():
    windows = [window(0, 3), window(1, 4), window(4, 7)]
    points = trajectory(timeline([turn(0, 7)], windows), "agent")
    assert [point.connected for point in points] == [False, True, False]


def test_without_dimensions_there_is_no_curve_of_them():
    windows = [window(0, 3, arousal=None, valence=None, dominance=None)]
    (point,) = trajectory(timeline([turn(0, 3)], windows), "agent")
    assert (point.arousal, point.valence, point.dominance) == (None, None, None)
    assert point.probabilities == pytest.approx(windows[0].probabilities)


@given(st.integers(1, 40))
def test_the_curve_is_causal(count):
    item = call()
    whole = trajectory(item, "customer")
    first = [w for w in item.windows if w.speaker == "customer"][:count]
    assert trajectory(timeline([], first), "customer") == whole[:count]


def test_probabilities_of_the_curve_sum_to_one():
    assert all(sum(p.probabilities) == pytest.approx(1) for p in trajectory(call(), "agent"))


def _tone_over_time(*tones: tuple[float, str]) -> Trend:
    windows = [
        window(i, i + 1, label, valence=valence, confidence=0.8)
        for i, (valence, label) in enumerate(tones)
    ]
    return trend(timeline([turn(0, len(tones))], windows), "agent")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ((0.5, "anger"), (0.5, "neutral"), Trend.IMPROVING),
        ((0.5, "neutral"), (0.5, "anger"), Trend.WORSENING),
        ((0.5, "neutral"), (0.5, "happiness"), Trend.STEADY),
        ((0.9, "neutral"), (0.1, "neutral"), Trend.STEADY),
        ((0.1, "neutral"), (0.9, "anger"), Trend.WORSENING),
    ],
)
def test_the_trend_follows_anger_and_not_valence(first, last, expected):
    assert _tone_over_time(*[first] * 9, *[last] * 9) is expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0.1, 0.34, Trend.STEADY), (0.1, 0.36, Trend.WORSENING), (0.36, 0.1, Trend.IMPROVING)],
)
def test_a_change_by_a_quarter_is_a_trend(first, last, expected):
    assert trend_between(1 - first, 1 - last) is expected


def test_a_short_speaker_has_no_trend():
    assert _tone_over_time((0.1, "anger"), (0.9, "neutral")) is Trend.UNKNOWN


def test_a_model_without_anger_has_no_trend():
    labels = ("neutral", "happiness")
    windows = [window(i, i + 1, labels=labels, valence=0.5) for i in range(30)]
    item = timeline([turn(0, 30)], windows, labels=labels)
    assert trend(item, "agent") is Trend.UNKNOWN


def test_labels_of_the_sample_call_have_a_tone():
    assert "anger" in LABELS
    assert trend(call(minutes=5), "customer") in set(Trend) - {Trend.UNKNOWN}
