"""What a telephone system's parameters say of a call that begins."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tonfall.serve.calls import Desk
from tonfall.serve.codecs import CallStarted, Channel, Role
from tonfall.serve.external_ids import ExternalIds, IdPolicy
from tonfall.serve.opening import Openings


class _Opened:
    """A desk that keeps how it was asked to open a call."""

    def open(self, started: CallStarted, **options: Any) -> None:
        del started
        self.options = options


@pytest.mark.parametrize(
    ("parameters", "compare"),
    [
        ({}, None),
        ({"channels": "each"}, False),
        ({"channels": "auto"}, True),
        ({"channels": "2"}, None),
        ({"customConfig": json.dumps({"channels": "each"})}, False),
    ],
)
def test_a_call_may_say_that_each_of_its_channels_is_a_person(
    parameters: dict[str, str], compare: bool | None
) -> None:
    desk = _Opened()
    openings = Openings(
        cast(Desk, desk), hashed=lambda tenant, caller: "", ids=ExternalIds("salt", IdPolicy.HASHED)
    )
    sides = (Channel(Role.CUSTOMER, "0"), Channel(Role.AGENT, "1"))
    openings("acme", "native", CallStarted("c1", 8000, sides, parameters))
    assert desk.options["compare"] is compare
