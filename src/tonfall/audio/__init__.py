"""Audio in: files, pipes and arrays become float32 waveforms at the rate that is wanted.

What this package cannot use, it refuses with an :class:`~tonfall.errors.AudioError`; so too a file
that ends before its container says so, and one in which another follows. Formats that state neither
a length nor an end (raw AAC, AC-3 and MPEG streams) are read as far as they go.
"""

from tonfall.audio.decoder import STANDARD_INPUT, AudioInfo, printable
from tonfall.audio.denoise import Denoiser, denoise, denoised
from tonfall.audio.g711 import (
    alaw_table,
    decode_alaw,
    decode_mulaw,
    encode_alaw,
    encode_mulaw,
    mulaw_table,
)
from tonfall.audio.git_lfs import POINTER_ADVICE, is_pointer
from tonfall.audio.level import FLOOR_DB, peak_db, rms_db
from tonfall.audio.likeness import ChannelLikeness
from tonfall.audio.limits import (
    MAX_CHANNELS,
    MAX_SAMPLING_RATE,
    MIN_SAMPLING_RATE,
    SHORTEST_SECONDS,
    check_channels,
    check_duration,
    check_sampling_rate,
)
from tonfall.audio.memory import Samples, as_recording
from tonfall.audio.raw import Encoding, RawFormat, decode_samples
from tonfall.audio.reader import AudioReader, open_audio, probe, read
from tonfall.audio.resample import Resampler, resample
from tonfall.audio.waveform import as_waveform, check_waveform

__all__ = [
    "FLOOR_DB",
    "MAX_CHANNELS",
    "MAX_SAMPLING_RATE",
    "MIN_SAMPLING_RATE",
    "POINTER_ADVICE",
    "SHORTEST_SECONDS",
    "STANDARD_INPUT",
    "AudioInfo",
    "AudioReader",
    "ChannelLikeness",
    "Denoiser",
    "Encoding",
    "RawFormat",
    "Resampler",
    "Samples",
    "alaw_table",
    "as_recording",
    "as_waveform",
    "check_channels",
    "check_duration",
    "check_sampling_rate",
    "check_waveform",
    "decode_alaw",
    "decode_mulaw",
    "decode_samples",
    "denoise",
    "denoised",
    "encode_alaw",
    "encode_mulaw",
    "is_pointer",
    "mulaw_table",
    "open_audio",
    "peak_db",
    "printable",
    "probe",
    "read",
    "resample",
    "rms_db",
]
