"""Frames of clips, kept between runs: what a network is trained on.

A clip's frames and weights come by the one path of `tonfall.runtime.clip_pieces`, so that training
hears what scoring hears. They are kept as float16: its steps of 0.008 in log-mel (0.08 dB) are far
below what any augmentation changes, and its rounding of samples lies 70 dB below them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.bundle import FrontEnd
from tonfall.corpora.clips import Clip, clips_of, named_errors
from tonfall.corpora.contents import (
    cache_folder,
    clip_hash,
    code_hash,
    joint_hash,
    library_versions,
)
from tonfall.features.log_mel import SAMPLING_RATE
from tonfall.learn.clips import Progress, copy_key, copy_sound, item_names
from tonfall.learn.encode import Sound
from tonfall.learn.recipe import Recipe
from tonfall.learn.shelves import shared_out
from tonfall.runtime import clip_pieces

__all__ = ["CODE", "Frames", "clip_frames"]

CODE = (
    "arrays.py",
    "audio",
    "corpora/clips.py",
    "features/log_mel.py",
    "learn/augment.py",
    "learn/copies.py",
    "learn/encode.py",
    "learn/frames.py",
    "ort",
    "runtime/clip.py",
    "runtime/front.py",
    "runtime/pieces.py",
    "vad",
)
"""All of this package that has a part in the frames."""

_LIBRARIES = ("numpy", "onnxruntime", "scipy", "soundfile", "soxr")

_WHOLE = 1000
"""Frames of pieces of ten seconds, which are put together again: the clip without long silences."""

Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Frames:
    """One clip.

    Attributes:
        values: (frames, width) float16, as the recipe's front end gives them.
        weights: (frames,) float16 in [0, 1], how surely each is speech.
    """

    values: Half
    weights: Half


def clip_frames(
    items: pd.DataFrame,
    *,
    recipe: Recipe,
    copy: str = "clip",
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Frames]:
    """Frames of every clip, in order; what was made before is taken from the cache.

    Args:
        items: rows of a manifest, with ``file`` as a path that can be opened.
        recipe: says which frames, and how copies are made.
        copy: "clip", or one of the recipe's copies.
        workers: processes; as many as there are cores by default.
        progress: called as clips are done.

    Raises:
        AudioError: a clip cannot be read, or is silent.
        ManifestError: a clip's file is not there.
    """
    clips = clips_of(items.assign(item=item_names(items)))
    names = [f"{clip.item}/{clip_hash(clip)}" for clip in clips]
    folder = cache_folder() / "frames" / _key(recipe, copy)
    folder.mkdir(parents=True, exist_ok=True)
    kept = dict(_read(folder, set(names)))
    missing = {name: clip for name, clip in zip(names, clips, strict=True) if name not in kept}
    front_end = FrontEnd(kind=recipe.front_end.kind, piece_frames=_WHOLE)
    make = partial(_frames, sound=copy_sound(recipe, copy), front_end=front_end)
    for share, made in shared_out(missing, make, workers=workers) if missing else ():
        _write(folder, share, made)
        kept.update(zip(share, made, strict=True))
        if progress:
            progress(len(kept), len(names))
    return [kept[name] for name in names]


def _key(recipe: Recipe, copy: str) -> str:
    how = [code_hash(*CODE), library_versions(*_LIBRARIES), recipe.front_end.kind, copy]
    return joint_hash([*how, *copy_key(recipe, copy)])[:24]


def _frames(clips: Sequence[Clip], sound: Sound, front_end: FrontEnd) -> list[Frames]:
    return [_of_clip(clip, sound, front_end) for clip in clips]


def _of_clip(clip: Clip, sound: Sound, front_end: FrontEnd) -> Frames:
    waveform = sound.of(clip)
    with named_errors(clip):
        pieces, weights, _ = clip_pieces(waveform, sampling_rate=SAMPLING_RATE, front_end=front_end)
    # Silence after the last speech is cut, but for the rest of its second, which scoring sees.
    last = int(np.flatnonzero(weights.ravel())[-1]) // 100 * 100 + 100
    values = pieces.reshape(-1, pieces.shape[-1])[:last]
    return Frames(values.astype(np.float16), weights.ravel()[:last].astype(np.float16))


def _write(folder: Path, names: Sequence[str], clips: Sequence[Frames]) -> None:
    """One file for a share of clips; whole or not at all."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    unfinished = folder / f".{digest}.{os.getpid()}.part"
    with unfinished.open("wb") as file:
        np.savez(
            file,
            names=np.asarray(names),
            lengths=np.array([len(clip.weights) for clip in clips]),
            values=np.concatenate([clip.values for clip in clips]),
            weights=np.concatenate([clip.weights for clip in clips]),
        )
    unfinished.replace(folder / f"{digest}.npz")


def _read(folder: Path, wanted: set[str]) -> Iterator[tuple[str, Frames]]:
    for file in sorted(folder.glob("*.npz")):
        with np.load(file, allow_pickle=False) as content:
            names = content["names"].tolist()
            if wanted.isdisjoint(names):
                continue
            cuts = np.cumsum(content["lengths"])[:-1]
            parts = (np.split(content[name], cuts) for name in ("values", "weights"))
            for name, values, weights in zip(names, *parts, strict=True):
                if name in wanted:
                    yield name, Frames(values.copy(), weights.copy())
