"""The API does what its description says, whatever is sent to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from running_node import Running, running

EXAMPLES = 25


def test_every_route_is_described_with_an_example(open_node: Running) -> None:
    with open_node.client() as client:
        schema = client.get("/openapi.json").raise_for_status().json()
    text = json.dumps(schema)
    for name, path in schema["paths"].items():
        for method, operation in path.items():
            assert operation.get("summary"), (method, name)
            assert operation.get("description"), (method, name)
    for name, model in schema["components"]["schemas"].items():
        if name.endswith(("Page", "List")) or name in ("CallDocument", "AlertDocument"):
            assert "example" in model, name
    assert "securitySchemes" in schema["components"]
    assert "http://" not in text.replace("http://127.0.0.1", "")


def test_the_examples_are_valid(open_node: Running) -> None:
    from jsonschema import Draft202012Validator

    with open_node.client() as client:
        schema = client.get("/openapi.json").json()
    for name, model in schema["components"]["schemas"].items():
        if "example" in model:
            whole = {**model, "components": schema["components"]}
            faults = list(Draft202012Validator(whole).iter_errors(model["example"]))
            assert faults == [], name


@pytest.mark.slow
def test_schemathesis_finds_nothing_that_the_description_does_not_say(
    tmp_path: Path, model: Path
) -> None:
    import schemathesis
    from schemathesis.specs.openapi.checks import (
        negative_data_rejection,
        positive_data_acceptance,
    )

    most = 1_000_000
    limits = {"requests_per_minute": most, "failures_per_minute": most, "upload_stalled_s": 5}
    with running(tmp_path, model, limits=limits, auth={"mode": "keys"}) as node:
        schema = schemathesis.openapi.from_url(f"{node.url}/openapi.json")
        secret = node.key("ingest", "read", "supervise", "privacy", "admin")
        headers = {"Authorization": f"Bearer {secret}"}
        chosen = schema.exclude(path="/v1/events")  # It never ends.
        checked = []
        for result in chosen.get_all_operations():
            operation = result.ok()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @_given(operation)
            def ask(case: schemathesis.Case) -> None:
                # No schema says what a recording or a cursor of ours is; what the schema does not
                # name, such as another parameter, is passed over.
                case.call_and_validate(
                    base_url=node.url,
                    headers=headers,
                    timeout=60,
                    excluded_checks=[positive_data_acceptance, negative_data_rejection],
                )

            ask()
            checked.append(operation.label)
    assert len(checked) >= 20


def _given(operation: Any) -> Any:
    """What fits the description, and what does not."""
    from hypothesis import given
    from schemathesis import GenerationMode

    kinds = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    return given(case=kinds[0] | kinds[1])


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"[" * 60_000, b'{"caller": ', b'"\xed\xa0\x80"'],
    ids=["not UTF-8", "nested", "cut off", "half a character"],
)
def test_a_body_that_cannot_be_read_is_answered_as_described(
    open_node: Running, body: bytes
) -> None:
    with open_node.client(headers={"Content-Type": "application/json"}) as client:
        answer = client.post("/v1/objections", content=body)
        documented = client.get("/openapi.json").json()["paths"]["/v1/objections"]["post"]
    assert answer.status_code in (400, 422)
    assert str(answer.status_code) in documented["responses"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("path", ["/v1/calls", "/v1/alerts"])
def test_a_time_is_written_out(open_node: Running, path: str, name: str) -> None:
    def status(said: str) -> int:
        with open_node.client() as client:
            return client.get(path, params={name: said}).status_code

    assert status("2026-11-25T09:30:00Z") == status("2026-11-25T09:30:00.5+01:00") == 200
    for said in (
        "0.5",
        "1764063000",
        "-1",
        "2026-11-25",
        "2026-11-25T09:30:00",
        "20261125T093000Z",
    ):
        assert status(said) == 422, said


def test_a_wrong_method_is_told_all_that_are_right(open_node: Running) -> None:
    with open_node.client() as client:
        call = client.put(f"/v1/calls/{'0' * 32}")
        one = client.delete("/v1/calls")
        schema = client.get("/openapi.json").json()
        for path, methods in schema["paths"].items():
            plain = path.replace("{call}", "0" * 32).replace("{alert}", "0" * 32)
            answer = client.request("TRACE", plain)
            allowed = {each.strip().lower() for each in answer.headers["allow"].split(",")}
            wanted = set(methods) | ({"head"} if "get" in methods else set())
            assert (answer.status_code, allowed) == (405, wanted), path
    assert (call.status_code, call.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert (one.status_code, one.headers["allow"]) == (405, "GET, HEAD")
    assert call.headers["content-type"] == "application/problem+json"
