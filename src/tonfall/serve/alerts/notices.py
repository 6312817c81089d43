"""What an outlet is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["FROZEN", "Notification"]

FROZEN = "prior.frozen"
"""The kind that says that a line's prior is frozen; it is of no call."""


@dataclass(frozen=True, slots=True)
class Notification:
    """That an alert opened or moved, or that a line's prior is frozen.

    Attributes:
        id: the same for each try, so that a receiver can tell that it was told already.
        call: empty where it is of no call.
        kind: "alert.opened", "alert.moved" or "prior.frozen".
        payload: plain JSON values: ids and numbers; no words, names or numbers of people.
    """

    id: str
    tenant: str
    call: str
    kind: str
    at: datetime
    payload: Mapping[str, object]
