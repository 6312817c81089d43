"""Voice activity: where there is speech, and whose channel it is."""

from tonfall.vad.detect import detect, probabilities
from tonfall.vad.echo import EchoSuppressor
from tonfall.vad.model import Job, VoiceModel, VoiceState
from tonfall.vad.spectrum import CHUNK
from tonfall.vad.track import VoiceTrack
from tonfall.vad.turns import TurnFinder, VoiceSettings

__all__ = [
    "CHUNK",
    "EchoSuppressor",
    "Job",
    "TurnFinder",
    "VoiceModel",
    "VoiceSettings",
    "VoiceState",
    "VoiceTrack",
    "detect",
    "probabilities",
]
