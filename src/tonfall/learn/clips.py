"""Clips through the frozen front, once: what is trained on top of it needs no audio again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.features import SAMPLING_RATE
from tonfall.learn.augment import Acoustics, load_acoustics, read_clip
from tonfall.learn.copies import make_copy
from tonfall.learn.export import export_graph
from tonfall.learn.networks import Judge, Network, build_front, pool
from tonfall.learn.recipe import Encoder, Recipe
from tonfall.learn.whisper import SHA256
from tonfall.ort import Session, open_session
from tonfall.runtime import clip_pieces

__all__ = ["Degrade", "Pooled", "cache_folder", "front_graph", "pool_clips", "read_clip"]

Degrade = Callable[[FloatArray, str], FloatArray]
"""Takes a (samples,) waveform at 16 kHz and the item's name; gives it back the worse."""

Progress = Callable[[int, int], None]
"""Called with the clips done and all."""

_VERSION = "1"
"""Of the way from clip to statistics; raise it when that changes."""

_SHARE = 64
"""Clips that a worker takes at a time."""


@dataclass(frozen=True)
class Pooled:
    """Clips as the model sees them.

    Attributes:
        features: (clips, pooled) float32.
        seconds: (clips,) float32, of speech.
    """

    features: FloatArray
    seconds: FloatArray


@dataclass(frozen=True)
class _Work:
    """What a worker needs besides the clip; small enough to be sent along."""

    graph: Path
    encoder: Encoder
    front_end: FrontEnd
    copy: str
    acoustics: Path | None
    held_out: tuple[str, ...]
    seed: int
    degrade: Degrade | None


def cache_folder() -> Path:
    """Where statistics are kept: $TONFALL_CACHE, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonfall"
    return Path(os.environ.get("TONFALL_CACHE", default))


@lru_cache(maxsize=4)
def front_graph(encoder: Encoder, front_end: FrontEnd) -> bytes:
    """The frozen front as it will ship (with an untrained head), so that training sees it so."""
    untrained = Judge(pooled=encoder.pooled, labels=2, dimensions=3)
    network = Network(build_front(encoder, front_end), untrained).eval()
    frames = front_end.context_frames + front_end.piece_frames
    return export_graph(network, frames=frames, int8=encoder.int8)


def pool_clips(
    items: pd.DataFrame,
    *,
    recipe: Recipe,
    copy: str = "clip",
    degrade: Degrade | None = None,
    degrade_name: str = "",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Pooled:
    """Pooled features of every clip; what was done before is taken from the cache.

    Args:
        items: rows of a manifest, with ``file`` as a path that can be opened.
        recipe: says which front, and how copies are made.
        copy: "clip", or one of the recipe's copies.
        degrade: applied to the clip, to measure robustness.
        degrade_name: what the cache knows it by.
        workers: processes; as many as there are cores by default.
        progress: called as clips are done.

    Raises:
        AudioError: a clip cannot be read, or is silent.
    """
    folder = cache_folder() / "statistics" / _key(recipe, copy, degrade_name)
    known = _shelves(folder)
    missing = items[[name not in known for name in _names(items)]]
    if len(missing):
        folder.mkdir(parents=True, exist_ok=True)
        graph_file = folder / "front.onnx"
        graph_file.write_bytes(front_graph(recipe.encoder, recipe.front_end))
        work = _Work(
            graph=graph_file,
            encoder=recipe.encoder,
            front_end=recipe.front_end,
            copy=copy,
            acoustics=recipe.augmentation.acoustics,
            held_out=recipe.augmentation.held_out,
            seed=recipe.seed,
            degrade=degrade,
        )
        done = len(items) - len(missing)
        for names, rows in _encode_all(missing, work, workers or os.cpu_count() or 1):
            known.add(names, rows)
            done += len(names)
            if progress:
                progress(done, len(items))
    statistics = np.stack([known[name] for name in _names(items)])
    with torch.inference_mode():
        features = pool(torch.from_numpy(statistics[:, :-1])).numpy()
    return Pooled(features, statistics[:, -1])


class _Shelves:
    """Rows of statistics by name, in files that are only ever added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, FloatArray] = {}
        for file in sorted(folder.glob("*.npz")):
            with np.load(file, allow_pickle=False) as content:
                self._rows.update(zip(content["names"].tolist(), content["rows"], strict=True))

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __getitem__(self, name: str) -> FloatArray:
        return self._rows[name]

    def add(self, names: list[str], rows: FloatArray) -> None:
        """Keep rows; written whole or not at all, so that a killed run loses one share."""
        self._rows.update(zip(names, rows, strict=True))
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        partial = self._folder / f".{digest}.part"
        with partial.open("wb") as file:
            np.savez(file, names=np.asarray(names), rows=rows)
        partial.replace(self._folder / f"{digest}.npz")


