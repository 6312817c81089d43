"""How far an AudioHook session has come, and the numbers that its messages carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from tonfall.serve.codecs.audiohook_messages import VERSION, ClientMessage
from tonfall.serve.codecs.carrier import Violation
from tonfall.serve.codecs.events import CloseCode, Reply

__all__ = ["Session", "SessionState"]


class SessionState(Enum):
    """How far a session has come."""

    WAITING = auto()
    """For ``open``."""
    ACTIVE = auto()
    PAUSED = auto()
    DISCONNECTED = auto()
    """We sent ``disconnect``; only ``close`` and ``ping`` are still answered."""
    CLOSING = auto()
    """``close`` came; ``closed`` is sent once the work is done."""
    CLOSED = auto()


_ENDS = frozenset({SessionState.DISCONNECTED, SessionState.CLOSING})
_NEXT: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.WAITING: _ENDS | {SessionState.ACTIVE, SessionState.PAUSED},
    SessionState.ACTIVE: _ENDS | {SessionState.PAUSED},
    SessionState.PAUSED: _ENDS | {SessionState.ACTIVE},
    SessionState.DISCONNECTED: frozenset({SessionState.CLOSED}),
    SessionState.CLOSING: frozenset({SessionState.DISCONNECTED, SessionState.CLOSED}),
    SessionState.CLOSED: frozenset(),
}
"""Which state may follow which."""


class Session:
    """State and sequence numbers of one session.

    Args:
        session_id: that every message carries.
    """

    def __init__(self, session_id: str) -> None:
        self._id = session_id
        self._state = SessionState.WAITING
        self._seq = 0
        self._client_seq = 0

    @property
    def state(self) -> SessionState:
        """How far the session has come."""
        return self._state

    @property
    def is_open(self) -> bool:
        """True between ``opened`` and the first message that ends the session."""
        return self._state in (SessionState.ACTIVE, SessionState.PAUSED)

    def move(self, state: SessionState) -> None:
        """Go on to another state. Staying is no move: pausing may be said twice."""
        if state is not self._state:
            assert state in _NEXT[self._state], (self._state, state)
            self._state = state

    def note(self, message: ClientMessage) -> None:
        """Take over a message's number, checked until we disconnect.

        Raises:
            Violation: another session's id, or a number out of order.
        """
        if self._state is not SessionState.DISCONNECTED:
            self._check(message)
        self._client_seq = message.seq

    def reply(self, kind: str, parameters: Mapping[str, Any]) -> Reply:
        """The next message of ours."""
        self._seq += 1
        message = {
            "version": VERSION,
            "id": self._id,
            "type": kind,
            "seq": self._seq,
            "clientseq": self._client_seq,
            "parameters": parameters,
        }
        return Reply(json.dumps(message))

    def _check(self, message: ClientMessage) -> None:
        if message.id.lower() != self._id.lower():
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "A message has another id than the header Audiohook-Session-Id.",
            )
        if message.seq != self._client_seq + 1:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"A message has seq {message.seq}, but {self._client_seq + 1} is next.",
            )
        if message.serverseq > self._seq:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"A message has serverseq {message.serverseq}, but only {self._seq} were sent.",
            )
