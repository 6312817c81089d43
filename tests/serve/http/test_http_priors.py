"""A real server learns the prior of its line: who is in it, who starts from it, who decides."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from running_node import RATE, Running, running, speech
from scipy.signal import lfilter
from tiny_bundle import tiny_spec, write_tiny

from tonfall.adaptation import LEAST_CALLERS, Callers, heard_caller
from tonfall.adaptation import running as sums
from tonfall.analysis import Listening, hear_voices
from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor
from tonfall.serve.codecs import Role, native
from tonfall.serve.store.prior_rows import Line

SECONDS = 9
AT_ONCE = 4
NATIVE = "/v1/priors/native"
numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of nine seconds are enough; a caller counts for twice the least at most, as ever."""
    monkeypatch.setattr(sums, "LEAST_GATED_S", 0.5)
    monkeypatch.setattr(sums, "MOST_GATED_S", 1.0)


@cache
def dense() -> FloatArray:
    """(n,) the customer of the example call without pauses."""
    whole = speech(63.0)[0]
    blocks = whole[: len(whole) // 160 * 160].reshape(-1, 160)
    loud = np.convolve((blocks**2).mean(axis=1) > 1e-4, np.ones(15), "same") > 0
    return blocks[loud].ravel()


def voice(number: int, *, other_line: bool = False) -> FloatArray:
    """(1, n) samples of a caller, of another codec or line where that is said."""
    rng = np.random.default_rng(number)
    part = np.roll(dense(), -int(rng.integers(len(dense()))))[: SECONDS * RATE]
    tone = [1, 0.9] if other_line else [1, -rng.uniform(-0.3, 0.3)]
    heard: FloatArray = np.clip(0.5 * lfilter(tone, [1], part), -1, 1).astype(np.float32)[None]
    return heard


def call(
    node: Running,
    samples: FloatArray,
    *,
    notice: str = "given",
    caller: str = "",
    role: Role = Role.CUSTOMER,
    key: str | None = None,
    objects: bool = False,
) -> dict[str, Any]:
    """A whole call; what the API says of it afterwards."""
    name = f"call-{next(numbers)}"
    parameters = {"notice": notice, "caller": caller or f"caller-of-{name}"}
    told = native.messages_of(
        samples, call_id=name, sampling_rate=RATE, channels=(role,), parameters=parameters
    )
    contents = [message.content for message in told]
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with node.client(key) as client, node.socket(additional_headers=headers) as socket:
        for frame in contents[:-1]:
            socket.send(frame)
        if objects:
            found = node.wait_for(lambda: _named(client, name))
            client.post(f"/v1/calls/{found['id']}/objection").raise_for_status()
        socket.send(contents[-1])
        for _ in socket:
            pass
        return dict(node.wait_for(lambda: _named(client, name, ended=True)))


def _named(client: httpx.Client, name: str, *, ended: bool = False) -> dict[str, Any] | None:
    """The call; one that was purged has its name no more, so it is found as the newest."""
    answer = client.get("/v1/calls", params={"external_id": name, "limit": 1})
    calls = answer.raise_for_status().json()["calls"]
    if not calls:
        newest = client.get("/v1/calls", params={"state": "purged", "limit": 1}).json()["calls"]
        return newest[0] if ended and newest and newest[0]["ended_at"] else None
    return calls[0] if calls[0]["ended_at"] or not ended else None


def calls(node: Running, voices: list[FloatArray]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda samples: call(node, samples), voices))


def prior(node: Running, key: str | None = None) -> dict[str, Any]:
    with node.client(key) as client:
        return dict(client.get(NATIVE).raise_for_status().json())


def waits(node: Running, callers: int) -> None:
    node.wait_for(lambda: prior(node)["waiting"] == callers)


@pytest.fixture
def adapting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows learns priors, by a variable that adds to the model's name."""
    monkeypatch.setenv("TONFALL_MODEL__ADAPT", "true")


def expected(predictor: Predictor, voices: list[FloatArray]) -> Callers:
    """The sums of these voices, heard as `tonfall adapt` does."""
    one = Listening(speakers=1)
    heard = [hear_voices(each, predictor, sampling_rate=RATE, listening=one) for each in voices]
    first, *rest = [found for each in heard if (found := heard_caller(each))]
    for found in rest:
        first = first.joined(found)
    assert first.callers == len(voices)
    return first


