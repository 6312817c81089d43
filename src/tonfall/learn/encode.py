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
from tonfall.learn.encoders import Encoder
from tonfall.learn.export import export_graph
from tonfall.learn.networks import Judge, Network, build_front
from tonfall.ort import Session, open_session
from tonfall.runtime.clip import clip_pieces

__all__ = [
    "CODE",
    "LIBRARIES",
    "PRETRAINED",
    "Degrade",
    "Sound",
    "Work",
    "encode_clips",
    "front_graph",
]

CODE = (
    "arrays.py",
    "audio",
    "corpora/clips.py",
    "features/log_mel.py",
    "learn/augment.py",
    "learn/copies.py",
    "learn/encode.py",
    "learn/encoders.py",
    "learn/export.py",
    "learn/half_precision.py",
    "learn/nets",
    "learn/networks.py",
    "learn/schema.py",
    "learn/whisper.py",
    "ort",
    "runtime/clip.py",
    "runtime/front.py",
    "runtime/pieces.py",
    "vad",
)
"""All of this package that has a part in the result; a test compares it with the imports."""

PRETRAINED = ("learn/pretrained",)
"""What more has one where the encoder began with a checkpoint; the library transformers, too."""

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
class Sound:
    """How clips are heard: small enough to be sent to a worker.

    Attributes:
        copy: a name of `tonfall.learn.copies.COPIES`.
        acoustics: folder of noises and rooms for copies.
        held_out: those of them that copies do not use.
        seed: of the copies.
        degrade: applied last, to measure robustness.
    """

    copy: str
    acoustics: Path | None
    held_out: tuple[str, ...]
    seed: int
    degrade: Degrade | None = None

    def of(self, clip: Clip) -> FloatArray:
        """(samples,) float32 at 16 kHz.

        Raises:
            AudioError: the clip cannot be read.
        """
        waveform = make_copy(
            read_clip(clip),
            copy=self.copy,
            acoustics=_acoustics(self.acoustics, self.held_out) if self.copy != "clip" else None,
            item=clip.item,
            seed=self.seed,
        )
        return self.degrade(waveform, clip.item) if self.degrade else waveform


@dataclass(frozen=True)
class Work:
    """What is done with every clip; small enough to be sent to a worker.

    Attributes:
        graph: file of the front.
        encoder: the front as the recipe names it.
        front_end: how clips are cut.
        sound: how they are heard.
    """

    graph: Path
    encoder: Encoder
    front_end: FrontEnd
    sound: Sound


@lru_cache(maxsize=4)
def front_graph(encoder: Encoder, front_end: FrontEnd) -> bytes:
    """The frozen front as it will ship (with an untrained head), so that the head sees it so."""
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
            work.sound.of(clip), sampling_rate=SAMPLING_RATE, front_end=work.front_end
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
