"""Ways in which a recording gets worse, to measure what a model keeps of its recall.

Written as the command line takes them: ``telephone``, ``noise:10``, ``room``, ``loss:5``,
``mp3:32``, ``level:-30``, ``crop:0.6``, or several joined by ``+``, applied in order.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.corpora.contents import code_hash, joint_hash, library_versions
from tonfall.errors import ConfigError
from tonfall.learn.augment import (
    Acoustics,
    add_noise,
    add_room,
    load_acoustics,
    sounds_hash,
    telephone,
)

__all__ = ["DEGRADATIONS", "Degradation", "parse_degradation"]

_RATE = 16_000
_CODE = ("arrays.py", "audio", "learn/augment.py", "learn/degrade.py")
"""The code that decides what comes out."""

_PACKET = 320
"""Samples (20 ms) that are lost together."""


@dataclass(frozen=True)
class Degradation:
    """A chain of degradations; call it with a (samples,) waveform at 16 kHz and the item's name.

    The same item always meets the same noise, room and losses.

    Attributes:
        steps: name and amount (NaN where the step has none), in order.
        acoustics: folder of noises and room responses.
        noises: names of the noises used; all where empty.
    """

    steps: tuple[tuple[str, float], ...]
    acoustics: Path | None = None
    noises: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return "+".join(
            step if np.isnan(amount) else f"{step}:{amount:g}" for step, amount in self.steps
        )

    @property
    def key(self) -> str:
        """What caches know it by: another wherever another sound might come out of it.

        Raises:
            ConfigError: it needs noises or rooms, and their folder is unknown or has none.
        """
        used = [self.name, code_hash(*_CODE), library_versions("numpy", "scipy", "soundfile")]
        if any(step in ("noise", "room") for step, _ in self.steps):
            used += [sounds_hash(self._folder()), *self.noises]
        return f"{self.name.replace(':', '-')}-{joint_hash(used)[:12]}"

    def __call__(self, waveform: FloatArray, item: str) -> FloatArray:
        """The waveform, degraded; of the same length but for a crop."""
        rng = np.random.default_rng(zlib.crc32(f"{self.name}/{item}".encode()))
        for step, amount in self.steps:
            waveform = _STEPS[step].apply(waveform, amount, self, rng)
        return waveform

    def sounds(self) -> Acoustics:
        """The noises and rooms to draw from.

        Raises:
            ConfigError: no folder of them is known.
        """
        return _load(self._folder())

    def _folder(self) -> Path:
        if self.acoustics is None:
            raise ConfigError(
                f"The degradation {self.name} needs noises or rooms; name their folder with "
                "--acoustics."
            )
        return self.acoustics


@lru_cache(maxsize=2)
def _load(folder: Path) -> Acoustics:
    return load_acoustics(folder)


def _noise(
    waveform: FloatArray, amount: float, chain: Degradation, rng: np.random.Generator
) -> FloatArray:
    noises = chain.sounds().noises
    names = sorted(chain.noises or noises)
    noise = noises[names[int(rng.integers(len(names)))]]
    return add_noise(waveform, noise, snr_db=amount, rng=rng)


def _room(
    waveform: FloatArray, _amount: float, chain: Degradation, rng: np.random.Generator
) -> FloatArray:
    rooms = chain.sounds().rooms
    return add_room(waveform, rooms[sorted(rooms)[int(rng.integers(len(rooms)))]])


def _telephone(
    waveform: FloatArray, _amount: float, _chain: Degradation, _rng: np.random.Generator
) -> FloatArray:
    return telephone(waveform)


def _loss(
    waveform: FloatArray, amount: float, _chain: Degradation, rng: np.random.Generator
) -> FloatArray:
    packets = -(-len(waveform) // _PACKET)
    kept = np.repeat(rng.random(packets) >= amount / 100, _PACKET)[: len(waveform)]
    return waveform * kept


def _mp3(
    waveform: FloatArray, amount: float, _chain: Degradation, _rng: np.random.Generator
) -> FloatArray:
    import soundfile

    # libsndfile takes a quality from 0 (best) to 1; at 16 kHz that is 160 down to 8 kbit/s.
    quality = float(np.clip((160 - amount) / 152, 0, 1))
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.clip(waveform, -1, 1),
        _RATE,
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=quality,
    )
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    return np.pad(decoded, (0, max(0, len(waveform) - len(decoded))))[: len(waveform)]


def _level(
    waveform: FloatArray, amount: float, _chain: Degradation, _rng: np.random.Generator
) -> FloatArray:
    scaled = waveform * np.float32(10 ** (amount / 20))
    return (np.round(scaled * 32768) / 32768).astype(np.float32)


def _crop(
    waveform: FloatArray, amount: float, _chain: Degradation, _rng: np.random.Generator
) -> FloatArray:
    """The stretch with the most energy, as long as a word; all where the clip is no longer."""
    length = round(amount * _RATE)
    if len(waveform) <= length:
        return waveform
    heaped = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    first = int(np.argmax(heaped[length:] - heaped[:-length]))
    return waveform[first : first + length]


@dataclass(frozen=True)
class _Step:
    """How a step works, what its amount means, and the lowest and highest that make sense."""

    apply: Callable[[FloatArray, float, Degradation, np.random.Generator], FloatArray]
    title: str
    amount: str | None = None
    lowest: float = 0.0
    highest: float = 0.0


_STEPS: Mapping[str, _Step] = MappingProxyType(
    {
        "telephone": _Step(_telephone, "8 kHz, 300 to 3400 Hz, G.711 mu-law"),
        "noise": _Step(_noise, "background noise", "signal-to-noise ratio in dB", -30, 60),
        "room": _Step(_room, "a room"),
        "loss": _Step(_loss, "lost packets of 20 ms", "per cent", 0, 99),
        "mp3": _Step(_mp3, "MP3", "kbit/s", 8, 160),
        "level": _Step(_level, "another level, rounded to 16 bits", "dB", -90, 30),
        "crop": _Step(_crop, "cut to a word: the loudest stretch", "seconds", 0.1, 60),
    }
)

DEGRADATIONS: Mapping[str, str] = MappingProxyType(
    {f"{name}:{step.amount}" if step.amount else name: step.title for name, step in _STEPS.items()}
)
"""Every step, as it is written, and what it is."""


def parse_degradation(
    text: str, *, acoustics: Path | None = None, noises: tuple[str, ...] = ()
) -> Degradation:
    """Read a chain such as ``noise:20+telephone``.

    Raises:
        ConfigError: an unknown step, or an amount that is missing, surplus, no number or out of
            range.

    >>> parse_degradation("noise:20+telephone").name
    'noise:20+telephone'
    """
    steps = tuple(_parse_step(part) for part in text.split("+"))
    return Degradation(steps, acoustics, noises)


def _parse_step(text: str) -> tuple[str, float]:
    name, _, amount = text.strip().partition(":")
    step = _STEPS.get(name)
    if step is None or bool(amount) != bool(step.amount):
        raise ConfigError(
            f"{text!r} is not a degradation; choose from {', '.join(DEGRADATIONS)}, joined by +."
        )
    return name, _amount(text, amount, step) if amount else float("nan")


def _amount(text: str, amount: str, step: _Step) -> float:
    try:
        value = float(amount)
    except ValueError:
        raise ConfigError(
            f"The amount of {text!r} is not a number; it means {step.amount}."
        ) from None
    if not step.lowest <= value <= step.highest:
        raise ConfigError(
            f"The amount of {text!r} is out of range; {step.amount} from {step.lowest:g} to "
            f"{step.highest:g} are taken."
        )
    return value
