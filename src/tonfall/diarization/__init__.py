"""Who spoke when in one channel: embeddings of voices, clustered at the end or on the way."""

from tonfall.diarization.attribution import CUSTOMER_SURE, Attribution
from tonfall.diarization.cluster import MOST_SPEAKERS, SpeakerSettings
from tonfall.diarization.model import SpeakerJob, SpeakerModel
from tonfall.diarization.offline import Diarizer
from tonfall.diarization.online import OnlineSpeakers, SpeakerRun

__all__ = [
    "CUSTOMER_SURE",
    "MOST_SPEAKERS",
    "Attribution",
    "Diarizer",
    "OnlineSpeakers",
    "SpeakerJob",
    "SpeakerModel",
    "SpeakerRun",
    "SpeakerSettings",
]
