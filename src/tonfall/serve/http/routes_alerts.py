"""Alerts: what there are, and what somebody made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tonfall.serve.alerts import Rule, RuleInUse, half_life_h, needed_h
from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.asking import AlertId, Moment, Ours, answers, asking
from tonfall.serve.http.problems import Problem
from tonfall.serve.http.schemas import (
    AlertDocument,
    AlertPage,
    AlertRuleDocument,
    AlertRuleLine,
    AlertRuleList,
    ConditionDocument,
    ForgottenDocument,
    MoveRequest,
)
from tonfall.serve.http.services import Services
from tonfall.serve.records import AlertMoved, AlertState
from tonfall.serve.store import alert_payload

__all__ = ["router"]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])
Reader = Annotated[Principal, asking(Scope.READ)]
Supervisor = Annotated[Principal, asking(Scope.SUPERVISE)]
Officer = Annotated[Principal, asking(Scope.PRIVACY)]


@router.get("", responses=answers(), summary="Alerts, the newest first")
def alerts(
    who: Reader,
    ours: Ours,
    state: AlertState | None = None,
    call: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> AlertPage:
    """Alerts of the tenant."""
    page = ours.store.alerts(
        who.tenant, state=state, call=call, since=since, until=until, limit=limit, cursor=cursor
    )
    documents = [AlertDocument.model_validate(alert_payload(each)) for each in page.items]
    return AlertPage(alerts=documents, cursor=page.cursor)


@router.get("/rules", responses=answers(), summary="The rules, and their thresholds now")
def rules(who: Reader, ours: Ours) -> AlertRuleList:
    """At which thresholds the rules hold for the tenant's calls, and what these come from."""
    budgets = ours.desk.budgets
    curves = {row.key: row.curve for row in ours.store.curves.of(who.tenant)}
    carriers = sorted({carrier for _, carrier, *_ in curves})
    lines: dict[str, list[AlertRuleLine]] = {rule.name: [] for rule in budgets.rules}
    for carrier in carriers:
        for each in budgets.in_use(who.tenant, carrier, curves):
            if each.curve.hours:
                lines[each.rule.name].append(_line(carrier, each))
    return AlertRuleList(rules=[_rule(rule, lines[rule.name]) for rule in budgets.rules])


@router.delete("/rules/learnt", responses=answers(), summary="Learn thresholds anew")
def forget(who: Officer, ours: Ours) -> ForgottenDocument:
    """Delete what was learnt of the tenant's calls; the rules hold as they are written again.

    Calls that go on keep the thresholds that they began with, and are counted at their end.
    """
    return ForgottenDocument(curves=ours.store.curves.forget(who.tenant, actor=who.actor))


@router.get("/{alert}", responses=answers(404), summary="One alert")
def alert(alert: AlertId, who: Reader, ours: Ours) -> AlertDocument:
    """An alert as it stands; that it was seen goes into the audit."""
    document = _document(ours, who, alert)
    ours.note(who.tenant, who.actor, "alert.viewed", f"alert {alert}")
    return document


@router.post("/{alert}/acknowledge", responses=answers(404, 409), summary="Somebody looks at it")
def acknowledge(alert: AlertId, said: MoveRequest, who: Supervisor, ours: Ours) -> AlertDocument:
    """Say that somebody looks at it. It is on the disk when this is answered."""
    return _move(ours, who, alert, AlertState.ACKNOWLEDGED, said)


@router.post("/{alert}/resolve", responses=answers(404, 409), summary="It is dealt with")
def resolve(alert: AlertId, said: MoveRequest, who: Supervisor, ours: Ours) -> AlertDocument:
    """Say that it is dealt with. It is on the disk when this is answered."""
    return _move(ours, who, alert, AlertState.RESOLVED, said)


@router.post("/{alert}/false_alarm", responses=answers(404, 409), summary="It was wrong")
def false_alarm(alert: AlertId, said: MoveRequest, who: Supervisor, ours: Ours) -> AlertDocument:
    """Say that there was nothing. It is on the disk when this is answered."""
    return _move(ours, who, alert, AlertState.FALSE_ALARM, said)


def _rule(rule: Rule, lines: list[AlertRuleLine]) -> AlertRuleDocument:
    conditions = [
        ConditionDocument.model_validate(each.model_dump(mode="json")) for each in rule.when
    ]
    return AlertRuleDocument(
        rule=rule.name,
        severity=rule.severity,
        when=conditions,
        budget=rule.budget,
        hours_needed=None if rule.budget is None else needed_h(rule.budget),
        half_life_hours=None if rule.budget is None else half_life_h(rule.budget),
        thresholds=lines,
    )


def _line(carrier: str, each: RuleInUse) -> AlertRuleLine:
    [condition] = each.rule.when
    return AlertRuleLine(
        carrier=carrier,
        threshold=condition.threshold,
        release=_rounded(condition.release, 5),
        origin=each.origin,
        hours=round(each.curve.hours, 2),
        expected=_rounded(each.expected, 2),
        fired=_rounded(each.curve.fired_rate, 2),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _move(
    ours: Services, who: Principal, alert: str, state: AlertState, said: MoveRequest
) -> AlertDocument:
    _document(ours, who, alert)
    moved = AlertMoved(alert, who.tenant, datetime.now(UTC), state, who.actor, said.note)
    ours.writer.write_now(moved)
    return _document(ours, who, alert)


def _document(ours: Services, who: Principal, alert: str) -> AlertDocument:
    row = ours.store.alert(who.tenant, alert)
    if row is None:
        raise Problem(404, "There is no such alert.")
    return AlertDocument.model_validate(alert_payload(row))
