"""What all carriers share: frames in, events out, limits, and one way to refuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.serve.codecs.events import (
    Audio,
    CallEnded,
    CallStarted,
    CloseCode,
    Counters,
    Dtmf,
    EndReason,
    Event,
    Gap,
    Reject,
    StreamRestarted,
)

__all__ = ["DAY_S", "DEFAULT_LIMITS", "Carrier", "Limits", "Violation"]

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one connection may bring; what keeps memory bounded.

    Attributes:
        frame_bytes: of the longest frame or message, counted in characters where it is text.
        call_s: seconds of the longest call, gaps included.

    Raises:
        ConfigError: one of them is not positive.
    """

    frame_bytes: int = 65_536
    call_s: int = DAY_S

    def __post_init__(self) -> None:
        if self.frame_bytes < 1 or self.call_s < 1:
            raise ConfigError(
                f"The limits are {self.frame_bytes} bytes a frame and {self.call_s} s a call, "
                "but both must be positive."
            )


DEFAULT_LIMITS = Limits()
KEYS = frozenset("0123456789*#ABCD")
"""Of a telephone; the letters are on few."""


class Violation(Exception):  # noqa: N818
    """The other side broke the protocol. Never leaves a carrier: it becomes a Reject."""

    def __init__(self, code: CloseCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Carrier(ABC):
    """One connection of a telephone system, from its first frame to its last.

    It holds no socket and reads no clock. Whatever comes in, ``receive`` raises nothing: what
    breaks the protocol becomes a :class:`~tonfall.serve.codecs.Reject`, and from then on the
    carrier is over and takes no more.

    Args:
        limits: how much this connection may bring.
    """

    ends_by_closing: ClassVar[bool] = False
    """True where the other side may end a call just by closing the connection."""

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.counters = Counters()
        self.limits = limits
        self._call: CallStarted | None = None
        self._position = 0
        self._ended = False
        self._over = False
        self._events: list[Event] = []
        self._restarts: list[int] = []

    @property
    def over(self) -> bool:
        """True where nothing more is taken: the connection may be closed."""
        return self._over

    @property
    def call(self) -> CallStarted | None:
        """How the call started, once it has."""
        return self._call

    @property
    def position(self) -> int:
        """Samples of the call so far, gaps included, at its own sampling rate."""
        return self._position

    def receive(self, frame: str | bytes, *, now: float) -> list[Event]:
        """Take what arrived.

        Args:
            frame: a text frame as str, a binary frame, datagram or part of a stream as bytes.
            now: seconds of a clock that never goes back, such as ``time.monotonic()``.

        Returns:
            What it means, in order; often nothing.
        """
        if self._over:
            return []
        try:
            self._check_size(frame)
            self._take(frame, now)
        except Violation as violation:
            self._refuse(violation)
        return self._take_events()

    def close(self, *, clean: bool = False) -> list[Event]:
        """The connection is gone: the rest of the audio and the call's end, if not yet told.

        Args:
            clean: True where the other side closed it, as its protocol allows, and no error did.
        """
        self._end(EndReason.CLOSED, complete=clean and self.ends_by_closing)
        self._over = True
        return self._take_events()

    @abstractmethod
    def _take(self, frame: str | bytes, now: float) -> None:
        """Add to the events what a frame means; raise a Violation where it means nothing."""

    def _flush(self) -> None:  # noqa: B027 - most carriers hold nothing back
        """Add the audio that is still held; called before the call's end."""

    def _refuse(self, violation: Violation) -> None:
        self._end(EndReason.VIOLATION, complete=False)
        self._tell(Reject(violation.code, violation.sentence))
        self._over = True

    def _check_size(self, frame: str | bytes) -> None:
        if len(frame) > self.limits.frame_bytes:
            raise Violation(
                CloseCode.TOO_BIG,
                f"A frame of {len(frame)} bytes came, but at most {self.limits.frame_bytes} "
                "are taken; send less at a time.",
            )

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _tell(self, event: Event) -> None:
        self._events.append(event)

    def _start(self, call: CallStarted) -> None:
        self._call = call
        self._tell(call)

    def _hear(self, samples: FloatArray) -> None:
        """Tell (channels, n) samples, and move on by n."""
        if samples.shape[1]:
            position = self._advance(samples.shape[1])
            self._tell(Audio(samples, position))

    def _press(self, key: object) -> None:
        """Tell a key of the telephone; what is none ("w" for a pause, a flash) is passed over."""
        known = str(key).upper()
        if self._call is not None and known in KEYS:
            self._tell(Dtmf(known, self._position))
        else:
            self.counters.ignored += 1

    def _skip(self, samples: int) -> None:
        """Tell a gap, and move on by it."""
        if samples:
            self._tell(Gap(samples, self._advance(samples)))
            self.counters.gaps += 1
            self.counters.gap_samples += samples

    def _restart(self, position: int) -> None:
        """Tell that another stream begins at a position, once all that lies before it is told."""
        if position not in self._restarts:
            insort(self._restarts, position)

    def _tell_pieces(self, pieces: Iterable[FloatArray | int]) -> None:
        """Tell (channels, n) samples and, as numbers, the lengths of gaps between them."""
        for piece in pieces:
            if self._restarts:
                piece = self._tell_restarts(piece)
            if isinstance(piece, int):
                self._skip(piece)
            else:
                self._hear(piece)

    def _tell_restarts(self, piece: FloatArray | int) -> FloatArray | int:
        """Tell the restarts within the next piece, and what lies before them.

        Returns:
            The rest of the piece.
        """
        while self._restarts and self._restarts[0] < self._position + _length(piece):
            position = self._restarts.pop(0)
            ahead = position - self._position
            if isinstance(piece, int):
                self._skip(ahead)
                piece -= ahead
            else:
                self._hear(piece[:, :ahead])
                piece = piece[:, ahead:]
            self._tell(StreamRestarted(position))
        return piece

    def _advance(self, samples: int) -> int:
        assert self._call is not None, "audio before the call's start"
        before = self._position
        if before + samples > self.limits.call_s * self._call.sampling_rate:
            raise Violation(
                CloseCode.POLICY_VIOLATION,
                f"The call lasts longer than {self.limits.call_s} s, the limit; "
                "start another call.",
            )
        self._position += samples
        return before

    def _end(self, reason: EndReason, *, complete: bool) -> None:
        """Tell the call's end, once, if it had started."""
        if self._call is None or self._ended:
            return
        self._ended = True
        try:
            self._flush()
        except Violation:  # Too long by what was held: the end comes where the limit is.
            complete = False
        self._tell(CallEnded(reason, complete))


def _length(piece: FloatArray | int) -> int:
    return piece if isinstance(piece, int) else int(piece.shape[1])
