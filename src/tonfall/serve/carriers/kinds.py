"""What sessions of single telephone systems do in their own way."""

from __future__ import annotations

import json

from tonfall.serve.carriers.session import Close, Closing, Out, Session
from tonfall.serve.codecs import CallEnded, Event, Native, Reply
from tonfall.serve.codecs.audiohook import AudioHook, SessionState
from tonfall.serve.records import StoredEvent
from tonfall.serve.store.payloads import event_payload

__all__ = ["AudioHookSession", "NativeSession"]

MOST_UNREAD = 1 << 16
"""Bytes of results that may be unread before we read no more audio."""
RESULTS = {"alert.opened": "alert", "alert.moved": "alert"}
"""What kinds of events are called where they are asked for, if not by their own name."""
CLOSED, PURGED = "call.closed", "call.purged"
LONGEST_FINISH_S = 7
"""Seconds between ``close`` and ``closed``; Genesys waits for 10."""


class NativeSession(Session):
    """Our own protocol: ``{"type": "reconnect"}`` asks to go on elsewhere.

    Who asked for results is sent the events of the call as they are committed, the last of them
    ``call.closed``. While many of them are not read, no more audio is: so not more than what was
    already taken in can wait.
    """

    codec: Native
    _told_end = False

    @property
    def congested(self) -> bool:
        """True where too much waits, to be judged or to be read."""
        return super().congested or self._unread() > MOST_UNREAD

    def result(self, event: StoredEvent) -> list[Out]:
        """The event, if it was asked for; with the call's end the connection is closed."""
        if self.over or not self.codec.results:
            return []
        wanted = {*self.codec.results, CLOSED, PURGED}
        if RESULTS.get(event.kind, event.kind) not in wanted:
            return []
        out: list[Out] = [json.dumps({"type": "result", **event_payload(event)})]
        self._told_end = self._told_end or _is_last(event)
        if self._told_end and self.codec.over:
            self._closing = True
            out.append(Close(Closing.NORMAL, "The call is over."))
        return out

    @property
    def _awaits_results(self) -> bool:
        wanted = bool(self.codec.results) and self.call is not None
        return wanted and not self._told_end

    def reconnect(self) -> list[Out]:
        """Ask to end this call soon, and to open the next elsewhere."""
        return [] if self.over else [json.dumps({"type": "reconnect"})]


def _is_last(event: StoredEvent) -> bool:
    """True where no event of the call follows: of one that is erased, not even the end is told."""
    erased = event.kind == PURGED and event.payload.get("reason") == "erasure"
    return erased or event.kind == CLOSED


class AudioHookSession(Session):
    """Genesys wants to be told, and closes by itself."""

    codec: AudioHook
    _close_came: float | None = None

    def expire(self, now: float) -> list[Out]:
        """Say ``closed`` before Genesys gives up, even if the call is not judged to its end."""
        if self.codec.state is SessionState.CLOSING:
            self._close_came = self._close_came or now
            if now - self._close_came > LONGEST_FINISH_S:
                return self.finished()
        return super().expire(now)

    def finished(self) -> list[Out]:
        """Say ``closed``: all that ``close`` waited for is done."""
        replies = self._replies(self.codec.finish())
        return [*replies, Close(Closing.NORMAL, "", self._timeouts.last_s)] if replies else []

    def reconnect(self) -> list[Out]:
        """Ask for another session."""
        return [] if self.over else self._replies(self.codec.reconnect(info="The server stops."))

    def stop(self, code: int, reason: str) -> list[Out]:
        """Say ``disconnect``, and wait for ``close``."""
        if self.over:
            return []
        self._cut(code, reason)
        done = code == Closing.RESTART
        replies = self._replies(
            self.codec.disconnect("completed" if done else "error", info=reason)
        )
        return [*replies, Close(code, reason, self._timeouts.last_s)]

    @property
    def _started(self) -> bool:
        # A probe of the connection starts no call.
        return self.codec.state is not SessionState.WAITING

    @property
    def _last_s(self) -> float:
        return self._timeouts.last_s

    def _replies(self, events: list[Event]) -> list[Out]:
        for event in events:
            if isinstance(event, CallEnded):
                self._end(event)
        return [event.content for event in events if isinstance(event, Reply)]
