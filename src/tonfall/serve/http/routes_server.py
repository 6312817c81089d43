"""Events, audit, tickets, and how the server is."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from tonfall.serve.http.access import TICKET_S, Principal, Scope
from tonfall.serve.http.asking import Ours, answers, asking
from tonfall.serve.http.hub import Subscription
from tonfall.serve.http.metrics import CONTENT_TYPE, exposition
from tonfall.serve.http.problems import stops
from tonfall.serve.http.schemas import (
    AuditLineDocument,
    AuditPage,
    HealthDocument,
    TicketDocument,
)
from tonfall.serve.http.services import Services
from tonfall.serve.http.streams import EventStream
from tonfall.serve.records import StoredEvent
from tonfall.serve.store import WriterState
from tonfall.serve.store.payloads import stamp

__all__ = ["router"]

router = APIRouter()
Follower = Annotated[Principal, asking(Scope.READ, tickets=True)]
Officer = Annotated[Principal, asking(Scope.PRIVACY)]
Connector = Annotated[Principal, asking(Scope.READ, Scope.INGEST)]
EVENT = (
    "retry: 1000\n\nid: 1040\nevent: window\n"
    'data: {"id":1040,"kind":"window","call":"8f14e45fceea467a9575a1f0b7c0de11",'
    '"at":"2026-11-25T09:30:15.102Z","channel":0,"speaker":"S1","start":12.0,"end":15.0}\n\n'
)
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, until the client goes.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EVENT}},
    }
}
LEAST_LAG_S = 1.0


@router.get(
    "/v1/events",
    tags=["events"],
    responses=STREAM | answers(),
    response_class=Response,
    summary="What happens, as it happens",
)
async def events(
    who: Follower,
    ours: Ours,
    call: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
    kinds: Annotated[str, Query(max_length=200, description="Such as alert.opened,window.")] = "",
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
) -> Any:
    """Events of the tenant's calls; what was missed comes first where Last-Event-ID is sent."""
    if ours.draining:
        raise stops("connect again")
    since = _resumed(last_event_id, after)
    wanted = frozenset(name.strip() for name in kinds.split(",") if name.strip())

    def wants(event: StoredEvent) -> bool:
        return call in (None, event.call) and (not wanted or event.kind in wanted)

    async def read(last: int, limit: int) -> list[StoredEvent]:
        return await asyncio.to_thread(
            ours.store.events, who.tenant, after=last, call=call, limit=limit
        )

    oldest = await asyncio.to_thread(ours.store.first_event) if since is not None else 0
    await asyncio.to_thread(ours.note, who.tenant, who.actor, "events.followed", "events")
    return EventStream(
        hub=ours.hub,
        subscription=Subscription(who.tenant, most=ours.settings.limits.event_backlog, wants=wants),
        read=read,
        after=since,
        oldest=oldest,
        still=lambda: ours.access.still(who),
        most=ours.settings.limits.event_streams,
    )


@router.get("/v1/audit", tags=["privacy"], responses=answers(), summary="The audit")
def audit(
    who: Officer,
    ours: Ours,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """Who did what to what, in order; and what the last check of the whole chain found."""
    lines = ours.store.audit_lines(who.tenant, after=after, limit=limit)
    documents = [
        AuditLineDocument(
            id=line.id,
            at=stamp(line.at) or "",
            actor=line.actor,
            action=line.action,
            subject=line.subject,
            details=dict(line.details),
            previous=line.previous,
            hash=line.hash,
        )
        for line in lines
    ]
    checked = ours.store.last_audit_check()
    return AuditPage(
        lines=documents,
        after=lines[-1].id if lines else after,
        intact=checked.intact if checked else None,
        checked_at=stamp(checked.at) if checked else None,
    )


@router.post("/v1/tickets", tags=["events"], responses=answers(), summary="A ticket")
def tickets(who: Connector, ours: Ours) -> TicketDocument:
    """What a browser opens one WebSocket or one event stream with, as ``?ticket=``."""
    return TicketDocument(ticket=ours.tickets.issue(who), expires_in_s=int(TICKET_S))


@router.get("/livez", tags=["server"], summary="The process works")
async def livez() -> HealthDocument:
    """That this is answered at all says that the process works."""
    return HealthDocument(status="alive", reasons=[])


@router.get(
    "/readyz",
    tags=["server"],
    responses={503: {"model": HealthDocument, "description": "Send calls elsewhere."}},
    response_model=HealthDocument,
    summary="Calls can be sent here",
)
async def readyz(ours: Ours) -> Response:
    """Whether a load balancer should send calls here."""
    reasons = _reasons(ours)
    if not await ours.database.answers():
        reasons.append("The database cannot be read.")
    status = "ready" if not reasons else "not ready"
    document = HealthDocument(status=status, reasons=reasons)
    return JSONResponse(document.model_dump(), 503 if reasons else 200)


@router.get(
    "/metrics",
    tags=["server"],
    responses=answers(),
    response_class=PlainTextResponse,
    dependencies=[asking(Scope.ADMIN)],
    summary="Counts, for Prometheus",
)
def metrics(ours: Ours) -> Response:
    """Counts and gauges of the whole server, over all tenants; no label holds an id."""
    return Response(exposition(ours), media_type=CONTENT_TYPE)


def _reasons(ours: Services) -> list[str]:
    """Why calls should go elsewhere, the database's answer apart; nothing is about a tenant."""
    reasons = []
    if ours.draining or not ours.ready:
        reasons.append("The server is about to stop." if ours.draining else "It is starting.")
    if ours.writer.state not in (WriterState.WRITING,):
        reasons.append("The database cannot be written to.")
    if ours.desk.statistics().lag_s > LEAST_LAG_S:
        reasons.append("Scoring is late.")
    return reasons


def _resumed(last_event_id: str | None, after: int | None) -> int | None:
    """From which event on; what is no number of ours counts as none."""
    if last_event_id is None or not last_event_id.isdecimal() or len(last_event_id) > 18:
        return after
    return int(last_event_id)
