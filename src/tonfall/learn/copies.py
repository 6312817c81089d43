"""The ways a training clip may have come: as it is, through a telephone, across a room."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.learn.augment import (
    Acoustics,
    add_noise,
    add_room,
    change_speed,
    equalise,
    scale_to_peak,
    telephone,
)

__all__ = ["COPIES", "make_copy"]

COPIES: Mapping[str, str] = MappingProxyType(
    {
        "clip": "as it is",
        "telephone": "speed, equaliser, noise, sometimes a room, then 300-3400 Hz and G.711",
        "room": "speed, room, equaliser, noise",
    }
)
"""Every copy that a recipe may ask for."""


def make_copy(
    waveform: FloatArray, *, copy: str, acoustics: Acoustics | None, item: str, seed: int
) -> FloatArray:
    """A clip as it would have come another way, the same for the same item and seed.

    Args:
        waveform: (samples,) float32 at 16 kHz.
        copy: a name of :data:`COPIES`.
        acoustics: noises and rooms; only "clip" does without.
        item: name of the clip, which seeds the draw.
        seed: of the recipe.

    Returns:
        (samples,) float32; longer or shorter where the speed was changed.
    """
    if copy == "clip":
        return waveform
    assert acoustics is not None
    rng = np.random.default_rng([seed, zlib.crc32(f"{copy}/{item}".encode())])
    if rng.random() < 0.5:
        waveform = change_speed(waveform, factor=float(rng.uniform(0.9, 1.12)))
    if copy == "room" or rng.random() < 0.3:
        waveform = add_room(waveform, _draw(acoustics.rooms, rng))
    waveform = equalise(waveform, rng=rng, most_db=8)
    waveform = scale_to_peak(waveform, peak=float(rng.uniform(0.1, 0.9)))
    noise = _draw(acoustics.noises, rng)
    waveform = add_noise(waveform, noise, snr_db=float(rng.uniform(8, 35)), rng=rng)
    return telephone(waveform) if copy == "telephone" else waveform


def _draw(sounds: dict[str, FloatArray], rng: np.random.Generator) -> FloatArray:
    names = sorted(sounds)
    return sounds[names[int(rng.integers(len(names)))]]
