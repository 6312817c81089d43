"""Calls: what there are, what was judged of them, notice, objection, erasure, export."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from tonfall.errors import ServiceError
from tonfall.serve.calls import LiveCall
from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.asking import CallId, Moment, Ours, answers, asking
from tonfall.serve.http.problems import Problem, no_room
from tonfall.serve.http.schemas import (
    CallDocument,
    CallPage,
    ErasureDocument,
    ErasureRequest,
    NoticeRequest,
    ObjectionDocument,
    ObjectionRequest,
    TurnList,
    WindowList,
    WithdrawalDocument,
)
from tonfall.serve.http.services import Services
from tonfall.serve.records import CallPurged, Change, Notice, NoticeMoved
from tonfall.serve.store import (
    CallRow,
    CallState,
    Counts,
    Store,
    call_payload,
    turn_payload,
    window_payload,
)
from tonfall.serve.store.payloads import stamp

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["calls"])
Reader = Annotated[Principal, asking(Scope.READ)]
Officer = Annotated[Principal, asking(Scope.PRIVACY)]
Speaker = Annotated[Principal, asking(Scope.SUPERVISE, Scope.INGEST, Scope.PRIVACY)]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, le=2**62)]
Cursor = Annotated[str | None, Query(max_length=200)]
ExternalId = Annotated[str | None, Query(min_length=1, max_length=256)]
CHUNK = 65_536

_log = logging.getLogger(__name__)


@router.get("/calls", responses=answers(), summary="Calls, the newest first")
def calls(
    who: Reader,
    ours: Ours,
    state: CallState | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    external_id: ExternalId = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> CallPage:
    """Calls of the tenant; ``since`` and ``until`` bound the time of their beginning.

    ``external_id`` is the telephone system's id of a call, as it was sent or as it is kept.
    """
    page = ours.store.calls(
        who.tenant,
        state=state,
        external_ids=ours.external_ids(who.tenant, external_id),
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )
    documents = [CallDocument.model_validate(call_payload(call)) for call in page.items]
    return CallPage(calls=documents, cursor=page.cursor)


@router.get("/calls/{call}", responses=answers(404), summary="One call")
def call(call: CallId, who: Reader, ours: Ours) -> CallDocument:
    """A call as it stands; that it was seen goes into the audit."""
    row = _found(ours.store, who.tenant, call)
    ours.note(who.tenant, who.actor, "call.viewed", f"call {call}")
    return CallDocument.model_validate(call_payload(row))


@router.get("/calls/{call}/windows", responses=answers(404), summary="A call's windows")
def windows(
    call: CallId, who: Reader, ours: Ours, after: After = 0, limit: Limit = 1000
) -> WindowList:
    """Windows in the order in which they were judged."""
    row = _found(ours.store, who.tenant, call)
    if after == 0:
        ours.note(who.tenant, who.actor, "windows.viewed", f"call {call}")
    found = ours.store.windows(who.tenant, call, after=after, limit=limit)
    documents: list[Any] = [
        {
            "id": each.id,
            "at": stamp(each.at),
            **window_payload(each.window, each.smoothed, each.trend, row.labels),
        }
        for each in found
    ]
    return WindowList(windows=documents, after=found[-1].id if found else after)


@router.get("/calls/{call}/turns", responses=answers(404), summary="A call's turns")
def turns(call: CallId, who: Reader, ours: Ours, after: After = 0, limit: Limit = 1000) -> TurnList:
    """Turns in the order in which they ended."""
    row = _found(ours.store, who.tenant, call)
    if after == 0:
        ours.note(who.tenant, who.actor, "turns.viewed", f"call {call}")
    found = ours.store.turns(who.tenant, call, after=after, limit=limit)
    documents: list[Any] = [
        {"id": each.id, "at": stamp(each.at), **turn_payload(each.turn, row.labels)}
        for each in found
    ]
    return TurnList(turns=documents, after=found[-1].id if found else after)


@router.post("/calls/{call}/notice", responses=answers(404, 409), summary="Notice was given")
def notice(call: CallId, said: NoticeRequest, who: Speaker, ours: Ours) -> CallDocument:
    """Say what the persons on a call were told, or said to it; a refusal is an objection."""
    live = _here(ours, who, call)
    if live is not None:
        live.set_notice(said.notice, by=who.actor, write=ours.writer.write_now)
    else:
        _move(ours, who, call, said.notice)
    return CallDocument.model_validate(call_payload(_found(ours.store, who.tenant, call)))


@router.post("/calls/{call}/objection", responses=answers(404, 409), summary="A person objects")
def objection(call: CallId, who: Speaker, ours: Ours) -> CallDocument:
    """End the scoring of a call at once, and delete what was judged of it."""
    _object(ours, who, call)
    return CallDocument.model_validate(call_payload(_found(ours.store, who.tenant, call)))


@router.post("/objections", responses=answers(), summary="A caller objects")
def objections(said: ObjectionRequest, who: Officer, ours: Ours) -> ObjectionDocument:
    """Score this caller no more: in live calls at once, in later calls from their start."""
    caller = ours.caller(who.tenant, said.caller)
    added = ours.store.objections.add(who.tenant, caller, actor=who.actor)
    page = ours.store.calls(who.tenant, state=CallState.LIVE, caller=caller, limit=1000)
    here = _live_calls(ours, who, caller)
    for live in here:
        live.object(by=who.actor, write=ours.writer.write_now)
    elsewhere = {row.id for row in page.items} - {live.id for live in here}
    for call in elsewhere:
        _purge(ours, who, call)
    return ObjectionDocument(added=added, calls=sorted(elsewhere | {live.id for live in here}))


@router.post("/objections/withdrawals", responses=answers(), summary="A caller objects no more")
def withdrawals(said: ObjectionRequest, who: Officer, ours: Ours) -> WithdrawalDocument:
    """Take a caller off the list, as they asked: later calls are scored again."""
    caller = ours.caller(who.tenant, said.caller)
    removed = ours.store.objections.remove(who.tenant, caller, actor=who.actor)
    return WithdrawalDocument(removed=removed)


@router.delete("/calls/{call}", responses=answers(404), summary="Erase a call")
def erase(call: CallId, who: Officer, ours: Ours) -> ErasureDocument:
    """Delete a call with all that hangs on it; a live one is judged no more."""
    live = _here(ours, who, call)
    purged = _purge_to_erase(ours, who, live) if live else Counts()
    _found(ours.store, who.tenant, call)
    counts = purged + ours.store.erase(who.tenant, call=call, actor=who.actor)
    return ErasureDocument(**counts.as_dict())


@router.post("/erasures", responses=answers(), summary="Erase all calls of a caller")
def erasures(said: ErasureRequest, who: Officer, ours: Ours) -> ErasureDocument:
    """Delete all calls of a caller, with all that hangs on them; later calls are scored."""
    caller = ours.caller(who.tenant, said.caller)
    counts = Counts()
    for live in _live_calls(ours, who, caller):
        counts += _purge_to_erase(ours, who, live)
    counts += ours.store.erase(who.tenant, caller=caller, actor=who.actor)
    return ErasureDocument(**counts.as_dict())


ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A ZIP file with calls.json and a Parquet table of each kind.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/exports",
    responses=ZIP | answers(507),
    response_class=StreamingResponse,
    summary="All that is kept of a caller",
)
async def exports(said: ErasureRequest, who: Officer, ours: Ours) -> Response:
    """The right of access: what is kept of one person, to be read by anyone."""
    caller = ours.caller(who.tenant, said.caller)
    return await _archive(ours, who, caller=caller)


@router.get(
    "/calls/{call}/export",
    responses=ZIP | answers(404, 507),
    response_class=StreamingResponse,
    summary="All that is kept of a call",
)
async def export(call: CallId, who: Officer, ours: Ours) -> Response:
    """What is kept of one call."""
    await asyncio.to_thread(_found, ours.store, who.tenant, call)
    return await _archive(ours, who, call=call)


async def _archive(
    ours: Services, who: Principal, *, call: str | None = None, caller: str | None = None
) -> Response:
    """A ZIP file, made in a folder that is gone afterwards."""

    def write() -> Any:
        packed = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
        try:
            pack(packed)
        except BaseException:
            packed.close()
            raise
        packed.seek(0)
        return packed

    def pack(packed: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w") as archive:
            done = ours.store.export(
                who.tenant, Path(folder) / "export", call=call, caller=caller, actor=who.actor
            )
            for path in done.files:
                archive.write(path, path.name, zipfile.ZIP_DEFLATED)

    try:
        packed = await asyncio.to_thread(write)
    except (OSError, ServiceError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        _log.error("An export cannot be written: %s", cause.strerror)
        raise no_room("archive") from None
    name = f"tonfall-{call or 'caller'}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_parts(packed), media_type="application/zip", headers=headers)


def _parts(file: Any) -> Iterator[bytes]:
    with file:
        while part := file.read(CHUNK):
            yield part


def _found(store: Store, tenant: str, call: str) -> CallRow:
    row = store.call(tenant, call)
    if row is None:
        raise Problem(404, "There is no such call.")
    return row


def _move(ours: Services, who: Principal, call: str, notice: Notice) -> None:
    """A call on another node, or one that is over; the other node hears of it by the event."""
    before = _found(ours.store, who.tenant, call).notice
    if before is notice:
        return
    if notice is Notice.REFUSED:
        _purge(ours, who, call)
    else:
        ours.writer.write_now(
            NoticeMoved(call, who.tenant, datetime.now(UTC), notice, by=who.actor)
        )


def _object(ours: Services, who: Principal, call: str) -> None:
    live = _here(ours, who, call)
    if live is not None:
        live.object(by=who.actor, write=ours.writer.write_now)
    else:
        _found(ours.store, who.tenant, call)
        _purge(ours, who, call)


def _here(ours: Services, who: Principal, call: str) -> LiveCall | None:
    """The call, where it is live on this node and the tenant's."""
    live = ours.desk.find(call)
    return live if live is not None and live.tenant == who.tenant else None


def _purge(ours: Services, who: Principal, call: str) -> None:
    """For an objection, of a call on another node or one that is over."""
    ours.writer.write_now(
        CallPurged(call, who.tenant, datetime.now(UTC), "objection", by=who.actor)
    )


def _live_calls(ours: Services, who: Principal, caller: str) -> list[LiveCall]:
    """A caller's calls on this node, those included of which the store does not know yet."""
    mine = (who.tenant, caller)
    return [live for live in ours.desk.live() if (live.tenant, live.facts.caller) == mine]


def _purge_to_erase(ours: Services, who: Principal, live: LiveCall) -> Counts:
    """Hear no more, and have all written and deleted that was on its way; how much that was."""
    counts = Counts()

    def write(purge: Change) -> None:
        nonlocal counts
        deleted = ours.writer.write_now(purge).payload["deleted"]
        assert isinstance(deleted, dict)
        counts = Counts(**deleted)

    live.erase(by=who.actor, write=write)
    return counts
