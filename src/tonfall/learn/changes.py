"""Further ways in which a recording may have come: codecs, tempo, pitch, noise, level.

As in `tonfall.learn.augment`, every function takes and gives a (samples,) float32 waveform at
16 kHz; of the same length, but where it says otherwise.
"""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import resample
from tonfall.errors import ConfigError
from tonfall.learn.augment import RATE, change_speed

__all__ = [
    "add_white_noise",
    "delay",
    "gsm",
    "opus",
    "scale_to_level",
    "shift_pitch",
    "stretch_time",
    "trim_silence",
]

_FRAME = 160
"""Samples (10 ms) that are loud or silent together."""


def add_white_noise(waveform: FloatArray, *, snr_db: float, rng: np.random.Generator) -> FloatArray:
    """Add Gaussian noise, ``snr_db`` below the mean power of the whole clip."""
    power = float(np.mean(waveform.astype(np.float64) ** 2)) * 10 ** (-snr_db / 10)
    noise = rng.normal(0, np.sqrt(power), len(waveform))
    return (waveform + noise).astype(np.float32)


def gsm(waveform: FloatArray) -> FloatArray:
    """Through a mobile telephone of the first digital kind: 8 kHz, GSM 06.10 full rate."""
    narrow = resample(waveform[None], source_rate=RATE, target_rate=8000)[0]
    coded = _through(narrow, 8000, format="WAV", subtype="GSM610")
    return _fitted(resample(coded[None], source_rate=8000, target_rate=RATE)[0], len(waveform))


def opus(waveform: FloatArray, *, kbps: float) -> FloatArray:
    """Through the codec of internet telephony and browsers, at about a bit rate (6 to 256)."""
    # libsndfile takes a compression from 0 to 1, which it makes 256 down to 6 kbit/s.
    level = float(np.clip((256 - kbps) / 250, 0, 1))
    coded = _through(waveform, RATE, format="OGG", subtype="OPUS", compression_level=level)
    return _fitted(coded, len(waveform))


def _through(waveform: FloatArray, rate: int, **how: object) -> FloatArray:
    """Written and read again."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(waveform, -1, 1), rate, **how)
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    return np.asarray(decoded, np.float32)


def _fitted(waveform: FloatArray, length: int) -> FloatArray:
    return np.pad(waveform, (0, max(0, length - len(waveform))))[:length]


def stretch_time(waveform: FloatArray, *, factor: float) -> FloatArray:
    """Spoken ``factor`` times as fast (0.5 to 2) at the same pitch, by ffmpeg's filter atempo.

    Returns:
        About samples / factor of them.

    Raises:
        ConfigError: PyAV is not installed.
    """
    try:
        import av
        import av.filter
    except ImportError:
        raise ConfigError(
            'The changes "stretch" and "pitch" need PyAV; run: pip install "tonfall[av]"'
        ) from None
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE)
        ),
        graph.add("atempo", f"{factor:.6f}"),
        graph.add("abuffersink"),
    ).configure()
    frame = av.AudioFrame.from_ndarray(waveform[None], format="flt", layout="mono")
    frame.sample_rate = RATE
    graph.push(frame)
    graph.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray()[0])
        except (av.EOFError, av.BlockingIOError):
            break
    return np.concatenate(parts).astype(np.float32)


def shift_pitch(waveform: FloatArray, *, semitones: float) -> FloatArray:
    """Pitch and formants higher by so many semitones (lower where negative), at the same tempo.

    Raises:
        ConfigError: PyAV is not installed.
    """
    factor = 2 ** (semitones / 12)
    played = change_speed(waveform, factor=factor)
    return _fitted(stretch_time(played, factor=1 / factor), len(waveform))


def delay(waveform: FloatArray, *, seconds: float) -> FloatArray:
    """With so much silence before it; longer by it."""
    return np.pad(waveform, (round(seconds * RATE), 0))


def trim_silence(waveform: FloatArray, *, range_db: float) -> FloatArray:
    """Without the beginning and end that are ``range_db`` or more below the loudest 10 ms.

    The usual preparation of clips. `tonfall` itself needs none: frames without speech weigh
    nothing.
    """
    if len(waveform) < _FRAME:
        return waveform
    frames = waveform[: len(waveform) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-range_db / 10))
    return waveform[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def scale_to_level(waveform: FloatArray, *, level_db: float) -> FloatArray:
    """Scaled so that its root mean square is ``level_db`` below full scale, clipped at that."""
    level = np.sqrt(float(np.mean(waveform.astype(np.float64) ** 2)))
    gain = 10 ** (level_db / 20) / max(level, 1e-9)
    return np.clip(waveform * np.float32(gain), -1, 1)
