"""What a call adds to the curves of budgets, and at which thresholds it is watched."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Sequence

import pytest
from alert_sounds import rule
from desk_calls import AGENT, CUSTOMER, Shop, example, finish, of_kind, open_call, packets, play

from tonfall.runtime import Predictor
from tonfall.serve.alerts import Rule
from tonfall.serve.alerts.budgets import half_life_h, needed_h, steps_of
from tonfall.serve.calls import LiveCall, ScoringPolicy
from tonfall.serve.codecs import Role
from tonfall.serve.firings import STEPS, FiringCurve
from tonfall.serve.records import AlertOpened, Notice, WindowHeard

SECONDS = 30.0


def budgeted(level: float | None = 0.3, **changes: object) -> Rule:
    """Anger of a window at a threshold, with a budget."""
    whole: dict[str, object] = {"of": "window", "budget": "20 per 100 call hours", **changes}
    return rule("anger", above=level, **whole)  # type: ignore[arg-type]


def played(shop: Shop, roles: Sequence[Role] = (CUSTOMER, AGENT), **options: object) -> LiveCall:
    call = open_call(shop.desk, *roles, **options)
    play(call, packets(example(0, SECONDS)))
    finish(call)
    return call


def learn(shop: Shop, hours: float, counts: Sequence[float]) -> None:
    """As the reader of the store would tell."""
    [one] = shop.desk.budgets.in_use("acme", "twilio")
    curve = FiringCurve(hours, 0, (*counts, *(0.0,) * STEPS)[:STEPS])
    shop.desk.budgets.learn({("acme", "twilio", one.rule.name, one.definition): curve})


def middle(shop: Shop) -> float:
    """A threshold of the steps that some windows of the example call are above, and some below."""
    angry = sorted(each.window.probabilities[3] for each in of_kind(shop.told, WindowHeard))
    steps = steps_of(budgeted().when[0])
    level = min(steps, key=lambda step: abs(step - angry[len(angry) // 2]))
    assert angry[0] < level < angry[-1]
    return level


@pytest.fixture(scope="module")
def level(tiny: Predictor) -> float:
    with Shop(tiny) as shop:
        played(shop)
        return middle(shop)


def test_a_call_adds_what_its_rule_would_have_done_at_each_threshold(
    tiny: Predictor, level: float
) -> None:
    one = budgeted(level)
    with Shop(tiny, rules=(one,)) as shop:
        call = played(shop)
    opened = of_kind(shop.told, AlertOpened)
    [told] = shop.closed(call).firings
    assert (told.carrier, told.rule, told.half_life_h) == ("twilio", "test", half_life_h(20))
    assert told.curve.hours == pytest.approx(SECONDS / 3600)
    assert told.curve.fired == len(opened) > 0
    step = steps_of(one.when[0]).index(level)
    assert told.curve.counts[step] == len(opened)
    assert told.curve.counts[0] == 1
    assert told.curve.counts[-1] == 0


def test_an_alert_says_its_threshold_and_where_that_comes_from(
    tiny: Predictor, level: float
) -> None:
    with Shop(tiny, rules=(budgeted(0.999), replace_name(rule(above=0.0), "fixed"))) as shop:
        budget, fixed = shop.desk.budgets.in_use("acme", "twilio")
        played(shop)
        assert {each.rule for each in of_kind(shop.told, AlertOpened)} == {"fixed"}
        step = steps_of(budget.rule.when[0]).index(level)
        counts = (9.0,) * step + (0.0,) * (STEPS - step)
        curve = FiringCurve(needed_h(20), 0, counts)
        shop.desk.budgets.learn({("acme", "twilio", "test", budget.definition): curve})
        shop.told.clear()
        played(shop)
        opened = of_kind(shop.told, AlertOpened)
        counted = shop.desk.opened_alerts()
    learnt = next(each for each in opened if each.rule == "test")
    assert (learnt.threshold_origin, learnt.evidence["threshold_1"]) == ("budget", level)
    assert learnt.evidence["level_1"] >= level
    other = next(each for each in opened if each.rule == "fixed")
    assert (other.threshold_origin, other.evidence["threshold_1"]) == ("fixed", 0.0)
    assert set(counted) == {("test", "budget"), ("fixed", "fixed")}
    assert fixed.expected is None


def replace_name(one: Rule, name: str) -> Rule:
    return one.model_copy(update={"name": name})


def test_until_enough_was_heard_the_written_threshold_holds(tiny: Predictor, level: float) -> None:
    with Shop(tiny, rules=(budgeted(level),)) as shop:
        learn(shop, needed_h(20) - 1, ())
        played(shop)
    opened = of_kind(shop.told, AlertOpened)
    assert {each.threshold_origin for each in opened} == {"fallback"}
    assert {each.evidence["threshold_1"] for each in opened} == {level}


def test_without_a_written_threshold_nothing_fires_until_then_but_all_is_counted(
    tiny: Predictor,
) -> None:
    with Shop(tiny, rules=(budgeted(None),)) as shop:
        call = played(shop)
        assert of_kind(shop.told, AlertOpened) == []
        [told] = shop.closed(call).firings
        assert (told.curve.fired, told.curve.counts[0]) == (0, 1)
        learn(shop, needed_h(20), ())
        played(shop)
        assert of_kind(shop.told, AlertOpened)


def test_who_may_not_be_scored_adds_nothing(tiny: Predictor) -> None:
    with Shop(tiny, rules=(budgeted(),)) as shop:
        agents = played(shop, (AGENT, AGENT), call_id="CA2")
        refused = played(shop, notice=Notice.REFUSED, call_id="CA3")
        objected = open_call(shop.desk, call_id="CA4")
        play(objected, packets(example(0, SECONDS)), end=False)
        objected.object(by="key-1")
        play(objected, ())
        finish(objected)
    for call in (agents, refused, objected):
        assert shop.closed(call).firings == ()


def test_before_notice_no_hour_counts(tiny: Predictor) -> None:
    policy = ScoringPolicy(require_notice=True)
    with Shop(tiny, rules=(budgeted(),), policy=policy) as shop:
        silent = played(shop, call_id="CA2")
        late = open_call(shop.desk, call_id="CA3")
        every = list(packets(example(0, SECONDS)))
        half = len(every) // 2
        play(late, every[:half], end=False)
        late.set_notice(Notice.GIVEN, by="key-1")
        play(late, every[half:])
        finish(late)
    assert shop.closed(silent).firings == ()
    [told] = shop.closed(late).firings
    assert told.curve.hours == pytest.approx(SECONDS / 2 / 3600, rel=0.01)


def test_rules_without_a_budget_add_nothing(tiny: Predictor) -> None:
    with Shop(tiny, rules=(rule(above=0.1),)) as shop:
        call = played(shop)
    assert shop.closed(call).firings == ()


def test_a_threshold_that_moves_leaves_calls_that_go_on_as_they_were(
    tiny: Predictor, level: float
) -> None:
    with Shop(tiny, rules=(budgeted(level),)) as shop:
        call = open_call(shop.desk)
        learn(shop, needed_h(20), (9.0,) * STEPS)  # The strictest.
        play(call, packets(example(0, SECONDS)))
        finish(call)
    opened = of_kind(shop.told, AlertOpened)
    assert {each.threshold_origin for each in opened} == {"fallback"}


def test_alerts_are_counted_while_more_are_opened(tiny: Predictor) -> None:
    """Who asks for metrics looks at a counter that the scoring thread adds to."""
    interval = sys.getswitchinterval()
    with Shop(tiny) as shop:
        call = open_call(shop.desk)
        opened = shop.desk._hearings[call.id].opened
        stop = threading.Event()

        def add() -> None:
            for number in itertools.count():
                opened[f"rule-{number}", "fixed"] = 1
                if number % 50 == 49:
                    opened.clear()
                if stop.is_set():
                    return

        thread = threading.Thread(target=add)
        sys.setswitchinterval(1e-6)
        thread.start()
        try:
            for _ in range(2000):
                shop.desk.opened_alerts()
        finally:
            stop.set()
            thread.join()
            sys.setswitchinterval(interval)
