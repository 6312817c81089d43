"""What is done with one clip: read, copied, degraded, cut into pieces, encoded and added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.corpora.clips import Clip, named_errors, read_clip
from tonfall.features.log_mel import SAMPLING_RATE
from tonfall.learn.augment import Acoustics, load_acoustics
from tonfall.learn.copies import make_copy
from tonfall.learn.export import export_graph
from tonfall.learn.networks import Judge, Network, build_front
from tonfall.learn.recipe import Encoder
from tonfall.ort import Session, open_session
from tonfall.runtime.clip import clip_pieces

__all__ = ["CODE", "LIBRARIES", "Degrade", "Work", "encode_clips", "front_graph"]

CODE = (
    "arrays.py",
    "audio",
    "corpora/clips.py",
    "features/log_mel.py",
    "learn/augment.py",
    "learn/copies.py",
    "learn/encode.py",
    "learn/export.py",
    "learn/networks.py",
    "learn/whisper.py",
    "ort",
    "runtime/clip.py",
    "runtime/pieces.py",
    "vad",
)
"""All of this package that has a part in the result; a test compares it with the imports."""

LIBRARIES = ("numpy", "onnx", "onnxruntime", "scipy", "soundfile", "soxr", "torch")
"""And of other packages."""


class Degrade(Protocol):
    """What a tested clip goes through, such as a `tonfall.learn.degrade.Degradation`."""

    @property
    def key(self) -> str:
        """What caches know it by: another wherever another sound might come out of it."""
        ...

    def __call__(self, waveform: FloatArray, item: str) -> FloatArray:
        """The (samples,) waveform at 16 kHz, the worse; the same each time for an item's name."""
        ...


@dataclass(frozen=True)
class Work:
    """What is done with every clip; small enough to be sent to a worker.

    Attributes:
        graph: file of the front.
        encoder: the front as the recipe names it.
        front_end: how clips are cut.
        copy: a name of `tonfall.learn.copies.COPIES`.
        acoustics: folder of noises and rooms for copies.
        held_out: those of them that copies do not use.
        seed: of the copies.
        degrade: applied last, to measure robustness.
    """

    graph: Path
    encoder: Encoder
    front_end: FrontEnd
    copy: str
    acoustics: Path | None
    held_out: tuple[str, ...]
    seed: int
    degrade: Degrade | None


@lru_cache(maxsize=4)
def front_graph(encoder: Encoder, front_end: FrontEnd) -> bytes:
    """The frozen front as it will ship (with an untrained head), so that training sees it so."""
    untrained = Judge(pooled=encoder.pooled, labels=2, dimensions=3)
    network = Network(build_front(encoder, front_end), untrained).eval()
    frames = front_end.context_frames + front_end.piece_frames
    return export_graph(network, frames=frames, int8=encoder.int8)


def encode_clips(clips: Sequence[Clip], work: Work) -> FloatArray:
    """(clips, statistics + 1): statistics over each clip, and its seconds of speech.

    Raises:
        AudioError: a clip cannot be read, or is silent; the message names it.
    """
    torch.set_num_threads(1)
    return np.stack([_encode(clip, work) for clip in clips])


def _encode(clip: Clip, work: Work) -> FloatArray:
    with named_errors(clip):
        frames, weights, seconds = clip_pieces(
            _sound(clip, work), sampling_rate=SAMPLING_RATE, front_end=work.front_end
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


def _sound(clip: Clip, work: Work) -> FloatArray:
    waveform = make_copy(
        read_clip(clip),
        copy=work.copy,
        acoustics=_acoustics(work.acoustics, work.held_out) if work.copy != "clip" else None,
        item=clip.item,
        seed=work.seed,
    )
    return work.degrade(waveform, clip.item) if work.degrade else waveform


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
