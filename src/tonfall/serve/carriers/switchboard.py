"""All connections of one node: who is there, who may come in, and how they are sent away."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tonfall.errors import ServiceError
from tonfall.serve.calls import LiveCall
from tonfall.serve.carriers.kinds import AudioHookSession, NativeSession
from tonfall.serve.carriers.session import (
    DEFAULT_TIMEOUTS,
    Closing,
    Session,
    Timeouts,
)
from tonfall.serve.carriers.totals import Totals
from tonfall.serve.codecs import CallStarted, Carrier
from tonfall.serve.records import StoredEvent

__all__ = ["CARRIERS", "OpenCall", "Switchboard"]

CARRIERS = ("native", "twilio", "audiohook", "audiosocket", "chan_websocket", "rtp")
KINDS: Mapping[str, type[Session]] = {"native": NativeSession, "audiohook": AudioHookSession}
STREAM_NAMES = ("streamSid", "sessionId")
"""Parameters that name a stream where a call may have several."""

OpenCall = Callable[[str, str, CallStarted], LiveCall]
"""Opens a call of a tenant that came by a carrier; raises a TonfallError where it may not."""


@dataclass(frozen=True, slots=True)
class _Name:
    """What may be live only once."""

    tenant: str
    carrier: str
    stream: str


class Switchboard:
    """The sessions of one node.

    Args:
        open_call: opens a call.
        soon: runs something on the thread of the sockets; callable from any thread.
        most_per_tenant: calls of one tenant at a time.
        timeouts: how long the other side may keep us waiting.
    """

    def __init__(
        self,
        open_call: OpenCall,
        *,
        soon: Callable[[Callable[[], None]], object],
        most_per_tenant: int = 10_000,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.totals = {name: Totals() for name in CARRIERS}
        self.draining = False
        self._open_call = open_call
        self._soon = soon
        self._most = most_per_tenant
        self._timeouts = timeouts
        self._sessions: set[Session] = set()
        self._live: set[_Name] = set()
        self._per_tenant: Counter[str] = Counter()
        self._names: defaultdict[Session, list[_Name]] = defaultdict(list)
        self._calls: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def session(self, codec: Carrier, *, carrier: str, tenant: str, now: float) -> Session:
        """A connection that was let in.

        Args:
            codec: of its protocol.
            carrier: one of :data:`CARRIERS`.
            tenant: whose it is.
            now: seconds of a clock that never goes back.
        """
        kind = KINDS.get(carrier, Session)
        session = kind(
            codec,
            opening=lambda started: self._open(session, tenant, carrier, started),
            totals=self.totals[carrier],
            timeouts=self._timeouts,
            now=now,
        )
        session.on_gone(lambda: self._forget(session))
        session.on_ended(lambda call: self._ended(session, call))
        self._sessions.add(session)
        return session

    def tell(self, event: StoredEvent) -> None:
        """Pass an event on to the connection whose call it is of, if it is here."""
        session = self._calls.get(event.call)
        if session is not None:
            session.push(session.result(event))

    def sweep(self, now: float) -> None:
        """End the connections that keep us waiting; call it every second or so."""
        for session in list(self._sessions):
            session.push(session.expire(now))

    def ask_to_reconnect(self) -> None:
        """Take no more calls, and ask all who are there to go elsewhere."""
        self.draining = True
        for session in list(self._sessions):
            session.push(session.reconnect())

    def stop_all(self) -> None:
        """End all that is left."""
        for session in list(self._sessions):
            session.push(session.stop(Closing.RESTART, "The server stops; call again."))

    def _open(self, session: Session, tenant: str, carrier: str, started: CallStarted) -> LiveCall:
        if self.draining:
            raise ServiceError("The server is about to stop; call again.", retry=True)
        if self._per_tenant[tenant] >= self._most:
            raise ServiceError("The tenant has as many calls as it may; call later.", retry=True)
        name = _Name(tenant, carrier, _stream(started))
        if name in self._live:
            raise ServiceError("A stream with this id is live already; give each its own.")
        call = self._open_call(tenant, carrier, started)
        self._calls[call.id] = session
        self._live.add(name)
        self._per_tenant[tenant] += 1
        self._names[session].append(name)
        return call

    def _ended(self, session: Session, call: LiveCall) -> None:
        """Once all of a call is judged, which another thread does, its session may say so."""
        call.on_finished(lambda: self._finish_soon(session))

    def _finish_soon(self, session: Session) -> None:
        self._soon(lambda: session.push(session.finished()))

    def _forget(self, session: Session) -> None:
        self._sessions.discard(session)
        if session.call is not None:
            self._calls.pop(session.call.id, None)
        for name in self._names.pop(session, []):
            self._live.discard(name)
            self._per_tenant[name.tenant] -= 1


def _stream(started: CallStarted) -> str:
    names = (started.parameters.get(name) for name in STREAM_NAMES)
    return next((name for name in names if name), started.call_id)
