"""What a carrier tells of a call, whatever telephone system it came through.

The order is the same for all: one :class:`CallStarted`, then audio, gaps and what else happens
in a call, then one :class:`CallEnded`. Only replies, errors of the carrier's own and the news
that a call is coming (:class:`Identified`, :class:`Probed`) stand outside these two. Nothing but
replies follows a :class:`Reject`; where a call had started, its end comes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from tonfall.arrays import FloatArray

__all__ = [
    "Audio",
    "CallEnded",
    "CallStarted",
    "CarrierError",
    "Channel",
    "CloseCode",
    "Counters",
    "Dtmf",
    "EndReason",
    "Event",
    "Gap",
    "Identified",
    "LanguageChanged",
    "Probed",
    "Reject",
    "Reply",
    "Role",
    "StreamRestarted",
]


class Role(StrEnum):
    """Who speaks on a channel; mixed says that it is the only one, with everybody on it."""

    CUSTOMER = "customer"
    AGENT = "agent"
    UNKNOWN = "unknown"
    MIXED = "mixed"


class CloseCode(IntEnum):
    """Why a connection is refused, in the numbers of WebSocket (RFC 6455, section 7.4.1)."""

    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009


class EndReason(StrEnum):
    """Why a call ended. Only these words are kept: what else is said may name somebody.

    >>> EndReason("Herr Meier legte auf")
    <EndReason.OTHER: 'other'>
    """

    STOP = "stop"
    HUNG_UP = "hung up"
    TRANSFERRED = "transferred"
    RECORDING = "end of recording"
    BYE = "BYE"
    END = "end"
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    ERROR = "error"
    CLOSED = "The connection was closed."
    VIOLATION = "The other side broke the protocol."
    DISCONNECTED = "The server disconnected."
    SILENT = "Nothing came for too long; the call was given up."
    EMPTY = "Too many frames came without audio; send 10 ms or more of it in each."
    STOPPED = "The server stopped before the call ended."
    STOPS = "The server stops."
    AUDIO = "The audio could not be used."
    FAILED = "An error of the server ended the call."
    LOST = "node lost"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> EndReason:
        del value
        return cls.OTHER


@dataclass(frozen=True, slots=True)
class Channel:
    """One side of a call.

    Attributes:
        role: who speaks on it.
        source: what the telephone system calls it, such as "inbound" or "external".
    """

    role: Role
    source: str


@dataclass(frozen=True, slots=True)
class Identified:
    """The call's id is known, but not yet what its audio is like (AudioSocket)."""

    call_id: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call began.

    Attributes:
        call_id: as the telephone system names it.
        sampling_rate: of all audio that follows, in Hz.
        channels: in the order of the rows of all audio that follows.
        parameters: what else the telephone system said, by its own names; never numbers or
            names of people, unless someone put them into parameters of their own.
    """

    call_id: str
    sampling_rate: int
    channels: tuple[Channel, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """The next stretch of sound.

    Attributes:
        samples: (channels, n) float32 in [-1, 1], n > 0.
        position: samples since the call's start, gaps included.
    """

    samples: FloatArray
    position: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was heard on any channel: lost packets or a pause; time moves on by ``samples``."""

    samples: int
    position: int


@dataclass(frozen=True, slots=True)
class StreamRestarted:
    """Another stream took the place of the one before, within the same call.

    The sender's clock jumped, or its source changed; the voice may be another one.
    """

    position: int


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key was pressed: 0 to 9, *, # or A to D.

    Keys may be part of a card number: do not store them unasked.
    """

    digit: str
    position: int


@dataclass(frozen=True, slots=True)
class LanguageChanged:
    """The telephone system says in what language the conversation goes on, such as "en-US"."""

    language: str


@dataclass(frozen=True, slots=True)
class CarrierError:
    """The telephone system reports an error of its own; the call may go on."""

    code: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Probed:
    """The telephone system tries the connection: answer, but keep no record of a call."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """No more audio comes.

    Attributes:
        reason: why.
        complete: False where the end was not said as the protocol wants it; what was heard
            until then is kept.
    """

    reason: EndReason
    complete: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """To be sent back as it is: text as a text frame, bytes as a binary one."""

    content: str | bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """The other side broke the protocol or a limit; nothing follows on this connection.

    Attributes:
        code: to close a WebSocket with.
        sentence: what was found and what was expected, without anything that was sent.
        told: True where the other side was told by a :class:`Reply` in its own protocol and
            will close by itself; close only after waiting for that.
    """

    code: CloseCode
    sentence: str
    told: bool = False


Event = (
    Identified
    | CallStarted
    | Audio
    | Gap
    | StreamRestarted
    | Dtmf
    | LanguageChanged
    | CarrierError
    | Probed
    | CallEnded
    | Reply
    | Reject
)


@dataclass(slots=True)
class Counters:
    """What a connection has seen; for metrics.

    Attributes:
        packets: pieces of audio that were taken.
        reordered: of these, those that came after a later one.
        duplicates: pieces that were there already, dropped.
        late: pieces that came after their time, or alone at a far-off time, dropped.
        lost: packets that never came, where packets are numbered (RTP).
        gaps: stretches without audio on any channel.
        gap_samples: their length, together.
        filled_samples: silence put where audio lacked on some channels but not on others, or
            where the sender said that there is silence.
        restarts: times that another stream took the place of the one before.
        ignored: messages or packets of a kind that has no meaning here.
        malformed: packets that could not be read, dropped (RTP; elsewhere they are refused).
        too_fast: packets beyond what may come in that time, dropped (RTP; elsewhere the sender is
            slowed down).
    """

    packets: int = 0
    reordered: int = 0
    duplicates: int = 0
    late: int = 0
    lost: int = 0
    gaps: int = 0
    gap_samples: int = 0
    filled_samples: int = 0
    restarts: int = 0
    ignored: int = 0
    malformed: int = 0
    too_fast: int = 0

    @property
    def dropped(self) -> int:
        """Pieces and messages of which nothing was made."""
        return self.duplicates + self.late + self.ignored + self.malformed + self.too_fast
