"""The API does what its description says, whatever is sent to it."""

from __future__ import annotations

import json
from pathlib import Path

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
    from schemathesis.specs.openapi.checks import positive_data_acceptance

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
                # No schema says what a recording or a cursor of ours is.
                case.call_and_validate(
                    base_url=node.url,
                    headers=headers,
                    timeout=60,
                    excluded_checks=[positive_data_acceptance],
                )

            ask()
            checked.append(operation.label)
    assert len(checked) >= 20


def _given(operation: object) -> object:
    from hypothesis import given

    return given(case=operation.as_strategy())  # type: ignore[attr-defined]
