"""One connection of a telephone system: its protocol on one side, a live call on the other.

A session knows no socket: frames come in, and what is to be sent comes out, so that whatever
reads the socket can call it at once, a hundred times a second, without a task in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import IntEnum

from tonfall.errors import ServiceError, TonfallError
from tonfall.serve.calls import LiveCall
from tonfall.serve.carriers.totals import Totals
from tonfall.serve.carriers.turn import Allowance
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Carrier,
    CloseCode,
    EndReason,
    Event,
    Gap,
    Reject,
    Reply,
    StreamRestarted,
)
from tonfall.serve.records import StoredEvent

__all__ = [
    "DEFAULT_TIMEOUTS",
    "Close",
    "Closing",
    "Opening",
    "Out",
    "Session",
    "Timeouts",
]


_log = logging.getLogger(__name__)


class Closing(IntEnum):
    """Why we close, where the codec has no say, in the numbers of WebSocket."""

    NORMAL = 1000
    POLICY = 1008
    INTERNAL = 1011
    RESTART = 1012
    BUSY = 1013


FEWEST_DROPPED = 50
"""Packets, a second of audio: fewer are no reason to say anything."""
MOST_DROPPED = 0.25
"""Of all packets, that a call may lose without a line in the log."""
SHORTEST_S = 0.001
"""Seconds of audio below which a frame counts as empty; telephone systems send 10 ms and more."""


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is to be closed.

    Attributes:
        code: of WebSocket; elsewhere it is only logged.
        reason: one sentence.
        after_s: seconds that the other side has to close by itself.
    """

    code: int
    reason: str
    after_s: float = 0.0


Out = str | bytes | Close
"""What a session wants sent: a text frame, a binary frame, or the end."""


Opening = Callable[[CallStarted], LiveCall]
"""Opens a call for what started; raises a TonfallError where it cannot be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long the other side may keep us waiting.

    Attributes:
        first_s: seconds until a call must have started.
        silent_s: seconds without any frame.
        last_s: seconds to close, once all is said.
    """

    first_s: float = 10.0
    silent_s: float = 120.0
    last_s: float = 5.0


DEFAULT_TIMEOUTS = Timeouts()


