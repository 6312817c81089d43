"""What all connections of one telephone system have seen, together; for metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from tonfall.serve.codecs import Counters

__all__ = ["Totals"]


@dataclass(slots=True)
class Totals:
    """Counts since the server's start, but for ``open``.

    Attributes:
        open: connections now.
        connections: that were accepted.
        calls: that were opened.
        incomplete: of these, those whose end was not said as the protocol wants it.
        busy: connections that were turned away for want of room, or while draining.
        expired: connections that kept us waiting for too long.
        overfull: connections whose other side read nothing of what we sent.
        refusals: connections that were not accepted, by why.
        rejects: connections that broke the protocol, by close code.
        seen: what the codecs counted in connections that are closed.
    """

    open: int = 0
    connections: int = 0
    calls: int = 0
    incomplete: int = 0
    busy: int = 0
    expired: int = 0
    overfull: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, counters: Counters) -> None:
        """Take in what one connection counted."""
        for each in fields(counters):
            self.seen[each.name] += getattr(counters, each.name)
