"""Acoustic features: arrays in, arrays out."""

from tonfall.features.log_mel import BANDS, HOP, SAMPLING_RATE, WINDOW, LogMelStream, log_mel

__all__ = ["BANDS", "HOP", "SAMPLING_RATE", "WINDOW", "LogMelStream", "log_mel"]
