"""Rooms, noises, lines and voices that a training clip might have come through.

Every function takes and gives a (samples,) float32 waveform at 16 kHz of the same length
(but for :func:`change_speed`) and draws from the generator it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.signal

from tonfall.arrays import FloatArray
from tonfall.audio import decode_mulaw, encode_mulaw, resample
from tonfall.corpora.clips import Clip, read_clip
from tonfall.corpora.contents import file_hash, joint_hash
from tonfall.errors import ConfigError

__all__ = [
    "Acoustics",
    "add_noise",
    "add_room",
    "change_speed",
    "equalise",
    "load_acoustics",
    "scale_to_peak",
    "sounds_hash",
    "telephone",
]

RATE = 16_000


@dataclass(frozen=True)
class Acoustics:
    """Noises and room responses at 16 kHz, by name."""

    noises: dict[str, FloatArray]
    rooms: dict[str, FloatArray]

    def without(self, names: Sequence[str]) -> Acoustics:
        """The same less the named noises and rooms, which are kept for testing."""
        return Acoustics(
            {name: noise for name, noise in self.noises.items() if name not in names},
            {name: room for name, room in self.rooms.items() if name not in names},
        )


def load_acoustics(folder: Path) -> Acoustics:
    """Read every FLAC or WAV of a folder; those whose name begins with ``rir_`` are rooms.

    Raises:
        ConfigError: there is none.
    """
    sounds = {file.stem: read_clip(Clip(file.stem, file)) for file in _sound_files(folder)}
    return Acoustics(
        {name: sound for name, sound in sounds.items() if not name.startswith("rir_")},
        {name: sound for name, sound in sounds.items() if name.startswith("rir_")},
    )


def sounds_hash(folder: Path, *, without: Sequence[str] = ()) -> str:
    """SHA-256 over names and contents of a folder's noises and room responses.

    Raises:
        ConfigError: there is none.
    """
    files = [file for file in _sound_files(folder) if file.stem not in without]
    return joint_hash(f"{file.stem} {file_hash(file)}" for file in files)


def _sound_files(folder: Path) -> list[Path]:
    files = sorted([*folder.glob("*.flac"), *folder.glob("*.wav")])
    if not files:
        raise ConfigError(
            f"{folder}: no noises or room responses (FLAC or WAV) are there; name their folder "
            "in the recipe as augmentation.acoustics."
        )
    return files


def add_noise(
    waveform: FloatArray, noise: FloatArray, *, snr_db: float, rng: np.random.Generator
) -> FloatArray:
    """Add a random stretch of ``noise``, ``snr_db`` below the clip's active level.

    The active level is that of the louder half of 20 ms frames, so that pauses at a clip's
    ends do not make its noise louder.
    """
    start = int(rng.integers(len(noise)))
    stretch = np.take(noise, np.arange(start, start + len(waveform)), mode="wrap")
    level = _active_power(waveform) / max(float(np.mean(stretch**2)), 1e-12)
    return waveform + stretch * np.float32(np.sqrt(level * 10 ** (-snr_db / 10)))


def _active_power(waveform: FloatArray) -> float:
    frames = waveform[: len(waveform) // 320 * 320].reshape(-1, 320)
    power = np.sort(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(1)
    return float(power[len(power) // 2 :].mean())


def add_room(waveform: FloatArray, response: FloatArray) -> FloatArray:
    """Convolve with a room response of unit energy; length and alignment are kept."""
    unit = response / np.sqrt(np.sum(response**2))
    delay = int(np.argmax(np.abs(unit)))
    wet = scipy.signal.fftconvolve(waveform, unit)[delay : delay + len(waveform)]
    return wet.astype(np.float32)


@lru_cache(maxsize=1)
def _telephone_band() -> npt.NDArray[np.float64]:
    """Second-order sections of 300 to 3400 Hz."""
    band: npt.NDArray[np.float64] = scipy.signal.butter(
        4, [300, 3400], "bandpass", fs=8000, output="sos"
    )
    return band


def telephone(waveform: FloatArray) -> FloatArray:
    """Through a telephone: 8 kHz, 300 to 3400 Hz, G.711 mu-law."""
    narrow = resample(waveform[None], source_rate=RATE, target_rate=8000)[0]
    band = scipy.signal.sosfilt(_telephone_band(), narrow).astype(np.float32)
    coded = decode_mulaw(encode_mulaw(band))
    wide = resample(coded[None], source_rate=8000, target_rate=RATE)[0]
    return np.pad(wide, (0, max(0, len(waveform) - len(wide))))[: len(waveform)]


def change_speed(waveform: FloatArray, *, factor: float) -> FloatArray:
    """Play ``factor`` times as fast, pitch and formants going with it."""
    rate = round(RATE * factor)
    return resample(waveform[None], source_rate=rate, target_rate=RATE)[0]


def equalise(waveform: FloatArray, *, rng: np.random.Generator, most_db: float) -> FloatArray:
    """Colour the spectrum by a smooth random curve within ``most_db`` either way."""
    knots = rng.uniform(-most_db, most_db, 6)
    spectrum = np.fft.rfft(waveform)
    place = np.linspace(0, 5, len(spectrum)) ** 0.5 * 5**0.5
    gain = 10 ** (np.interp(place, np.arange(6), knots) / 20)
    return np.fft.irfft(spectrum * gain, len(waveform)).astype(np.float32)


def scale_to_peak(waveform: FloatArray, *, peak: float) -> FloatArray:
    """Scale so that the largest sample is ``peak``."""
    return waveform * np.float32(peak / max(float(np.abs(waveform).max()), 1e-9))
