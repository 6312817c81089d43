"""What the routes work with, in one place."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from tonfall.serve.calls import Desk
from tonfall.serve.carriers import Doors, Pace, Switchboard
from tonfall.serve.external_ids import ExternalIds
from tonfall.serve.http.access import Access, Tickets
from tonfall.serve.http.analyses import Analyses
from tonfall.serve.http.hub import Hub
from tonfall.serve.http.rates import Rates
from tonfall.serve.http.readiness import DatabaseHealth
from tonfall.serve.http.uploads import Uploads
from tonfall.serve.settings import Settings
from tonfall.serve.store import Store, Writer, caller_hash

__all__ = ["Services", "services_of"]


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything that a request may need.

    Attributes:
        salt: makes callers' numbers unreadable.
        database: whether it answers, remembered for a second.
        deliveries: what became of alerts that were sent out, by outcome.
        lag_s: by how much the event loop was late of late, at worst.
    """

    settings: Settings
    node: str
    salt: str
    store: Store
    writer: Writer
    desk: Desk
    hub: Hub
    switchboard: Switchboard
    doors: Doors
    pace: Pace
    access: Access
    tickets: Tickets
    rates: Rates
    analyses: Analyses
    uploads: Uploads
    deliveries: Counter[str]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    lag_s: float = 0.0
    ready: bool = False
    database: DatabaseHealth = field(init=False)

    def __post_init__(self) -> None:
        self.database = DatabaseHealth(self.store.ready)

    @property
    def draining(self) -> bool:
        """True once the server is about to stop."""
        return self.switchboard.draining

    def caller(self, tenant: str, reference: str) -> str:
        """What is kept of a caller's number or reference."""
        return caller_hash(self.salt, tenant, reference)

    def external_ids(self, tenant: str, given: str | None) -> tuple[str, ...]:
        """All by which a telephone system's id of a call may be kept; none where none is given."""
        if given is None:
            return ()
        return given, ExternalIds(self.salt).kept(tenant, given)

    def note(self, tenant: str, actor: str, action: str, subject: str) -> None:
        """Add a line to the audit; blocks until it is on the disk."""
        self.store.audit(tenant, actor, action, subject)

    def now(self) -> float:
        """Seconds of the event loop's clock."""
        return asyncio.get_running_loop().time()


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that a request came to."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services
