"""What training makes of a clip, change by change and draw by draw, with what was drawn."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.corpora.clips import Clip, named_errors, read_clip
from tonfall.features.log_mel import SAMPLING_RATE
from tonfall.learn.augment import Acoustics, load_acoustics
from tonfall.learn.clips import copy_sound
from tonfall.learn.copies import COPIES
from tonfall.learn.degrade import Degradation
from tonfall.learn.encoders import is_trained
from tonfall.learn.frame_augment import augment, mask
from tonfall.learn.recipe import Recipe
from tonfall.learn.sample_augment import augment_samples, hide_frames
from tonfall.learn.training import FrameAugmentation
from tonfall.runtime import clip_pieces

__all__ = ["CopyDraws", "Example", "copy_draws", "examples", "unheard"]

_WHOLE = 1000
"""Frames of pieces of ten seconds, which are put together again."""

_NOTHING: dict[str, object] = {
    "crop_s": (1e6, 1e6),
    "shift": False,
    "speed": 0.0,
    "vocal_tract": 0.0,
    "equaliser_db": 0.0,
    "gain_db": 0.0,
    "band_masks": (0, 0),
    "frame_masks": (0, 0),
    "mixup": 0.0,
}
"""Changes of frames, each switched off."""

_OF_BANDS = ("vocal_tract", "band_masks")
"""Those that a waveform has not."""


@dataclass(frozen=True, eq=False)
class Example:
    """A clip, changed.

    Attributes:
        change: as the recipe names it; "clip" for the clip as it is.
        draw: from 1.
        drawn: what was drawn, in words.
        samples: (samples,) at 16 kHz; None for frames that cannot be heard.
        frames: (frames, 80) log-mel; None for samples.
    """

    change: str
    draw: int
    drawn: str
    samples: FloatArray | None = None
    frames: FloatArray | None = None

    @property
    def name(self) -> str:
        """Of its file, without the extension."""
        return f"{self.change}-{self.draw}" if self.draw else self.change


def examples(clip: Clip, recipe: Recipe, *, draws: int) -> Iterator[Example]:
    """The clip, its copies, and the changes of its frames where these are learnt.

    Args:
        clip: its item's name seeds what is drawn, with the recipe's seed; every further draw takes
            the next seed.
        recipe: how.
        draws: of each change.

    Raises:
        AudioError: the clip cannot be read, or is silent.
        ConfigError: noises or rooms, or a library, are not there.
    """
    yield Example("clip", 0, "", samples=read_clip(clip))
    for number, copy in enumerate(recipe.augmentation.copies, start=1):
        title = copy if copy in COPIES else f"copy{number}"
        for draw in range(draws):
            drawn = recipe.model_copy(update={"seed": recipe.seed + draw})
            sound = copy_sound(drawn, copy)
            yield Example(title, draw + 1, _said(sound.degrade, drawn, copy, clip), sound.of(clip))
    if is_trained(recipe.encoder):
        yield from _of_frames(clip, recipe, draws)


def unheard(recipe: Recipe) -> list[str]:
    """A sentence on each change that there is no example of, and why."""
    if not is_trained(recipe.encoder):
        return ["training.frames changes nothing here: the encoder is frozen, not trained."]
    how = recipe.training.frames
    said = ["mixup mixes what is pooled of two clips, which cannot be shown."] if how.mixup else []
    if recipe.front_end.kind == "waveform":
        said.append(f"{' and '.join(_OF_BANDS)} are of bands, which a waveform has not.")
    return said


@dataclass(frozen=True, eq=False)
class CopyDraws:
    """What `tonfall.learn.copies.make_copy` draws for a clip.

    Attributes:
        speed: factor, None where it stays.
        room: name of the response, None without.
        knots_db: (6,) of the equaliser.
        peak: largest sample before the noise.
        noise: name of it; it begins at sample ``noise_start``.
        snr_db: its distance.
    """

    speed: float | None
    room: str | None
    knots_db: FloatArray
    peak: float
    noise: str
    snr_db: float
    noise_start: int

    def in_words(self) -> str:
        """One line."""
        speed = "" if self.speed is None else f"speed {self.speed:.3f}, "
        room = "" if self.room is None else f"{self.room}, "
        curve = " ".join(f"{knot:+.1f}" for knot in self.knots_db)
        return (
            f"{speed}{room}equaliser {curve} dB, peak {self.peak:.2f}, "
            f"{self.noise} at {self.snr_db:.1f} dB"
        )


def copy_draws(copy: str, acoustics: Acoustics, *, item: str, seed: int) -> CopyDraws:
    """The draws of the copies "telephone" and "room".

    They are drawn here once more, in the order of `make_copy`, because its code decides what caches
    are good for and so is left as it is; a test holds the two together.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{copy}/{item}".encode())])
    speed = float(rng.uniform(0.9, 1.12)) if rng.random() < 0.5 else None
    has_room = copy == "room" or rng.random() < 0.3
    room = _name(acoustics.rooms, rng) if has_room else None
    knots = rng.uniform(-8, 8, 6).astype(np.float32)
    peak = float(rng.uniform(0.1, 0.9))
    noise = _name(acoustics.noises, rng)
    snr_db = float(rng.uniform(8, 35))
    start = int(rng.integers(len(acoustics.noises[noise])))
    return CopyDraws(speed, room, knots, peak, noise, snr_db, start)


