"""Who spoke when in one channel: embeddings of voices, clustered at the end or on the way."""

from tonfall.diarization.attribution import Attribution
from tonfall.diarization.cluster import MOST_SPEAKERS, SpeakerSettings
from tonfall.diarization.model import SpeakerJob, SpeakerModel
from tonfall.diarization.offline import Diarizer
from tonfall.diarization.online import OnlineSpeakers

__all__ = [
    "MOST_SPEAKERS",
    "Attribution",
    "Diarizer",
    "OnlineSpeakers",
    "SpeakerJob",
    "SpeakerModel",
    "SpeakerSettings",
]
