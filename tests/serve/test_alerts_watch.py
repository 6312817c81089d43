"""Rules over windows: threshold, persistence, hysteresis, cool-down, and what is passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_sounds import LABELS, fired_at, rule, run, seen
from hypothesis import given
from hypothesis import strategies as st

from tonfall.errors import ConfigError
from tonfall.serve.alerts import Firing, Over, Usual, check_rules

ANGRY, CALM = 0.8, 0.1


def test_a_level_at_the_threshold_fires_once() -> None:
    curve = [seen(t, level) for t, level in enumerate([0.5, 0.59, 0.6, 0.9, 0.9], 3)]
    assert fired_at(rule(above=0.6), curve) == [5.0]


def test_below_fires_below() -> None:
    curve = [seen(t, 0.5) for t in range(3, 6)]
    assert fired_at(rule("valence", above=None, below=0.2), curve) == [3.0]
    assert fired_at(rule("valence", above=None, below=0.1), curve) == []


def test_categories_are_added_up_as_far_as_the_model_has_them() -> None:
    # 0.3 of anger, 0.7 / 3 of sadness; frustration is not there.
    curve = [seen(3, 0.3)]
    assert fired_at(rule(("anger", "sadness", "frustration"), above=0.53), curve) == [3.0]
    assert fired_at(rule(("anger", "sadness", "frustration"), above=0.54), curve) == []


def test_a_window_counts_by_itself_where_the_rule_says_so() -> None:
    curve = [seen(3, smoothed=0.2, anger=0.9), seen(4, smoothed=0.9, anger=0.2)]
    assert fired_at(rule(of="window", above=0.6), curve) == [3.0]
    assert fired_at(rule(of="smoothed", above=0.6), curve) == [4.0]


def test_it_must_persist() -> None:
    curve = [seen(t, ANGRY) for t in (3, 4)] + [seen(5, CALM)] + [seen(t, ANGRY) for t in (6, 7, 8)]
    assert fired_at(rule(persists_s=3), curve) == [8.0]


def test_a_pause_neither_counts_nor_breaks() -> None:
    # Ten seconds without a window add no more than the second that the next one brings.
    curve = [seen(3, ANGRY), seen(14, ANGRY), seen(15, ANGRY)]
    assert fired_at(rule(persists_s=3), curve) == [15.0]


def test_it_is_over_only_at_the_release() -> None:
    levels = [0.7, 0.5, 0.7, 0.39, 0.5, 0.7]
    curve = [seen(t, level) for t, level in enumerate(levels, 3)]
    told = run(rule(above=0.6, release=0.4), curve)
    assert [(type(each), each.seconds) for each in told] == [
        (Firing, 3.0),
        (Over, 6.0),
        (Firing, 8.0),
    ]


def test_it_is_silent_while_it_cools_down() -> None:
    levels = [ANGRY, CALM] * 40
    curve = [seen(t, level) for t, level in enumerate(levels, 3)]
    assert fired_at(rule(cooldown_s=30), curve) == [3.0, 33.0, 63.0]


def test_what_still_holds_after_the_cool_down_is_no_second_alert() -> None:
    curve = [seen(t, ANGRY) for t in range(3, 100)]
    assert fired_at(rule(cooldown_s=10), curve) == [3.0]


def test_a_speaker_must_have_spoken_enough() -> None:
    curve = [seen(t, ANGRY, speech_s=t - 2) for t in range(3, 12)]
    assert fired_at(rule(minimum_speech_s=5), curve) == [7.0]


def test_noise_is_passed_over_and_what_is_not_known_counts() -> None:
    noisy = [seen(t, ANGRY, snr=2) for t in range(3, 9)]
    assert fired_at(rule(minimum_snr_db=3), noisy) == []
    assert fired_at(rule(minimum_snr_db=3), [seen(3, ANGRY, snr=None)]) == [3.0]


def test_what_is_unclear_is_passed_over_where_the_rule_says_so() -> None:
    curve = [seen(3, ANGRY), seen(4, CALM, unclear=True), seen(5, ANGRY)]
    assert fired_at(rule(persists_s=2, ignore_unclear=True), curve) == [5.0]
    assert fired_at(rule(persists_s=2), curve) == []


def test_speakers_are_watched_apart() -> None:
    curve = [seen(t, ANGRY, speaker=f"S{t % 2}") for t in range(3, 7)]
    assert fired_at(rule(persists_s=2), curve) == [5.0, 6.0]


def test_all_or_any_of_the_conditions() -> None:
    high, low = rule("arousal", above=0.7).when, rule("valence", above=None, below=0.1).when
    curve = [seen(3, CALM)]
    assert fired_at(rule(when=(*high, *low), match="all"), curve) == []
    assert fired_at(rule(when=(*high, *low), match="any"), curve) == [3.0]


def test_the_evidence_is_the_numbers() -> None:
    [firing] = run(rule(persists_s=2), [seen(3, ANGRY), seen(4, 0.7)])
    assert isinstance(firing, Firing)
    numbers = {"level_1": pytest.approx(0.7), "threshold_1": 0.6, "held_s": 2.0}
    assert firing.evidence == numbers
    assert (firing.speaker, firing.channel, firing.rule.name) == ("S1", 0, "test")


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 5), st.floats(0, 0.3))
def test_firings_and_ends_alternate(levels: list[float], persists: float, margin: float) -> None:
    curve = [seen(t, level) for t, level in enumerate(levels, 3)]
    told = run(rule(above=0.5, release=0.5 - margin, persists_s=persists), curve)
    kinds = [type(each) for each in told]
    assert kinds == [Firing, Over] * (len(kinds) // 2) + [Firing] * (len(kinds) % 2)


def test_a_rule_that_asks_for_what_the_model_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="rule test asks for boredom, but the model gives"):
        check_rules([rule("boredom")], labels=LABELS)
    with pytest.raises(ConfigError, match="asks for arousal"):
        check_rules([rule("arousal")], labels=LABELS, dimensions=())
    check_rules([rule(("anger", "frustration"))], labels=LABELS, dimensions=())


def test_a_rise_is_over_what_is_usual_for_the_speaker() -> None:
    usual = Usual((0.3, 0.2, 0.2, 0.3), arousal=0.7, valence=0.5, dominance=None)
    curve = [replace(seen(t, level), usual=usual) for t, level in ((3, 0.6), (4, 0.7))]
    assert fired_at(rule(above=0.35, of="rise"), curve) == [4.0]
    assert fired_at(rule("arousal", above=0.05, of="rise"), curve) == [3.0]
    # Valence fell from 0.5 to 0.2.
    assert fired_at(rule("valence", above=None, below=-0.25, of="rise"), curve) == [3.0]
    assert fired_at(rule("valence", above=None, below=-0.35, of="rise"), curve) == []


def test_nothing_rises_while_it_is_not_known_what_is_usual() -> None:
    assert fired_at(rule(above=-1, of="rise"), [seen(3, ANGRY)]) == []
