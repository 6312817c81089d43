"""The network that ships: a frozen front, pooling that adds up over pieces, a trained head."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from tonfall.bundle import FrontEnd
from tonfall.features.log_mel import BANDS
from tonfall.learn.encoders import (
    Encoder,
    NetworkEncoder,
    TrainableEncoder,
    TrainedEncoder,
    TransformersEncoder,
    WhisperEncoder,
)
from tonfall.learn.nets import NetworkFront, load_weights
from tonfall.learn.pretrained.front import PretrainedFront, blank_front, first_front
from tonfall.learn.whisper import WhisperFront, find_container, read_container

__all__ = [
    "AnyFront",
    "Front",
    "Judge",
    "LoneNetwork",
    "Network",
    "build_front",
    "pool",
    "start_front",
]

_RANGE = 8.0
"""Log10 power below a piece's loudest band that is cut off, as Whisper does over 30 s."""

_LOUDEST = 1.5
"""Where the loudest band is put: what Whisper sees of speech recorded close by."""

_CONVOLVED_BEFORE = 4
"""Frames before a piece that the convolutions alone can see; steps are two frames long."""


class Front(nn.Module):
    """Frames of a piece and what came before it to statistics of the piece.

    Args:
        encoder: which of Whisper's blocks.
        front_end: lengths of piece and context, in frames; both even.
    """

    width = BANDS

    def __init__(self, encoder: WhisperEncoder, front_end: FrontEnd) -> None:
        super().__init__()
        self._piece = front_end.piece_frames
        seen = front_end.context_frames if encoder.blocks else _CONVOLVED_BEFORE
        self._seen = min(seen, front_end.context_frames) + self._piece
        self._taps = encoder.taps
        self.whisper = WhisperFront(encoder, steps=self._seen // 2)

    def forward(self, frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """(n, context + piece, 80) and (n, context + piece) to (n, statistics)."""
        tapped = self.whisper(self.scaled(frames))
        outputs = torch.cat([tapped[tap] for tap in self._taps], dim=2)[:, -(self._piece // 2) :]
        weight = weights[:, -self._piece :].reshape(-1, self._piece // 2, 2).mean(2, keepdim=True)
        sums = [(outputs * weight).sum(1), (outputs.square() * weight).sum(1), weight.sum(1)]
        return torch.cat(sums, dim=1)

    def scaled(self, frames: torch.Tensor) -> torch.Tensor:
        """What is seen of (n, context + piece, 80), at the level that Whisper expects."""
        loudest = frames.amax(dim=(1, 2), keepdim=True)
        level = torch.maximum(frames, loudest - _RANGE) - loudest + _LOUDEST
        return (level[:, -self._seen :] + 4) / 4


AnyFront = Front | NetworkFront | PretrainedFront
"""Frames of pieces to statistics; ``width`` is that of a frame."""


def build_front(encoder: Encoder, front_end: FrontEnd) -> AnyFront:
    """A front with Whisper's weights or those of a network's training, frozen.

    Raises:
        ConfigError: Whisper's weights are not installed, or a network's file is another.
    """
    if isinstance(encoder, WhisperEncoder):
        return start_front(encoder, front_end).eval().requires_grad_(False)
    assert isinstance(encoder, TrainedEncoder), "a network is trained before it is frozen"
    network, weights = encoder.network, encoder.weights
    front = (
        blank_front(network, front_end, weights)
        if isinstance(network, TransformersEncoder)
        else _empty_front(network, front_end)
    )
    load_weights(front, weights)
    return front.eval().requires_grad_(False)


def start_front(
    encoder: TrainableEncoder, front_end: FrontEnd, *, start: Path | None = None
) -> AnyFront:
    """A front as its training begins: with those of a checkpoint or Whisper's, or random weights.

    What the encoder says shall stay as it is takes no gradient.

    Args:
        encoder: which.
        front_end: how clips are cut.
        start: weights to begin with in place of these, such as those that pruning left.

    Raises:
        ConfigError: Whisper's weights are not installed, or a checkpoint cannot be used.
    """
    if isinstance(encoder, TransformersEncoder):
        return first_front(encoder, front_end)
    front = _empty_front(encoder, front_end)
    if start is not None:
        load_weights(front, start)
    if isinstance(front, Front) and isinstance(encoder, WhisperEncoder):
        if start is None:
            front.whisper.load(read_container(find_container()))
        front.whisper.requires_grad_(encoder.trained == "all")
        front.whisper.blocks.requires_grad_(encoder.trained != "nothing")
    return front


def _empty_front(
    encoder: NetworkEncoder | WhisperEncoder, front_end: FrontEnd
) -> Front | NetworkFront:
    if isinstance(encoder, WhisperEncoder):
        return Front(encoder, front_end)
    return NetworkFront(encoder, front_end)


def pool(statistics: torch.Tensor) -> torch.Tensor:
    """(n, statistics), summed over pieces, to (n, pooled): means, then deviations."""
    count = statistics[:, -1:].clamp_min(1e-6)
    means = statistics[:, :-1] / count
    mean, square = means.chunk(2, dim=1)
    variance = square - mean.square()
    return torch.cat([mean, variance.clamp_min(1e-6).sqrt()], dim=1)


class Judge(nn.Module):
    """Pooled features less their baseline to logits and dimensions.

    Args:
        pooled: number of pooled features.
        labels: size of the label space.
        dimensions: number of dimensions, 0 for none.
        hears_baseline: True to let the categories see, besides, how far the baseline lies from
            the prior: what is left of a voice that the gate held back, and what it was made of.
    """

    scale: torch.Tensor
    prior: torch.Tensor

    def __init__(
        self, *, pooled: int, labels: int, dimensions: int, hears_baseline: bool = False
    ) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(pooled))
        self.register_buffer("prior", torch.zeros(pooled))
        self.categories = nn.Linear(pooled, labels)
        self.dimensions = nn.Linear(pooled, dimensions)
        self.voice = nn.Linear(pooled, labels, bias=False) if hears_baseline else None

    def forward(
        self, pooled: torch.Tensor, baseline: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, pooled) twice to (n, labels) logits and (n, dimensions) in [0, 1]."""
        centred = (pooled - baseline) / self.scale
        logits = self.categories(centred)
        if self.voice is not None:
            logits = logits + self.voice((baseline - self.prior) / self.scale)
        return logits, torch.sigmoid(self.dimensions(centred))


class Network(nn.Module):
    """Both parts side by side, as one graph.

    They share nothing but the file: a run feeds an empty batch to the part it does not want.
    """

    def __init__(self, front: AnyFront, judge: Judge) -> None:
        super().__init__()
        self.front = front
        self.judge = judge

    def forward(
        self,
        frames: torch.Tensor,
        weights: torch.Tensor,
        statistics: torch.Tensor,
        baseline: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encoded statistics; pooled features, logits and dimensions."""
        encoded = self.front(frames, weights)
        pooled = pool(statistics)
        logits, dimensions = self.judge(pooled, baseline)
        return encoded, pooled, logits, dimensions


class LoneNetwork(nn.Module):
    """A `Network` that takes no baseline: every window is judged against the prior."""

    def __init__(self, front: AnyFront, judge: Judge) -> None:
        super().__init__()
        self.front = front
        self.judge = judge

    def forward(
        self, frames: torch.Tensor, weights: torch.Tensor, statistics: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encoded statistics; pooled features, logits and dimensions."""
        pooled = pool(statistics)
        logits, dimensions = self.judge(pooled, self.judge.prior[None])
        return self.front(frames, weights), pooled, logits, dimensions
