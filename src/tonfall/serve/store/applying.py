"""Changes into rows, within a transaction: each with its event, its audit line, its deliveries.

Windows and turns, which are nearly all there is, are collected and written together; what moves
something that is there already is applied in its place in the order. A change to a call that was
purged or erased meanwhile is left out, whoever sent it: once an objection is written, nothing can
come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from tonfall.errors import ServiceError
from tonfall.serve.codecs import EndReason
from tonfall.serve.records import (
    AlertMoved,
    AlertOpened,
    AlertState,
    CallClosed,
    CallMixed,
    CallOpened,
    CallPurged,
    Change,
    ChannelFacts,
    Notice,
    NoticeMoved,
    StoredEvent,
    TurnHeard,
    WindowHeard,
)
from tonfall.serve.store import payloads
from tonfall.serve.store.curves import add_firings
from tonfall.serve.store.erasing import purge
from tonfall.serve.store.logs import AuditLog, EventLog
from tonfall.serve.store.masking import masked
from tonfall.serve.store.objecting import objected
from tonfall.serve.store.schema import (
    alerts,
    calls,
    channels,
    deliveries,
    turns,
    windows,
)
from tonfall.timeline import Turn, Window

__all__ = ["Applied", "GoneError", "IllegalMoveError", "Memory", "Sinks", "apply"]

Sinks = Callable[[AlertOpened | AlertMoved], Iterable[str]]
"""To which sinks, by name, an alert that opened or moved is delivered."""

FIND = select(calls.c.id, calls.c.tenant, calls.c.purged_at, calls.c.labels).where(
    calls.c.id.in_(bindparam("ids", expanding=True))
)
NOTICE = select(calls.c.notice).where(calls.c.id == bindparam("call"))
ORDER = (calls, channels, windows, turns, alerts, deliveries)
"""Parents first."""
ADD = {table: insert(table) for table in ORDER}

NEXT: dict[AlertState, frozenset[AlertState]] = {
    AlertState.OPEN: frozenset(
        {AlertState.ACKNOWLEDGED, AlertState.RESOLVED, AlertState.FALSE_ALARM}
    ),
    AlertState.ACKNOWLEDGED: frozenset({AlertState.RESOLVED, AlertState.FALSE_ALARM}),
    AlertState.RESOLVED: frozenset(),
    AlertState.FALSE_ALARM: frozenset(),
}


class GoneError(ServiceError):
    """The change concerns a call or an alert that is not there, or was purged or erased."""


class IllegalMoveError(ServiceError):
    """The change does not follow from the state in which things are."""


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of a call to take a change to it."""

    tenant: str
    purged: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Calls as they were found; they are so still while the log's epoch is the same."""

    epoch: str = ""
    calls: Mapping[str, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the changes of one transaction, in their order.

    Attributes:
        memory: for the next transaction, once this one is committed.
    """

    outcomes: tuple[StoredEvent | ServiceError, ...]
    events: tuple[StoredEvent, ...]
    memory: Memory


def apply(
    connection: Connection,
    changes: Sequence[Change],
    *,
    log: EventLog,
    node: str,
    sinks: Sinks | None = None,
    memory: Memory | None = None,
) -> Applied:
    """Write changes in their order.

    Args:
        connection: in a transaction that writes.
        changes: of any calls and tenants.
        log: of the same transaction; it holds the lock, so what is read stays true.
        node: who writes.
        sinks: to which sinks an alert goes.
        memory: of the transaction before, of whatever node.

    Returns:
        For each change its event, or why it was left out.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database failed, or did not take a row.
    """
    work = _Work(connection, log=log, node=node, sinks=sinks)
    work.look_up(changes, memory or Memory())
    outcomes = tuple(work.outcome(change) for change in changes)
    work.finish()
    return Applied(outcomes, tuple(log.events), work.memory())


class _Work:
    def __init__(
        self, connection: Connection, *, log: EventLog, node: str, sinks: Sinks | None
    ) -> None:
        self._connection = connection
        self._node = node
        self._sinks = sinks
        self.log = log
        self._audit = AuditLog(connection)
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._calls: dict[str, Known] = {}
        self._over: set[str] = set()
        self._table: dict[type, Callable[[Any], StoredEvent]] = {
            CallOpened: self._opened,
            WindowHeard: self._window,
            TurnHeard: self._turn,
            CallMixed: self._mixed,
            AlertOpened: self._alert,
            AlertMoved: self._moved,
            NoticeMoved: self._notice,
            CallPurged: self._purged,
            CallClosed: self._closed,
        }

    def outcome(self, change: Change) -> StoredEvent | ServiceError:
        """The change's event, or why it was left out."""
        try:
            return self._table[type(change)](change)
        except (GoneError, IllegalMoveError) as reason:
            return reason

    def finish(self) -> None:
        """Write all that was collected."""
        self._flush()
        self.log.finish()
        self._audit.finish()

    def look_up(self, changes: Sequence[Change], memory: Memory) -> None:
        """Find out about the calls that the changes are of, but for those well remembered."""
        if memory.epoch == self.log.epoch:
            self._calls.update(memory.calls)
        ids = {change.call for change in changes if not isinstance(change, AlertMoved)}
        if missing := ids - self._calls.keys():
            for row in self._connection.execute(FIND, {"ids": sorted(missing)}):
                purged = row.purged_at is not None
                self._calls[row.id] = Known(row.tenant, purged, tuple(row.labels))

    def memory(self) -> Memory:
        """What is known of calls that go on."""
        going = {call: known for call, known in self._calls.items() if call not in self._over}
        return Memory(self.log.epoch, going if self._over else self._calls)

    def _call(self, change: Any, *, purged_too: bool = False) -> Known:
        known = self._calls.get(change.call)
        if known is None or known.tenant != change.tenant:
            raise GoneError(f"There is no call {change.call}, or it was erased.")
        if known.purged and not purged_too:
            raise GoneError(f"The call {change.call} was purged: nothing more is kept of it.")
        return known

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)

    def _flush(self) -> None:
        for table in ORDER:
            if rows := self._rows.pop(table, None):
                self._connection.execute(ADD[table], rows)
        self.log.flush()

    def _event(self, change: Any, call: str, kind: str, payload: dict[str, Any]) -> StoredEvent:
        return self.log.add(
            tenant=change.tenant, call=call, kind=kind, at=change.at, payload=payload
        )

    def _line(self, change: Any, actor: str, action: str, subject: str, **details: object) -> None:
        self._audit.add(
            tenant=change.tenant,
            actor=actor,
            action=action,
            subject=subject,
            details=details,
            at=change.at,
        )

    def _opened(self, told: CallOpened) -> StoredEvent:
        change = _without_numbers(told)
        self._add(calls, _call_values(change, self._node))
        for channel in change.channels:
            self._add(channels, {"call": change.call, **_channel_values(channel)})
        self._calls[change.call] = Known(change.tenant, False, change.labels)
        self._line(
            change,
            "system",
            "call.opened",
            f"call {change.call}",
            model=change.model,
            model_hash=change.model_hash,
            prior=change.prior,
            notice=change.notice.value,
        )
        payload = payloads.opened_payload(change)
        event = self._event(change, change.call, "call.opened", payload)
        if change.caller and objected(self._connection, change.tenant, change.caller):
            self._purged(CallPurged(change.call, change.tenant, change.at, "objection", "system"))
        return event

    def _window(self, change: WindowHeard) -> StoredEvent:
        labels = self._call(change).labels
        payload = payloads.window_payload(change.window, change.smoothed, change.trend, labels)
        event = self._event(change, change.call, "window", payload)
        self._add(windows, _window_values(change, event.id))
        return event

    def _turn(self, change: TurnHeard) -> StoredEvent:
        labels = self._call(change).labels
        payload = payloads.turn_payload(change.turn, labels)
        event = self._event(change, change.call, "turn", payload)
        head = {"id": event.id, "call": change.call, "tenant": change.tenant, "at": change.at}
        self._add(turns, {**head, **_score_values(change.turn), "short": change.turn.short})
        return event

    def _mixed(self, change: CallMixed) -> StoredEvent:
        self._call(change)
        self._flush()
        self._update(change, mixed_s=change.seconds)
        for side in change.channels:
            mine = (channels.c.call == change.call) & (channels.c.index == side.index)
            self._connection.execute(update(channels).where(mine).values(scored=side.scored))
        subject = f"call {change.call}"
        self._line(change, "system", "call.mixed", subject, mixed_s=change.seconds)
        return self._event(change, change.call, "call.mixed", payloads.mixed_payload(change))

    def _alert(self, change: AlertOpened) -> StoredEvent:
        self._call(change)
        payload = payloads.fired_payload(change)
        event = self._event(change, change.call, "alert.opened", payload)
        self._add(alerts, _alert_values(change))
        self._deliver(change, event)
        return event

    def _moved(self, change: AlertMoved) -> StoredEvent:
        self._flush()
        mine = (alerts.c.id == change.alert) & (alerts.c.tenant == change.tenant)
        found = self._connection.execute(select(alerts).where(mine)).one_or_none()
        if found is None:
            raise GoneError(f"There is no alert {change.alert}, or it was deleted.")
        if change.state not in NEXT[AlertState(found.state)]:
            raise IllegalMoveError(
                f"The alert {change.alert} is {found.state}: it cannot become {change.state}."
            )
        moved = {"state": change.state.value, "moved_at": change.at, "moved_by": change.by}
        note = masked(change.note, longest=500)
        self._connection.execute(update(alerts).where(mine).values(**moved, note=note))
        self._line(
            change, change.by, "alert.moved", f"alert {change.alert}", state=change.state.value
        )
        payload = payloads.moved_payload(change, found.rule, found.severity)
        event = self._event(change, found.call, "alert.moved", payload)
        self._deliver(change, event)
        return event

    def _notice(self, change: NoticeMoved) -> StoredEvent:
        self._call(change, purged_too=True)
        self._flush()
        before = Notice(self._connection.execute(NOTICE, {"call": change.call}).scalar_one())
        if before is not change.notice and not before.may_become(change.notice):
            raise IllegalMoveError(
                f"The notice of the call is {before}, which cannot become {change.notice}."
            )
        self._update(change, notice=change.notice.value)
        subject = f"call {change.call}"
        self._line(change, change.by, "notice", subject, notice=change.notice.value)
        return self._event(change, change.call, "notice", payloads.notice_payload(change))

    def _purged(self, change: CallPurged) -> StoredEvent:
        known = self._call(change, purged_too=True)
        self._flush()
        counts = purge(self._connection, change, self.log)
        self._calls[change.call] = Known(known.tenant, True, known.labels)
        found = {name: count for name, count in counts.as_dict().items() if count}
        subject = f"call {change.call}"
        self._line(change, change.by, "purge", subject, reason=change.reason, **found)
        payload = {"reason": change.reason, "by": change.by, "deleted": found}
        return self._event(change, change.call, "call.purged", payload)

    def _closed(self, change: CallClosed) -> StoredEvent:
        known = self._call(change, purged_too=True)
        self._flush()
        self._over.add(change.call)
        values = _closed_values(change, purged=known.purged)
        self._update(change, **values)
        subject = f"call {change.call}"
        self._line(change, "system", "call.closed", subject, complete=change.complete)
        payload = payloads.closed_payload(change, known.labels)
        payload["reason"] = values["reason"]  # Not the change's: see _closed_values.
        if known.purged:
            payload.update(speakers=[], overlap_s=None, silence_s=None)
        event = self._event(change, change.call, "call.closed", payload)
        for some in () if known.purged else change.firings:
            add_firings(self._connection, change.tenant, some, event=event.id, at=change.at)
        return event

    def _update(self, change: Any, **values: object) -> None:
        mine = (calls.c.id == change.call) & (calls.c.tenant == change.tenant)
        self._connection.execute(update(calls).where(mine).values(**values))

    def _deliver(self, change: AlertOpened | AlertMoved, event: StoredEvent) -> None:
        for sink in self._sinks(change) if self._sinks else ():
            told = {"tenant": event.tenant, "call": event.call, "at": event.at}
            row = {"id": uuid4().hex, "event": event.id, "kind": event.kind, "sink": sink, **told}
            state = {"state": "waiting", "attempts": 0, "due_at": event.at, "error": ""}
            self._add(deliveries, {**row, **state, "payload": event.payload})


