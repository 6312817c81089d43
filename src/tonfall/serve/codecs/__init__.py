"""Telephone systems' protocols: frames in, events out, with no socket and no clock of their own.

Each carrier is one connection. ``receive`` takes what arrived and returns what it means, as
values of :mod:`tonfall.serve.codecs.events`; whatever arrives, it raises nothing. What breaks a
protocol or a limit comes back as :class:`Reject`. Beside each carrier is the other direction: a
recording as that telephone system would send it.
"""

from tonfall.serve.codecs import (
    audiohook_signature,
    audiosocket,
    chan_websocket,
    native,
    rtp,
    twilio,
    twilio_signature,
)
from tonfall.serve.codecs.audiohook import AudioHook, SessionState
from tonfall.serve.codecs.audiohook_client import AudioHookClient, ServerMessage
from tonfall.serve.codecs.audiosocket import AudioSocket
from tonfall.serve.codecs.carrier import DEFAULT_LIMITS, Carrier, Limits
from tonfall.serve.codecs.chan_websocket import ChanWebSocket
from tonfall.serve.codecs.events import (
    Audio,
    CallEnded,
    CallStarted,
    CarrierError,
    Channel,
    CloseCode,
    Counters,
    Dtmf,
    EndReason,
    Event,
    Gap,
    Identified,
    LanguageChanged,
    Probed,
    Reject,
    Reply,
    Role,
    StreamRestarted,
)
from tonfall.serve.codecs.native import Native
from tonfall.serve.codecs.rtp import Rtp
from tonfall.serve.codecs.rtp_format import RtpEncoding, RtpFormat
from tonfall.serve.codecs.sending import Outgoing
from tonfall.serve.codecs.twilio import Twilio

__all__ = [
    "DEFAULT_LIMITS",
    "Audio",
    "AudioHook",
    "AudioHookClient",
    "AudioSocket",
    "CallEnded",
    "CallStarted",
    "Carrier",
    "CarrierError",
    "ChanWebSocket",
    "Channel",
    "CloseCode",
    "Counters",
    "Dtmf",
    "EndReason",
    "Event",
    "Gap",
    "Identified",
    "LanguageChanged",
    "Limits",
    "Native",
    "Outgoing",
    "Probed",
    "Reject",
    "Reply",
    "Role",
    "Rtp",
    "RtpEncoding",
    "RtpFormat",
    "ServerMessage",
    "SessionState",
    "StreamRestarted",
    "Twilio",
    "audiohook_signature",
    "audiosocket",
    "chan_websocket",
    "native",
    "rtp",
    "twilio",
    "twilio_signature",
]
