"""Acoustic features: arrays in, arrays out."""

from tonfall.features.fbank import FBANK_BANDS, FBANK_HOP, FBANK_WINDOW, fbank
from tonfall.features.log_mel import BANDS, HOP, SAMPLING_RATE, WINDOW, LogMelStream, log_mel

__all__ = [
    "BANDS",
    "FBANK_BANDS",
    "FBANK_HOP",
    "FBANK_WINDOW",
    "HOP",
    "SAMPLING_RATE",
    "WINDOW",
    "LogMelStream",
    "fbank",
    "log_mel",
]
