"""What a call adds to its line's prior, and whose call adds nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from desk_calls import (
    AGENT,
    CUSTOMER,
    RATE,
    TENANT,
    UNKNOWN,
    Shop,
    example,
    finish,
    of_kind,
    open_call,
    packets,
    play,
)

from tonfall.adaptation import Callers, heard_caller, running
from tonfall.analysis import hear_voices
from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor, starting_baseline
from tonfall.serve.calls import AgentScoring, Purpose, ScoringPolicy
from tonfall.serve.codecs import Role
from tonfall.serve.priors import Start
from tonfall.serve.records import CallOpened, Notice

AGENTS = AgentScoring(
    reason="Agents train themselves.", person="A. B.", region="DE", purpose=Purpose.SELF_TRAINING
)
MIXED = Role.MIXED
TOLD = {"notice": Notice.GIVEN}


class Noted:
    """In the place of a server's priors."""

    def __init__(self, start: Start | None = None) -> None:
        self.offered: list[tuple[Any, ...]] = []
        self._start = start

    def start(self, tenant: str, carrier: str) -> Start | None:
        assert (tenant, carrier) == (TENANT, "twilio")
        return self._start

    def offer(
        self, call: str, tenant: str, carrier: str, *, caller: str | None, heard: Callers
    ) -> None:
        self.offered.append((call, tenant, carrier, caller, heard))


@pytest.fixture(autouse=True)
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers are counted from half a second on, so that calls may be short."""
    monkeypatch.setattr(running, "LEAST_GATED_S", 0.5)


@pytest.fixture(scope="module")
def call() -> FloatArray:
    return example(0, 20)


def offered(predictor: Predictor, samples: FloatArray, *roles: Role, **options: Any) -> list[Any]:
    """What is learnt of a call with these roles."""
    noted = Noted()
    policy = ScoringPolicy(**options.pop("policy", {}))
    with Shop(predictor, policy=policy, priors=noted) as shop:
        live = open_call(shop.desk, *roles, **{**TOLD, **options})
        play(live, packets(samples))
        finish(live)
    return noted.offered


def test_a_customer_adds_what_adapt_would_hear_of_the_channel(
    tiny: Predictor, call: FloatArray
) -> None:
    ((_, tenant, carrier, caller, heard),) = offered(tiny, call, caller="c" * 64)
    assert (tenant, carrier, caller) == (TENANT, "twilio", "c" * 64)
    expected = heard_caller(hear_voices(call, tiny, sampling_rate=RATE)[:1])
    assert expected is not None
    assert heard.weight == pytest.approx(expected.weight, rel=0.1)
    # Channels apart, an echo of the other side is left out alike.
    np.testing.assert_allclose(heard.mean, expected.mean, atol=0.02)


@pytest.mark.parametrize(
    ("roles", "policy"),
    [
        ((AGENT,), {}),
        ((AGENT,), {"agents": AGENTS}),
        ((MIXED,), {"agents": AGENTS}),
        ((MIXED,), {}),
        ((UNKNOWN,), {}),
        ((UNKNOWN, AGENT), {"agents": AGENTS}),
    ],
)
def test_agents_mixes_and_unknown_voices_add_nothing(
    tiny: Predictor, call: FloatArray, roles: tuple[Role, ...], policy: dict[str, Any]
) -> None:
    assert offered(tiny, call[: len(roles)], *roles, policy=policy) == []


def test_where_agents_are_scored_the_customer_alone_is_learnt(
    tiny: Predictor, call: FloatArray
) -> None:
    (alone,) = offered(tiny, call, CUSTOMER, AGENT)
    (beside,) = offered(tiny, call, CUSTOMER, AGENT, policy={"agents": AGENTS})
    np.testing.assert_allclose(alone[4].mean, beside[4].mean, atol=1e-5)
    assert alone[4].weight == pytest.approx(beside[4].weight)


def test_an_unknown_voice_is_a_customer_where_the_operator_says_so(
    tiny: Predictor, call: FloatArray
) -> None:
    policy = {"unknown_is_customer": True}
    assert len(offered(tiny, call, UNKNOWN, AGENT, policy=policy)) == 1
    (apart,) = offered(tiny, call[:1], UNKNOWN, policy=policy)
    assert apart[4].callers == 1


@pytest.mark.parametrize("notice", [Notice.UNKNOWN, Notice.REFUSED])
def test_who_was_not_told_or_refused_adds_nothing(
    tiny: Predictor, call: FloatArray, notice: Notice
) -> None:
    assert offered(tiny, call, notice=notice) == []


def test_who_was_told_in_the_middle_adds_what_was_said_after(
    tiny: Predictor, call: FloatArray
) -> None:
    (whole,) = offered(tiny, call)
    noted = Noted()
    with Shop(tiny, priors=noted) as shop:
        live = open_call(shop.desk)
        play(live, packets(call[:, : 8 * RATE]), end=False)
        live.set_notice(Notice.CONSENTED, by="key-1")
        assert live.told_at == 8 * RATE
        play(live, packets(call[:, 8 * RATE :], position=8 * RATE))
        finish(live)
    ((*_, heard),) = noted.offered
    assert 0 < heard.weight < whole[4].weight
    assert not np.allclose(heard.mean, whole[4].mean, atol=1e-4)


@pytest.mark.parametrize("what", ["object", "erase"])
def test_who_objects_or_is_erased_during_the_call_adds_nothing(
    tiny: Predictor, call: FloatArray, what: str
) -> None:
    noted = Noted()
    with Shop(tiny, priors=noted) as shop:
        live = open_call(shop.desk, **TOLD)
        play(live, packets(call), end=False)
        getattr(live, what)(by="key-1")
        play(live, ())
        finish(live)
    assert noted.offered == []


def test_a_mix_that_comes_as_customer_and_agent_adds_nothing(
    tiny: Predictor, call: FloatArray
) -> None:
    both = np.repeat(call.mean(axis=0, keepdims=True), 2, axis=0)
    assert offered(tiny, both, CUSTOMER, AGENT) == []
    assert len(offered(tiny, both, CUSTOMER, AGENT, compare=False)) == 1


def test_a_call_starts_from_the_line_s_prior_and_says_so(tiny: Predictor, call: FloatArray) -> None:
    mean = tiny.baseline().prior + 0.3
    baseline = starting_baseline(mean, weight_s=16, model_hash=tiny.hash)
    found = []
    for start in (None, Start("0123456789abcdef", baseline)):
        with Shop(tiny, priors=Noted(start)) as shop:
            live = open_call(shop.desk, **TOLD)
            play(live, packets(call))
            finish(live)
        (opened,) = of_kind(shop.told, CallOpened)
        assert opened.prior == live.facts.prior == (start.version if start else None)
        found.append([window.probabilities for window in shop.windows(live)])
    assert len(found[0]) == len(found[1])
    assert not np.allclose(found[0], found[1], atol=0.01)


def test_without_priors_nothing_is_learnt(tiny: Predictor, call: FloatArray) -> None:
    with Shop(tiny) as shop:
        live = open_call(shop.desk, **TOLD)
        play(live, packets(call))
        finish(live)
    assert of_kind(shop.told, CallOpened)[0].prior is None