@lru_cache(maxsize=8)
def _shelves(folder: Path) -> _Shelves:
    return _Shelves(folder)


def _names(items: pd.DataFrame) -> list[str]:
    """Corpus, item and content of each clip: a changed file is another clip."""
    contents = items["hash"].fillna("")
    return [f"{clip}/{content}" for clip, content in zip(_clips(items), contents, strict=True)]


def _clips(items: pd.DataFrame) -> list[str]:
    """Corpus and item of each clip; protocols over several corpora write both into ``item``."""
    return [
        f"{corpus}/{item.removeprefix(f'{corpus}/')}"
        for corpus, item in zip(items["corpus"], items["item"], strict=True)
    ]


def _key(recipe: Recipe, copy: str, degrade_name: str) -> str:
    """What the statistics of a clip depend on, besides the clip."""
    how = [
        _VERSION,
        SHA256,
        recipe.encoder.model_dump_json(),
        recipe.front_end.model_dump_json(),
        copy,
        degrade_name,
    ]
    if copy != "clip":
        how += [str(recipe.seed), *recipe.augmentation.held_out]
    return hashlib.sha256("|".join(how).encode()).hexdigest()[:24]


def _encode_all(
    items: pd.DataFrame, work: _Work, workers: int
) -> Iterator[tuple[list[str], FloatArray]]:
    shares = [items.iloc[first : first + _SHARE] for first in range(0, len(items), _SHARE)]
    if workers == 1 or len(shares) == 1:
        yield from map(_encode_share, shares, repeat(work))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool_of_workers:
        yield from pool_of_workers.map(_encode_share, shares, repeat(work))


def _encode_share(items: pd.DataFrame, work: _Work) -> tuple[list[str], FloatArray]:
    torch.set_num_threads(1)
    rows = [
        _encode(file, clip, work) for file, clip in zip(items["file"], _clips(items), strict=True)
    ]
    return _names(items), np.stack(rows)


def _encode(file: str, item: str, work: _Work) -> FloatArray:
    waveform = make_copy(
        read_clip(file),
        copy=work.copy,
        acoustics=_acoustics(work.acoustics, work.held_out) if work.copy != "clip" else None,
        item=item,
        seed=work.seed,
    )
    if work.degrade:
        waveform = work.degrade(waveform, item)
    frames, weights, seconds = clip_pieces(
        waveform, sampling_rate=SAMPLING_RATE, front_end=work.front_end
    )
    session = _session(work.graph)
    nothing = {
        "statistics": np.zeros((0, work.encoder.statistics), np.float32),
        "baseline": np.zeros((0, work.encoder.pooled), np.float32),
    }
    total = np.zeros(work.encoder.statistics, np.float32)
    for piece, weight in zip(frames, weights, strict=True):
        feeds = {"frames": piece[None], "weights": weight[None], **nothing}
        total += session.run(["encoded"], feeds)[0][0]
    return np.append(total, np.float32(seconds))


@lru_cache(maxsize=2)
def _session(graph: Path) -> Session:
    return open_session(
        graph,
        inputs=("frames", "weights", "statistics", "baseline"),
        outputs=("encoded", "pooled", "logits", "dimensions"),
    )


@lru_cache(maxsize=2)
def _acoustics(folder: Path | None, held_out: tuple[str, ...]) -> Acoustics:
    assert folder is not None
    return load_acoustics(folder).without(held_out)