def _name(sounds: dict[str, FloatArray], rng: np.random.Generator) -> str:
    names = sorted(sounds)
    return names[int(rng.integers(len(names)))]


def _said(chain: object, recipe: Recipe, copy: str, clip: Clip) -> str:
    if isinstance(chain, Degradation):
        return chain.drawn(clip.item)
    how = recipe.augmentation
    assert how.acoustics is not None
    sounds = load_acoustics(how.acoustics).without(how.held_out)
    return copy_draws(copy, sounds, item=clip.item, seed=recipe.seed).in_words()


class _Recorded(np.random.Generator):
    """Keeps what was drawn."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))
        self.drawn: list[float] = []

    def uniform(self, low=0.0, high=1.0, size=None):  # type: ignore[no-untyped-def]
        """As ever."""
        found = super().uniform(low, high, size)
        # What a range of nothing gives decides nothing.
        self.drawn += np.atleast_1d(found).tolist() if low != high else []
        return found

    def integers(self, *args, **how):  # type: ignore[no-untyped-def]
        """As ever."""
        found = super().integers(*args, **how)
        self.drawn += np.atleast_1d(found).tolist()
        return found


def _in_words(name: str, drawn: list[float]) -> str:
    """What was drawn for a change of frames, in its units."""
    if name.endswith("masks"):
        pairs = zip(drawn[::2], drawn[1::2], strict=True)
        unit = name.removesuffix("_masks")
        return ", ".join(f"{width:.0f} {unit}s from {first:.0f}" for width, first in pairs)
    numbers = " ".join(f"{value:.3g}" for value in drawn[: 1 if name == "crop_s" else None])
    units = {"crop_s": "s at most", "shift": "frames late", "equaliser_db": "dB", "gain_db": "dB"}
    return f"{numbers} {units.get(name, 'times')}"


def _of_frames(clip: Clip, recipe: Recipe, draws: int) -> Iterator[Example]:
    """Each change of frames alone."""
    front_end = FrontEnd(kind=recipe.front_end.kind, piece_frames=_WHOLE)
    with named_errors(clip):
        pieces, counted, _ = clip_pieces(
            read_clip(clip), sampling_rate=SAMPLING_RATE, front_end=front_end
        )
    last = int(np.flatnonzero(counted.ravel())[-1]) + 1
    frames = pieces.reshape(-1, pieces.shape[-1])[:last]
    weights = counted.ravel()[:last]
    samples = recipe.front_end.kind == "waveform"
    yield _example("frames", 0, "", frames, samples=samples)
    for name in _NOTHING:
        alone = _alone(recipe.training.frames, name)
        if alone is None or name == "mixup" or (samples and name in _OF_BANDS):
            continue
        for draw in range(draws):
            rng = _Recorded(recipe.seed + draw)
            changed = _changed(frames.copy(), weights, alone, rng, samples=samples)
            title = f"frames-{name}"
            said = _in_words(name, rng.drawn)
            yield _example(title, draw + 1, said, changed, samples=samples)


def _alone(how: FrameAugmentation, name: str) -> FrameAugmentation | None:
    """A recipe's change with all others switched off; None where it is off itself."""
    value = getattr(how, name)
    return None if value == _NOTHING[name] else how.model_copy(update={**_NOTHING, name: value})


def _changed(
    frames: FloatArray,
    weights: FloatArray,
    how: FrameAugmentation,
    rng: np.random.Generator,
    *,
    samples: bool,
) -> FloatArray:
    change, hide = (augment_samples, hide_frames) if samples else (augment, mask)
    made, _ = change(frames, weights, how, rng)
    return hide(made[None], how, rng)[0]


def _example(change: str, draw: int, drawn: str, frames: FloatArray, *, samples: bool) -> Example:
    if samples:
        return Example(change, draw, drawn, samples=frames.ravel())
    return Example(change, draw, drawn, frames=frames)
