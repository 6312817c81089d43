"""What sessions of single telephone systems do in their own way."""

from __future__ import annotations

import json

from tonfall.serve.carriers.session import Close, Closing, Out, Session
from tonfall.serve.codecs import CallEnded, Event, Reply
from tonfall.serve.codecs.audiohook import AudioHook, SessionState

__all__ = ["AudioHookSession", "NativeSession"]

LONGEST_FINISH_S = 7
"""Seconds between ``close`` and ``closed``; Genesys waits for 10."""


class NativeSession(Session):
    """Our own protocol: ``{"type": "reconnect"}`` asks to go on elsewhere."""

    def reconnect(self) -> list[Out]:
        """Ask to end this call soon, and to open the next elsewhere."""
        return [] if self.over else [json.dumps({"type": "reconnect"})]


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