class Session:
    """One connection.

    Args:
        codec: of its protocol.
        opening: opens the call once the codec says that one started.
        totals: counts what happens.
        now: seconds of the clock that :meth:`receive` is given.
        timeouts: how long the other side may keep us waiting.
    """

    def __init__(
        self,
        codec: Carrier,
        *,
        opening: Opening,
        totals: Totals,
        now: float,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.codec = codec
        self.call: LiveCall | None = None
        self.totals = totals
        self._opening = opening
        self._timeouts = timeouts
        self._began = self._latest = now
        self._allowance = Allowance(now)
        self._closing = self._ended = self._gone = self._refused = False
        self._cut_short: EndReason | None = None
        self._send: Callable[[list[Out]], None] | None = None
        self._unread: Callable[[], int] = int
        self._forget: Callable[[], None] | None = None
        self._on_ended: Callable[[LiveCall], None] | None = None
        totals.connections += 1
        totals.open += 1

    @property
    def over(self) -> bool:
        """True where the connection is closed or about to be."""
        return self._closing or self._gone

    @property
    def congested(self) -> bool:
        """True where a sender that can wait should: more waits to be judged than fits."""
        return self.call is not None and self.call.congested

    def attach(self, send: Callable[[list[Out]], None], *, unread: Callable[[], int] = int) -> None:
        """Take a connection.

        Args:
            send: sends what nobody's frame was the cause of.
            unread: tells how many bytes of ours the other side has not read yet.
        """
        self._send, self._unread = send, unread

    def on_gone(self, forget: Callable[[], None]) -> None:
        """Say what to do once the connection is closed."""
        self._forget = forget

    def on_ended(self, ended: Callable[[LiveCall], None]) -> None:
        """Say what to do once the call has ended, though perhaps not yet the connection."""
        self._on_ended = ended

    def push(self, out: list[Out]) -> None:
        """Send something of our own accord."""
        if out and self._send is not None and not self._gone:
            self._send(out)

    def receive(self, frame: str | bytes, *, now: float) -> list[Out]:
        """Take a frame.

        Args:
            frame: text as str, binary as bytes.
            now: seconds of a clock that never goes back.

        Returns:
            What is to be sent, in order; most often nothing.
        """
        self._latest = now
        self._refused = False
        out: list[Out] = []
        call, samples = self.call, 0
        for event in self.codec.receive(frame, now=now):
            if type(event) is Audio and call is not None:
                call.take(event)
                samples += event.samples.shape[1]
            else:
                self._on(event, out)
                call = self.call
        self._weigh(samples, out)
        if self.codec.over and not self._closing and not self._awaits_results:
            self._closing = True
            out.append(Close(Closing.NORMAL, "The call is over.", self._last_s))
        return out

    def spend(self, *, now: float) -> list[Out]:
        """A frame came that brings no audio, such as a ping; with too many the call is given up."""
        if self.over or self._allowance.spend(now):
            return []
        self.totals.rejects[CloseCode.POLICY_VIOLATION.name.lower()] += 1
        return self.stop(Closing.POLICY, EndReason.EMPTY)

    def _weigh(self, samples: int, out: list[Out]) -> None:
        """Audio earns frames without any; less than a millisecond of it counts as none."""
        seconds = samples / self.codec.call.sampling_rate if self.codec.call else 0.0
        if seconds >= SHORTEST_S:
            self._allowance.earn(seconds)
        else:
            out += self.spend(now=self._latest)

    def gone(self, *, clean: bool) -> None:
        """The connection is closed, by whichever side; the call ends if it had not."""
        if self._gone:
            return
        self._gone = True
        for event in self.codec.close(clean=clean):
            self._on(event, [])
        self.totals.open -= 1
        self.totals.add(self.codec.counters)
        if self._forget is not None:
            self._forget()

    def finished(self) -> list[Out]:
        """All of the call is judged: say so where the protocol has a word for it."""
        return []

    def result(self, event: StoredEvent) -> list[Out]:  # noqa: ARG002 - see NativeSession
        """Say what became of the call, where the other side asked for it."""
        return []

    def reconnect(self) -> list[Out]:
        """Ask the other side to come back elsewhere, where the protocol has a word for it."""
        return []

    def stop(self, code: int, reason: str) -> list[Out]:
        """End the connection from our side."""
        if self.over:
            return []
        self._cut(code, reason)
        return [Close(code, reason)]

    def expire(self, now: float) -> list[Out]:
        """End the connection if it keeps us waiting."""
        if self.over:
            return []
        if not self._started and now - self._began > self._timeouts.first_s:
            return self._expired("No call was started in time; send its first message at once.")
        if now - self._latest > self._timeouts.silent_s:
            return self._expired(EndReason.SILENT)
        return []

    @property
    def _started(self) -> bool:
        """True once the other side said what it connected for."""
        return self.codec.call is not None

    @property
    def _awaits_results(self) -> bool:
        """True where the connection stays open after the call, for what is still to be said."""
        return False

    @property
    def _last_s(self) -> float:
        """Seconds that the other side has to close by itself, once the call is over."""
        return 0.0

    def _expired(self, reason: str) -> list[Out]:
        self.totals.expired += 1
        return self.stop(Closing.POLICY, reason)

    def _on(self, event: Event, out: list[Out]) -> None:
        """Whatever is not audio of a call that goes on."""
        if isinstance(event, Reply):
            if not self._refused:  # To say that the call started would be a lie.
                out.append(event.content)
        elif isinstance(event, CallStarted):
            self._open(event, out)
        elif isinstance(event, Reject):
            self._reject(event, out)
        elif isinstance(event, CallEnded):
            self._end(event)
        elif self.call is not None and isinstance(event, Audio | Gap | StreamRestarted):
            self.call.take(event)

    def _open(self, started: CallStarted, out: list[Out]) -> None:
        try:
            self.call = self._opening(started)
        except TonfallError as error:
            busy = isinstance(error, ServiceError) and error.retry
            self.totals.busy += busy
            self._refused = True
            out += self.stop(Closing.BUSY if busy else Closing.POLICY, str(error))
            return
        self.totals.calls += 1

    def _cut(self, code: int, reason: str) -> None:
        """We close, and not the other side: the record of the call says why."""
        self._closing = True
        self._cut_short = EndReason.STOPPED if code == Closing.RESTART else EndReason(reason)

    def _end(self, event: CallEnded) -> None:
        if self.call is not None and not self._ended:
            self._ended = True
            if self._cut_short is not None:
                event = CallEnded(self._cut_short, complete=False)
            self.totals.incomplete += not event.complete
            self.call.counters = asdict(self.codec.counters)
            self._note_dropped(self.call)
            self.call.take(event)
            if self._on_ended is not None:
                self._on_ended(self.call)

    def _note_dropped(self, call: LiveCall) -> None:
        """A call of which much was dropped looks like one in which nobody spoke: say so."""
        counters = self.codec.counters
        dropped, taken = counters.dropped, counters.packets
        if dropped >= FEWEST_DROPPED and dropped > MOST_DROPPED * (taken + dropped):
            _log.warning(
                "Call %s: %d packets were heard and %d dropped (late %d, duplicates %d, ignored "
                "%d, malformed %d, too fast %d); check what the telephone system sends.",
                *(call.id, taken, dropped, counters.late, counters.duplicates),
                *(counters.ignored, counters.malformed, counters.too_fast),
            )

    def _reject(self, reject: Reject, out: list[Out]) -> None:
        self._closing = True
        self.totals.rejects[reject.code.name.lower()] += 1
        out.append(Close(reject.code, reject.sentence, self._timeouts.last_s * reject.told))
