"""Clips through the frozen front, once: what is trained on top of it needs no audio again.

What was computed is kept under a key of everything that decides it: the content of the clip's
file, the front, the settings, the noises, and the code and libraries that work on it. So nothing
that is out of date is ever found, and no version has to be raised by hand.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from tonfall.arrays import FloatArray
from tonfall.corpora.clips import clips_of
from tonfall.corpora.contents import cache_folder, code_hash, joint_hash, library_versions
from tonfall.learn.augment import sounds_hash
from tonfall.learn.copies import COPIES
from tonfall.learn.degrade import Degradation, parse_degradation
from tonfall.learn.encode import (
    CODE,
    LIBRARIES,
    PRETRAINED,
    Degrade,
    Sound,
    Work,
    encode_clips,
    front_graph,
)
from tonfall.learn.encoders import Encoder, TrainedEncoder, TransformersEncoder
from tonfall.learn.networks import pool
from tonfall.learn.recipe import Recipe
from tonfall.learn.shelves import Progress, kept_rows
from tonfall.learn.whisper import SHA256

__all__ = ["Pooled", "Progress", "copy_key", "copy_sound", "item_names", "pool_clips"]


@dataclass(frozen=True)
class Pooled:
    """Clips as the model sees them.

    Attributes:
        features: (clips, pooled) float32.
        seconds: (clips,) float32, of speech.
    """

    features: FloatArray
    seconds: FloatArray


def pool_clips(
    items: pd.DataFrame,
    *,
    recipe: Recipe,
    copy: str = "clip",
    degrade: Degrade | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Pooled:
    """Pooled features of every clip; what was done before is taken from the cache.

    Args:
        items: rows of a manifest, with ``file`` as a path that can be opened.
        recipe: says which front, and how copies are made.
        copy: "clip", or one of the recipe's copies.
        degrade: applied to the clip, to measure robustness.
        workers: processes; as many as there are cores by default.
        progress: called as clips are done.

    Raises:
        AudioError: a clip cannot be read, or is silent.
        ManifestError: a clip's file is not there.
    """
    clips = clips_of(items.assign(item=item_names(items)))
    folder = cache_folder() / "statistics" / _key(recipe, copy, degrade)
    statistics = kept_rows(
        folder,
        clips,
        lambda: partial(encode_clips, work=_work(recipe, folder, copy, degrade)),
        workers=workers,
        progress=progress,
    )
    with torch.inference_mode():
        features = pool(torch.from_numpy(statistics[:, :-1])).numpy()
    return Pooled(features, statistics[:, -1])


def item_names(items: pd.DataFrame) -> list[str]:
    """Corpus and item of each clip; protocols over several corpora write both into ``item``."""
    return [
        f"{corpus}/{item.removeprefix(f'{corpus}/')}"
        for corpus, item in zip(items["corpus"], items["item"], strict=True)
    ]


def _key(recipe: Recipe, copy: str, degrade: Degrade | None) -> str:
    """Everything that the statistics of a clip depend on, besides the clip."""
    how = [
        code_hash(*CODE),
        library_versions(*LIBRARIES),
        *_front(recipe.encoder),
        recipe.front_end.model_dump_json(),
        copy,
        degrade.key if degrade else "",
        *copy_key(recipe, copy),
    ]
    return joint_hash(how)[:24]


def _front(encoder: Encoder) -> tuple[str, ...]:
    """The hash of an encoder's weights, and its settings."""
    if isinstance(encoder, TrainedEncoder):
        known = encoder.sha256, encoder.network.model_dump_json()
        if isinstance(encoder.network, TransformersEncoder):
            return *known, code_hash(*PRETRAINED), library_versions("transformers")
        return known
    return SHA256, encoder.model_dump_json()


def copy_key(recipe: Recipe, copy: str) -> list[str]:
    """What a copy depends on, besides its name; nothing for the clip as it is."""
    if copy == "clip":
        return []
    acoustics, held_out = recipe.augmentation.acoustics, recipe.augmentation.held_out
    if copy not in COPIES:
        return [_chain(recipe, copy).key]
    assert acoustics is not None
    return [str(recipe.seed), sounds_hash(acoustics, without=held_out)]


def _work(recipe: Recipe, folder: Path, copy: str, degrade: Degrade | None) -> Work:
    """What workers are told; the front is written into the folder, where they open it."""
    graph = folder / "front.onnx"
    unfinished = folder / f".front.{os.getpid()}.part"
    unfinished.write_bytes(front_graph(recipe.encoder, recipe.front_end))
    unfinished.replace(graph)
    return Work(
        graph=graph,
        encoder=recipe.encoder,
        front_end=recipe.front_end,
        sound=copy_sound(recipe, copy, degrade),
    )


def copy_sound(recipe: Recipe, copy: str, degrade: Degrade | None = None) -> Sound:
    """How clips are heard by way of a copy."""
    if copy not in COPIES:  # what is tested is no copy, so there is nothing else it goes through
        copy, degrade = "clip", _chain(recipe, copy)
    return Sound(
        copy=copy,
        acoustics=recipe.augmentation.acoustics,
        held_out=recipe.augmentation.held_out,
        seed=recipe.seed,
        degrade=degrade,
    )


def _chain(recipe: Recipe, copy: str) -> Degradation:
    """The steps that a recipe writes out for a copy."""
    how = recipe.augmentation
    steps = parse_degradation(copy, acoustics=how.acoustics)
    return replace(steps, held_out=how.held_out, seed=recipe.seed)