def _without_numbers(change: CallOpened) -> CallOpened:
    """The same, in case that the telephone system put a number where an id belongs."""
    sides = (replace(side, source=masked(side.source, longest=64)) for side in change.channels)
    external = masked(change.external_id, longest=128)
    return replace(change, external_id=external, channels=tuple(sides))


def _channel_values(channel: ChannelFacts) -> dict[str, Any]:
    return {
        "index": channel.index,
        "role": channel.role.value,
        "source": channel.source,
        "scored": channel.scored,
    }


def _call_values(change: CallOpened, node: str) -> dict[str, Any]:
    return {
        "id": change.call,
        "tenant": change.tenant,
        "node": node,
        "at": change.at,
        "carrier": change.carrier,
        "external_id": change.external_id,
        "sampling_rate": change.sampling_rate,
        "model": change.model,
        "model_hash": change.model_hash,
        "prior": change.prior,
        "labels": list(change.labels),
        "notice": change.notice.value,
        "caller": change.caller,
    }


def _window_values(change: WindowHeard, number: int) -> dict[str, Any]:
    window = change.window
    return {
        "id": number,
        "call": change.call,
        "tenant": change.tenant,
        "at": change.at,
        **_score_values(window),
        "speech_ratio": window.speech_ratio,
        "snr_db": window.snr_db,
        "heard": window.heard,
        "smoothed": _rounded(change.smoothed),
        "trend": change.trend,
    }


