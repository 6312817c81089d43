"""Voice activity: where there is speech, and whose channel it is."""

from tonfall.vad.detect import detect, probabilities
from tonfall.vad.echo import EchoSuppressor
from tonfall.vad.model import CHUNK, Job, VoiceModel
from tonfall.vad.track import BLOCK, WARM_UP, VoiceTrack
from tonfall.vad.turns import TurnFinder, VoiceSettings

__all__ = [
    "BLOCK",
    "CHUNK",
    "WARM_UP",
    "EchoSuppressor",
    "Job",
    "TurnFinder",
    "VoiceModel",
    "VoiceSettings",
    "VoiceTrack",
    "detect",
    "probabilities",
]
