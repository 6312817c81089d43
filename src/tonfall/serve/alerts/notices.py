"""What an outlet is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Notification"]


@dataclass(frozen=True, slots=True)
class Notification:
    """That an alert opened or moved.

    Attributes:
        id: the same for each try, so that a receiver can tell that it was told already.
        kind: "alert.opened" or "alert.moved".
        payload: plain JSON values: ids and numbers; no words, names or numbers of people.
    """

    id: str
    tenant: str
    call: str
    kind: str
    at: datetime
    payload: Mapping[str, object]
