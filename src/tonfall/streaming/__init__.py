"""The one engine that recordings and live calls go through."""

from tonfall.streaming.engine import Engine
from tonfall.streaming.events import (
    ChannelsMerged,
    Event,
    SpeechEnded,
    SpeechStarted,
    StreamEnded,
    TurnEnded,
    WindowScored,
)
from tonfall.streaming.jobs import PieceJob, WindowJob
from tonfall.streaming.scorer import Scorer
from tonfall.streaming.speakers import KnownSpeakers, LiveSpeakers, Speakers
from tonfall.streaming.stream import Stream

__all__ = [
    "ChannelsMerged",
    "Engine",
    "Event",
    "KnownSpeakers",
    "LiveSpeakers",
    "PieceJob",
    "Scorer",
    "Speakers",
    "SpeechEnded",
    "SpeechStarted",
    "Stream",
    "StreamEnded",
    "TurnEnded",
    "WindowJob",
    "WindowScored",
]
