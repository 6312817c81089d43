"""Recordings: a whole one as a timeline, or one clip."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response

from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.asking import Ours, answers, asking
from tonfall.serve.http.disconnects import unless_gone
from tonfall.serve.http.forms import UploadRoute
from tonfall.serve.http.problems import Problem, no_room, stops
from tonfall.serve.http.recordings import Job
from tonfall.serve.http.schemas import PredictionDocument
from tonfall.serve.http.services import services_of
from tonfall.serve.http.uploads import Uploads

__all__ = ["router"]

router = APIRouter(tags=["recordings"], route_class=UploadRoute)
Sender = Annotated[Principal, asking(Scope.INGEST)]
Recording = Annotated[UploadFile, File(description="Any usual format, 1 to 8 channels.")]
Channel = Annotated[
    int | None,
    Form(ge=0, le=7, description="Judge this channel (of one channel, this speaker) only."),
]
Speakers = Annotated[
    int | None, Form(ge=1, le=4, description="Speakers in a recording of one channel.")
]
Channels = Annotated[
    Literal["auto", "mix", "each"],
    Form(
        description="each: every channel is a speaker; mix: all are mixed to one, and the speakers "
        "told apart; auto: each, unless all hold the same sound."
    ),
]
Baseline = Annotated[bool, Form(description="False to judge each window alone.")]
ERRORS = (415, 500, 507)
CHUNK = 1 << 20
LONGEST_NAME = 200
TIMELINE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The timeline, as `tonfall analyze --format json` writes it.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "format": "tonfall.timeline",
                    "schema_version": 1,
                    "recording": {
                        "file": "call.wav",
                        "sampling_rate": 8000,
                        "channels": 2,
                        "duration": 46.0,
                    },
                    "turns": [],
                    "windows": [],
                },
            }
        },
    }
}


@router.post("/v1/analyze", responses=TIMELINE | answers(*ERRORS), summary="A timeline")
async def analyze(
    request: Request,
    file: Recording,
    who: Sender,
    ours: Ours,
    customer: Channel = None,
    speakers: Speakers = None,
    channels: Channels = "auto",
    baseline: Baseline = True,
) -> Response:
    """A recording's timeline: turns and windows with their emotion. Nothing of it is kept.

    Where the settings have the profile eu, ``customer`` says whom to judge, and nobody else is.
    """
    if customer is None and ours.settings.privacy.names_customer:
        raise Problem(
            422,
            "Customers alone are judged here (privacy.profile is eu); say in the field customer "
            "which channel, or of one channel which speaker, is the customer.",
        )
    limits = ours.settings.limits
    job = {"longest_s": limits.audio_s, "customer": customer, "speakers": speakers}
    asked = {**job, "channels": channels, "baseline": baseline}
    return await _answer(request, who, file, "analyze", asked)


@router.post(
    "/predict",
    response_model=PredictionDocument,
    responses=answers(*ERRORS),
    summary="One clip",
)
async def predict(request: Request, file: Recording, who: Sender, ours: Ours) -> Response:
    """What one clip of speech sounds like, judged alone. Nothing of it is kept."""
    job = {"longest_s": ours.settings.limits.clip_s}
    return await _answer(request, who, file, "predict", job)


async def _answer(
    request: Request,
    who: Principal,
    file: UploadFile,
    kind: Literal["analyze", "predict"],
    asked: dict[str, Any],
) -> Response:
    ours = services_of(request)
    if ours.draining:
        raise stops()
    name = _plain_name(file.filename or "recording")
    async with _on_disk(file, name, ours.uploads) as path:
        job = Job(kind=kind, path=path, name=name, **asked)
        work = ours.analyses.run(job, tenant=who.tenant)
        content = await unless_gone(request.receive, work)
    await asyncio.to_thread(ours.note, who.tenant, who.actor, f"recording.{kind}", "recording")
    return Response(content, media_type="application/json")


@asynccontextmanager
async def _on_disk(file: UploadFile, name: str, uploads: Uploads) -> AsyncIterator[Path]:
    """The upload as a file with its own ending, gone afterwards."""
    try:
        handle, path = uploads.new(Path(name).suffix[:12])
    except OSError as error:
        raise no_room() from error
    try:
        await _copy(file, handle)
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _copy(file: UploadFile, handle: int) -> None:
    try:
        with os.fdopen(handle, "wb") as target:
            while part := await file.read(CHUNK):
                await asyncio.to_thread(target.write, part)
    except OSError as error:
        raise no_room() from error


def _plain_name(name: str) -> str:
    """A client's name of a file, without folders and what a terminal would act on."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\- ]", "_", last)[-LONGEST_NAME:] or "recording"
