"""Acoustic features: arrays in, arrays out.

The frames that networks take (`log_mel`, `fbank`), and the descriptors in which the field explains
a voice: pitch, loudness, formants, cepstra, and the whole eGeMAPS set.
"""

from tonfall.features.egemaps import FUNCTIONALS, egemaps
from tonfall.features.egemaps_contours import CONTOURS, egemaps_frames
from tonfall.features.extract import extract
from tonfall.features.fbank import FBANK_BANDS, FBANK_HOP, FBANK_WINDOW, fbank
from tonfall.features.formants import Formants, formants
from tonfall.features.log_mel import BANDS, HOP, SAMPLING_RATE, WINDOW, LogMelStream, log_mel
from tonfall.features.mfcc import deltas, mel_spectrum, mfcc
from tonfall.features.pitch import Pitch, pitch
from tonfall.features.stream import FeatureStream
from tonfall.features.voice_quality import VoiceContour, cpp, hnr, jitter, shimmer

__all__ = [
    "BANDS",
    "CONTOURS",
    "FBANK_BANDS",
    "FBANK_HOP",
    "FBANK_WINDOW",
    "FUNCTIONALS",
    "HOP",
    "SAMPLING_RATE",
    "WINDOW",
    "FeatureStream",
    "Formants",
    "LogMelStream",
    "Pitch",
    "VoiceContour",
    "cpp",
    "deltas",
    "egemaps",
    "egemaps_frames",
    "extract",
    "fbank",
    "formants",
    "hnr",
    "jitter",
    "log_mel",
    "mel_spectrum",
    "mfcc",
    "pitch",
    "shimmer",
]
