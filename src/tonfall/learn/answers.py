"""What a model answers to clips in each of its forms: as ONNX, as TorchScript, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tonfall.arrays import FloatArray
from tonfall.bundle import BundleSpec, FrontEnd
from tonfall.corpora.clips import clips_of, named_errors, read_clip
from tonfall.features.log_mel import BANDS, SAMPLING_RATE
from tonfall.ort import Session, open_session
from tonfall.runtime.clip import clip_pieces

__all__ = [
    "Asking",
    "Pieces",
    "Run",
    "onnx_run",
    "pieces_of",
    "random_pieces",
    "statistics_width",
    "torch_run",
]

Feeds = Mapping[str, FloatArray]

Run = Callable[[Feeds], tuple[FloatArray, FloatArray, FloatArray]]
"""Takes frames, weights, statistics and, where the model has one, a baseline; gives encoded
statistics, logits and dimensions."""

_OUTPUTS = ("encoded", "logits", "dimensions")


@dataclass(frozen=True, eq=False)
class Pieces:
    """A clip as a bundle takes it.

    Attributes:
        frames: (pieces, context + piece, width).
        weights: (pieces, context + piece).
    """

    frames: FloatArray
    weights: FloatArray

    def part(self, first: int, last: int) -> Pieces:
        """Pieces ``first`` to ``last``, without the last."""
        return Pieces(self.frames[first:last], self.weights[first:last])


def pieces_of(rows: pd.DataFrame, front_end: FrontEnd) -> list[Pieces]:
    """Each clip of a table cut into pieces.

    Raises:
        AudioError: a clip cannot be read, or is silent; the message names it.
        ManifestError: a clip's file is not there.
    """
    cut = []
    for clip in clips_of(rows):
        with named_errors(clip):
            frames, weights, _ = clip_pieces(
                read_clip(clip), sampling_rate=SAMPLING_RATE, front_end=front_end
            )
        cut.append(Pieces(frames, weights))
    return cut


def random_pieces(front_end: FrontEnd, *, clips: int = 16, pieces: int = 3) -> list[Pieces]:
    """Clips of noise, for where there is no recording."""
    rng = np.random.default_rng(0)
    shape = (pieces, front_end.context_frames + front_end.piece_frames)
    mean, deviation = (-3, 1.5) if front_end.width == BANDS else (0, 0.1)
    return [
        Pieces(
            rng.normal(mean, deviation, (*shape, front_end.width)).astype(np.float32),
            np.ones(shape, np.float32),
        )
        for _ in range(clips)
    ]


def statistics_width(graph: bytes, *, baseline: bool) -> int:
    """Numbers of a window's statistics, as a graph takes them."""
    width = _opened(graph, baseline).shapes["statistics"][1]
    assert isinstance(width, int)
    return width


def onnx_run(graph: bytes, *, baseline: bool) -> Run:
    """A graph on one core."""
    session = _opened(graph, baseline)
    return lambda feeds: _three(session.run(_OUTPUTS, feeds))


def _opened(graph: bytes, baseline: bool) -> Session:
    inputs = ("frames", "weights", "statistics", *(("baseline",) if baseline else ()))
    return open_session(graph, inputs=inputs, outputs=_OUTPUTS)


def torch_run(module: torch.nn.Module) -> Run:
    """A network in PyTorch, or one that was opened from TorchScript."""

    def run(feeds: Feeds) -> tuple[FloatArray, FloatArray, FloatArray]:
        names = ("frames", "weights", "statistics", "baseline")
        given = [torch.from_numpy(feeds[name]) for name in names if name in feeds]
        with torch.inference_mode():
            encoded, _, logits, dimensions = module(*given)
        return _three([encoded.numpy(), logits.numpy(), dimensions.numpy()])

    return run


def _three(found: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    encoded, logits, dimensions = found
    return encoded, logits, dimensions


@dataclass(frozen=True, eq=False)
class Asking:
    """How a model is asked, whatever form it has.

    Attributes:
        spec: of its bundle.
        width: of a window's statistics.
    """

    spec: BundleSpec
    width: int

    def feeds(self, pieces: Pieces, statistics: FloatArray | None = None) -> Feeds:
        """Inputs that encode pieces, and judge (windows, statistics) against the prior."""
        rows = np.zeros((0, self.width), np.float32) if statistics is None else statistics
        feeds = {"frames": pieces.frames, "weights": pieces.weights, "statistics": rows}
        if self.spec.baseline:
            prior = np.asarray(self.spec.baseline.prior_mean, np.float32)
            feeds["baseline"] = np.tile(prior, (len(rows), 1))
        return feeds

    def answers(self, run: Run, clips: Sequence[Pieces], *, at_once: int = 1) -> FloatArray:
        """(clips, labels + dimensions): probabilities and dimensions of whole clips.

        Args:
            run: the model.
            clips: each judged alone, against the prior.
            at_once: pieces given at a time; the runtime gives one.
        """
        return np.stack([self._answer(run, clip, at_once) for clip in clips])

    def _answer(self, run: Run, clip: Pieces, at_once: int) -> FloatArray:
        parts = (clip.part(first, first + at_once) for first in range(0, len(clip.frames), at_once))
        encoded = [run(self.feeds(part))[0] for part in parts]
        total = np.concatenate(encoded).sum(axis=0, keepdims=True)
        _, logits, dimensions = run(self.feeds(clip.part(0, 0), total))
        scaled = logits[0].astype(np.float64) / self.spec.calibration.temperature
        shares = np.exp(scaled - scaled.max())
        return np.concatenate([shares / shares.sum(), dimensions[0]]).astype(np.float32)