def test_the_26th_caller_starts_from_the_prior_of_those_before(
    tmp_path: Path, model: Path, adapting: None
) -> None:
    far = [voice(500 + n, other_line=True) for n in range(4)]
    voices = [voice(n) for n in range(26)]
    with running(tmp_path, model) as node:
        before = call(node, voices[25], notice="unknown")
        call(node, far[0], notice="unknown")
        call(node, far[1], role=Role.AGENT)
        objected = call(node, far[2], objects=True)
        assert (before["prior"], objected["state"]) == (None, "purged")
        assert prior(node)["waiting"] == 0
        calls(node, voices[: LEAST_CALLERS - 2])
        call(node, voices[18], caller="+49 170 1234567")
        waits(node, LEAST_CALLERS - 1)
        call(node, far[3], caller="0049 (170) 1234567")
        now = prior(node)
        assert (now["state"], now["version"], now["callers"]) == ("learning", None, 0)
        assert (now["waiting"], now["needed"]) == (LEAST_CALLERS - 1, LEAST_CALLERS)
        call(node, voices[19])
        node.wait_for(lambda: prior(node)["version"])
        now = prior(node)
        assert (now["state"], now["callers"], now["waiting"]) == ("in_use", LEAST_CALLERS, 0)
        # The version is written before the node takes it up itself.
        node.wait_for(lambda: call(node, voices[25], notice="unknown")["prior"])
        later = calls(node, voices[20:25])
        last = call(node, voices[25])
        assert {each["prior"] for each in (*later, last)} == {now["version"]}
        waits(node, 6)
        predictor = node.node.services.desk.predictor
        _, kept = node.store.priors.newest(Line("default", "native", predictor.hash))
        heard = expected(predictor, voices[:LEAST_CALLERS])
        # What is sent has 16 bits, and calls come in other blocks than files.
        np.testing.assert_allclose(kept.mean, heard.mean, atol=1e-3)
        assert kept.weight == pytest.approx(heard.weight, rel=1e-3)
        assert first_window(node, before) != pytest.approx(first_window(node, last), abs=1e-3)
        events = node.store.events_of_all(after=0)
        opened = [each for each in events if each.kind == "call.opened"]
        assert [each.payload["prior"] for each in opened][-1] == now["version"]
    with running(tmp_path, model) as again:  # What was learnt is kept, what waited is not.
        now_again = prior(again)
        assert (now_again["version"], now_again["waiting"]) == (now["version"], 0)
        assert call(again, voices[0])["prior"] == now["version"]


def first_window(node: Running, told: dict[str, Any]) -> list[float]:
    with node.client() as client:
        found = client.get(f"/v1/calls/{told['id']}/windows").json()["windows"][0]
    return list(found["probabilities"].values())


def test_it_is_off_unless_the_settings_say_so(tmp_path: Path, model: Path) -> None:
    with running(tmp_path, model) as node, node.client() as client:
        assert call(node, voice(1))["prior"] is None
        listed = client.get("/v1/priors").raise_for_status().json()
        assert listed == {"adapt": False, "priors": []}
        assert prior(node)["state"] == "off"
        assert node.node.services.desk.priors is None


def test_of_a_model_without_a_baseline_nothing_is_there_to_decide(tmp_path: Path) -> None:
    lone = write_tiny(tmp_path / "lone", spec=tiny_spec(baseline=False))
    with running(tmp_path, lone.folder) as node, node.client() as client:
        for act in ("accept", "reject"):
            told = client.post(f"{NATIVE}/{act}")
            assert (told.status_code, told.json()["detail"]) == (
                409,
                "The prior of this carrier is not frozen.",
            )
        assert client.post(f"{NATIVE}/reset").status_code == 200


def test_a_poisoned_line_freezes_and_an_operator_decides(
    tmp_path: Path, model: Path, adapting: None, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, model, auth={"mode": "keys"}) as node:
        key = node.key("ingest", "read", "admin", "privacy", "supervise")
        reader, officer = node.key("read"), node.key("privacy")
        play_all(node, key, [voice(n) for n in range(LEAST_CALLERS)])
        node.wait_for(lambda: prior(node, key)["version"])
        version = prior(node, key)["version"]
        play_all(node, key, [voice(900 + n, other_line=True) for n in range(LEAST_CALLERS)])
        node.wait_for(lambda: prior(node, key)["state"] == "frozen")
        now = prior(node, key)
        assert (now["version"], now["callers"], now["held"]) == (version, 20, LEAST_CALLERS)
        assert now["distance"] > now["limit"]
        told = "The prior of the carrier native of default is frozen at distance"
        node.wait_for(lambda: told in caplog.text)
        assert call(node, voice(1), key=key)["prior"] == version
        with node.client(reader) as client:
            assert client.get("/v1/priors").json()["priors"][0]["state"] == "frozen"
            for act in ("accept", "reject", "reset"):
                assert client.post(f"{NATIVE}/{act}").status_code == 403, act
        with node.client(officer) as client:
            assert client.post(f"{NATIVE}/accept").status_code == 403
        with node.client(key) as client:
            assert 'tonfall_priors{state="frozen"} 1.0' in client.get("/metrics").text
            accepted = client.post(f"{NATIVE}/accept").raise_for_status().json()
            assert (accepted["state"], accepted["callers"]) == ("in_use", LEAST_CALLERS)
            assert accepted["version"] not in (None, version)
            for act in ("accept", "reject"):
                assert client.post(f"{NATIVE}/{act}").status_code == 409, act
            assert client.post("/v1/priors/pigeon/reset").status_code == 422
        node.wait_for(lambda: starts_from(node) == accepted["version"])
        assert call(node, voice(2), key=key)["prior"] == accepted["version"]
        with node.client(officer) as client:
            reset = client.post(f"{NATIVE}/reset").raise_for_status().json()
            assert (reset["state"], reset["version"]) == ("learning", None)
            lines = client.get("/v1/audit", params={"limit": 1000}).json()["lines"]
        assert {"prior.published", "prior.frozen", "prior.accepted", "prior.reset"} <= {
            line["action"] for line in lines
        }
        node.wait_for(lambda: starts_from(node) is None)
        assert call(node, voice(3), key=key)["prior"] is None


def play_all(node: Running, key: str, voices: list[FloatArray]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda samples: call(node, samples, key=key), voices))


def starts_from(node: Running) -> str | None:
    start = node.node.services.desk.priors.start("default", "native")
    return start.version if start else None
