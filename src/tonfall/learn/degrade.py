"""Ways in which a recording may have come: to measure what a model keeps, or to train on.

Written as the command line and recipes take them: ``telephone``, ``noise:10``, ``room``,
``loss:5``, ``opus:16``, ``pitch:-2``, or several joined by ``+``, applied in order. An amount may
be a range, as in ``noise:5..20``, from which each item draws.
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
from tonfall.learn import changes
from tonfall.learn.augment import (
    Acoustics,
    add_noise,
    add_room,
    change_speed,
    load_acoustics,
    sounds_hash,
    telephone,
)

__all__ = ["DEGRADATIONS", "Degradation", "parse_degradation"]

_RATE = 16_000
_CODE = ("arrays.py", "audio", "learn/augment.py", "learn/changes.py", "learn/degrade.py")
"""The code that decides what comes out."""

_PACKET = 320
"""Samples (20 ms) that are lost together."""


Amount = float | tuple[float, float] | None
"""A number, the least and most of a range that is drawn from, or nothing."""


@dataclass(frozen=True)
class Degradation:
    """A chain of degradations; call it with a (samples,) waveform at 16 kHz and the item's name.

    The same item always meets the same noise, room and losses.

    Attributes:
        steps: name and amount, in order: a number, least and most of what is drawn, or None where
            the step has none.
        acoustics: folder of noises and room responses.
        noises: names of the noises used; all where empty.
        held_out: names of noises and rooms that are not.
        seed: of what is drawn, with the item's name; None draws by the name alone.
    """

    steps: tuple[tuple[str, Amount], ...]
    acoustics: Path | None = None
    noises: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    seed: int | None = None

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return "+".join(_written(step, amount) for step, amount in self.steps)

    @property
    def key(self) -> str:
        """What caches know it by: another wherever another sound might come out of it.

        Raises:
            ConfigError: it needs noises or rooms, and their folder is unknown or has none.
        """
        used = [self.name, code_hash(*_CODE), library_versions("numpy", "scipy", "soundfile")]
        if any(step in ("noise", "room") for step, _ in self.steps):
            used += [sounds_hash(self._folder(), without=self.held_out), *self.noises]
        used += [] if self.seed is None else [f"seed {self.seed}"]
        return f"{self.name.replace(':', '-')}-{joint_hash(used)[:12]}"

    def __call__(self, waveform: FloatArray, item: str) -> FloatArray:
        """The waveform, changed; of the same length but where a step says otherwise.

        Raises:
            ConfigError: a step needs noises or rooms, or a library, that is not there.
        """
        rng = self._rng(item)
        for (step, _), amount in zip(self.steps, self._amounts(rng), strict=True):
            waveform = _STEPS[step].apply(waveform, amount, self, rng)
        return waveform

    def drawn(self, item: str) -> str:
        """The chain with the amounts that an item meets."""
        amounts = self._amounts(self._rng(item))
        pairs = zip(self.steps, amounts, strict=True)
        return "+".join(
            _written(step, None if np.isnan(amount) else round(amount, 3))
            for (step, _), amount in pairs
        )

    def _rng(self, item: str) -> np.random.Generator:
        name = zlib.crc32(f"{self.name}/{item}".encode())
        return np.random.default_rng(name if self.seed is None else [self.seed, name])

    def _amounts(self, rng: np.random.Generator) -> list[float]:
        """The amount of each step, NaN where it has none."""
        return [
            float(rng.uniform(*amount))
            if isinstance(amount, tuple)
            else float("nan")
            if amount is None
            else amount
            for _, amount in self.steps
        ]

    def sounds(self) -> Acoustics:
        """The noises and rooms to draw from.

        Raises:
            ConfigError: no folder of them is known.
        """
        return _load(self._folder()).without(self.held_out)

    def _folder(self) -> Path:
        if self.acoustics is None:
            raise ConfigError(
                f"The degradation {self.name} needs noises or rooms; name their folder with "
                "--acoustics."
            )
        return self.acoustics


def _written(step: str, amount: Amount) -> str:
    if amount is None:
        return step
    if isinstance(amount, tuple):
        return f"{step}:{amount[0]:g}..{amount[1]:g}"
    return f"{step}:{amount:g}"


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


Apply = Callable[[FloatArray, float, Degradation, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class _Step:
    """How a step works, what its amount means, and the lowest and highest that make sense."""

    apply: Apply
    title: str
    amount: str | None = None
    lowest: float = 0.0
    highest: float = 0.0


def _plain(change: Callable[[FloatArray], FloatArray]) -> Apply:
    """A step that draws nothing and has no amount."""
    return lambda waveform, _amount, _chain, _rng: change(waveform)


def _by(change: Callable[..., FloatArray], name: str) -> Apply:
    """A step that draws nothing, of an argument of that name."""
    return lambda waveform, amount, _chain, _rng: change(waveform, **{name: amount})


def _white(
    waveform: FloatArray, amount: float, _chain: Degradation, rng: np.random.Generator
) -> FloatArray:
    return changes.add_white_noise(waveform, snr_db=amount, rng=rng)


_RATIO = "signal-to-noise ratio in dB"

_STEPS: Mapping[str, _Step] = MappingProxyType(
    {
        "telephone": _Step(_plain(telephone), "8 kHz, 300 to 3400 Hz, G.711 mu-law"),
        "gsm": _Step(_plain(changes.gsm), "8 kHz, GSM full rate"),
        "opus": _Step(_by(changes.opus, "kbps"), "the codec Opus", "kbit/s", 6, 256),
        "mp3": _Step(_mp3, "MP3", "kbit/s", 8, 160),
        "loss": _Step(_loss, "lost packets of 20 ms", "per cent", 0, 99),
        "noise": _Step(_noise, "background noise", _RATIO, -30, 60),
        "white": _Step(_white, "Gaussian noise", _RATIO, -30, 90),
        "room": _Step(_room, "a room"),
        "level": _Step(_level, "another level, rounded to 16 bits", "dB", -90, 30),
        "rms": _Step(_by(changes.scale_to_level, "level_db"), "brought to a level", "dB", -60, 0),
        "speed": _Step(
            _by(change_speed, "factor"), "faster or slower, pitch going with it", "times", 0.5, 2
        ),
        "stretch": _Step(
            _by(changes.stretch_time, "factor"), "faster or slower, at its pitch", "times", 0.5, 2
        ),
        "pitch": _Step(
            _by(changes.shift_pitch, "semitones"), "higher or lower", "semitones", -12, 12
        ),
        "delay": _Step(_by(changes.delay, "seconds"), "silence before it", "seconds", 0, 10),
        "trim": _Step(
            _by(changes.trim_silence, "range_db"),
            "without its ends below the loudest 10 ms by",
            "dB",
            10,
            90,
        ),
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
    """Read a chain such as ``noise:20+telephone`` or ``pitch:-2..2+opus:16``.

    Raises:
        ConfigError: an unknown step, or an amount that is missing, surplus, no number or out of
            range.

    >>> parse_degradation("noise:20+telephone").name
    'noise:20+telephone'
    """
    steps = tuple(_parse_step(part) for part in text.split("+"))
    return Degradation(steps, acoustics, noises)


def _parse_step(text: str) -> tuple[str, Amount]:
    name, _, amount = text.strip().partition(":")
    step = _STEPS.get(name)
    if step is None or bool(amount) != bool(step.amount):
        raise ConfigError(
            f"{text!r} is not a degradation; choose from {', '.join(DEGRADATIONS)}, joined by +."
        )
    if not amount:
        return name, None
    least, dots, most = amount.partition("..")
    low = _amount(text, least, step)
    if not dots:
        return name, low
    high = _amount(text, most, step)
    if low > high:
        raise ConfigError(f"{text!r} goes from {low:g} to {high:g}; give the least first.")
    return name, (low, high)


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
