"""Recordings in, timelines out; exports, pictures and the page."""

from tonfall.analysis.analyze import analyze, analyze_blocks
from tonfall.analysis.opening import Listening
from tonfall.analysis.result import Analysis
from tonfall.analysis.site import HeardRecording, hear_recordings, hear_voices

__all__ = [
    "Analysis",
    "HeardRecording",
    "Listening",
    "analyze",
    "analyze_blocks",
    "hear_recordings",
    "hear_voices",
]
