"""The priors of a tenant's lines: how they stand, and what an operator decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from tonfall.adaptation import JUMP, LEAST_CALLERS, PRIOR_WEIGHT_S
from tonfall.serve.carriers.switchboard import CARRIERS
from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.asking import Ours, answers, asking
from tonfall.serve.http.problems import Problem
from tonfall.serve.http.schemas_priors import PriorDocument, PriorList
from tonfall.serve.http.services import Services
from tonfall.serve.store.payloads import stamp
from tonfall.serve.store.prior_rows import Line, PriorRow, PriorState

__all__ = ["router"]

router = APIRouter(prefix="/v1/priors", tags=["priors"])
Reader = Annotated[Principal, asking(Scope.READ, Scope.PRIVACY, Scope.ADMIN)]
Operator = Annotated[Principal, asking(Scope.ADMIN)]
Officer = Annotated[Principal, asking(Scope.PRIVACY, Scope.ADMIN)]
Carrier = Annotated[str, Path(pattern=rf"^({'|'.join(CARRIERS)})$", examples=["twilio"])]


@router.get("", responses=answers(), summary="What was learnt of the tenant's lines")
def priors(who: Reader, ours: Ours) -> PriorList:
    """The prior of each carrier that something was learnt of, or whose callers wait for it."""
    rows = {row.line.carrier: row for row in _rows(ours, who)}
    waiting = _waiting(ours, who)
    names = sorted(rows.keys() | waiting.keys())
    documents = [_document(ours, name, rows.get(name), waiting.get(name, 0)) for name in names]
    return PriorList(adapt=ours.settings.model.adapt, priors=documents)


@router.get("/{carrier}", responses=answers(), summary="What was learnt of one line")
def prior(carrier: Carrier, who: Reader, ours: Ours) -> PriorDocument:
    """How the prior of a carrier stands; of one without calls, that nothing was learnt."""
    return _current(ours, who, carrier)


@router.post("/{carrier}/accept", responses=answers(409), summary="The line has changed")
def accept(carrier: Carrier, who: Operator, ours: Ours) -> PriorDocument:
    """The callers that froze the prior are right: they take the place of all before."""
    if ours.desk.predictor.spec.baseline is None:
        raise _not_frozen()
    own = ours.desk.predictor.baseline().prior
    last = ours.store.priors.accept(
        _line(ours, who, carrier), shipped=own, weight_s=PRIOR_WEIGHT_S, actor=who.actor
    )
    return _done(ours, who, carrier, last)


@router.post("/{carrier}/reject", responses=answers(409), summary="The line is as it was")
def reject(carrier: Carrier, who: Operator, ours: Ours) -> PriorDocument:
    """The callers that froze the prior are wrong: they are deleted, and learning goes on."""
    last = ours.store.priors.reject(_line(ours, who, carrier), actor=who.actor)
    return _done(ours, who, carrier, last)


@router.post("/{carrier}/reset", responses=answers(), summary="Forget what was learnt of a line")
def reset(carrier: Carrier, who: Officer, ours: Ours) -> PriorDocument:
    """Delete all that was learnt of a carrier: calls start from the model's own prior again."""
    model = ours.desk.predictor.name
    line = _line(ours, who, carrier)
    ours.store.announce(ours.store.priors.reset(line, model=model, actor=who.actor))
    return _current(ours, who, carrier)


def _done(ours: Services, who: Principal, carrier: str, last: int | None) -> PriorDocument:
    if last is None:
        raise _not_frozen()
    ours.store.announce(last)
    return _current(ours, who, carrier)


def _not_frozen() -> Problem:
    return Problem(409, "The prior of this carrier is not frozen.")


def _current(ours: Services, who: Principal, carrier: str) -> PriorDocument:
    row = next((row for row in _rows(ours, who) if row.line.carrier == carrier), None)
    return _document(ours, carrier, row, _waiting(ours, who).get(carrier, 0))


def _line(ours: Services, who: Principal, carrier: str) -> Line:
    return Line(who.tenant, carrier, ours.desk.predictor.hash)


def _rows(ours: Services, who: Principal) -> tuple[PriorRow, ...]:
    return ours.store.priors.list(tenant=who.tenant, model_hash=ours.desk.predictor.hash)


def _waiting(ours: Services, who: Principal) -> dict[str, int]:
    priors = ours.desk.priors
    return priors.waiting(who.tenant) if priors else {}


def _document(ours: Services, carrier: str, row: PriorRow | None, waiting: int) -> PriorDocument:
    state = str(row.state if row else PriorState.LEARNING)
    return PriorDocument(
        carrier=carrier,
        state=state if ours.settings.model.adapt else "off",
        model=ours.desk.predictor.name,
        model_hash=ours.desk.predictor.hash,
        version=row.version if row else None,
        callers=row.callers if row else 0,
        seconds=round(row.weight, 1) if row else 0.0,
        waiting=waiting,
        needed=LEAST_CALLERS,
        started_at=stamp(row.started_at) if row else None,
        published_at=stamp(row.published_at) if row else None,
        distance=row.distance if row else None,
        limit=JUMP,
        frozen_at=stamp(row.frozen_at) if row else None,
        held=row.held if row else None,
    )