def _score_values(heard: Window | Turn) -> dict[str, Any]:
    return {
        "start_sample": heard.segment.start,
        "end_sample": heard.segment.end,
        "channel": heard.channel,
        "speaker": heard.speaker,
        "guess": heard.guess,
        "confidence": heard.confidence,
        "unclear": heard.unclear,
        "probabilities": _rounded(heard.probabilities),
        "arousal": heard.arousal,
        "valence": heard.valence,
        "dominance": heard.dominance,
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, payloads.DIGITS) for value in values]


def _alert_values(change: AlertOpened) -> dict[str, Any]:
    return {
        "id": change.alert,
        "call": change.call,
        "tenant": change.tenant,
        "at": change.at,
        "rule": change.rule,
        "severity": change.severity,
        "channel": change.channel,
        "speaker": change.speaker,
        "seconds": change.seconds,
        "evidence": dict(change.evidence),
        "threshold_origin": change.threshold_origin,
        "state": AlertState.OPEN.value,
        "note": "",
    }


def _closed_values(change: CallClosed, *, purged: bool) -> dict[str, Any]:
    """What is set on the call; of a purged one nothing of how anybody sounded or how long.

    The reason is made one of the list again, whoever sent the change.
    """
    return {
        "ended_at": change.at,
        "reason": EndReason(change.reason).value,
        "complete": change.complete,
        "seconds": change.seconds,
        "shed": change.shed,
        "counters": dict(change.counters),
        "overlap_s": None if purged else change.overlap_s,
        "silence_s": None if purged else change.silence_s,
        "speakers": None if purged else [_summary(speaker) for speaker in change.speakers],
    }


def _summary(speaker: Any) -> dict[str, Any]:
    names = ("channel", "speaker", "talk_s", "talk_ratio", "trend")
    return {**{name: getattr(speaker, name) for name in names}, "mean": _rounded(speaker.mean)}
