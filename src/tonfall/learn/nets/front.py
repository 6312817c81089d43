"""From a network's outputs, a step each, to statistics that add up over pieces.

Softmax attention over time is sum(exp(score) output) / sum(exp(score)), a quotient of sums. So a
step's weight is how surely it is speech times exp(score), and what is added up over pieces are the
weighted outputs, their squares and the weights: attentive statistics pooling (Okabe, Koshinaka and
Shinoda, Interspeech 2018) over as many pieces as a window happens to have.
"""

from __future__ import annotations

import torch
from torch import nn

from tonfall.bundle import FrontEnd
from tonfall.features.log_mel import BANDS
from tonfall.learn.encoders import (
    CnnEncoder,
    CnnTransformerEncoder,
    NetworkEncoder,
    RecurrentEncoder,
)
from tonfall.learn.nets.cnn import Cnn
from tonfall.learn.nets.cnn_transformer import CnnTransformer
from tonfall.learn.nets.recurrent import Recurrent

__all__ = ["NetworkFront", "build_network"]

_RANGE = 8.0
"""Log10 power below a piece's loudest band that is cut off, as for Whisper's blocks."""

_QUIETEST = -7.0
"""Log10 power that is cut off where the level counts: below it is the noise of recording."""

_SCORE = 4.0
"""Largest score either way: no step weighs more than 3,000 times another."""


def build_network(encoder: NetworkEncoder) -> nn.Module:
    """The untrained network of an encoder: (n, frames, 80) to (n, frames / stride, width)."""
    match encoder:
        case CnnEncoder():
            return Cnn(encoder)
        case RecurrentEncoder():
            return Recurrent(encoder)
        case CnnTransformerEncoder():
            return CnnTransformer(encoder)


class NetworkFront(nn.Module):
    """Frames of a piece and what came before it to statistics of the piece.

    Args:
        encoder: which network.
        front_end: lengths of piece and context, in frames; multiples of the encoder's stride.
    """

    width = BANDS

    def __init__(self, encoder: NetworkEncoder, front_end: FrontEnd) -> None:
        super().__init__()
        self._piece = front_end.piece_frames
        self._stride = encoder.stride
        self._absolute = encoder.level == "absolute"
        self.bands = nn.BatchNorm1d(BANDS)
        self.network = build_network(encoder)
        self.score = nn.Linear(encoder.width, 1) if encoder.attention else None

    def forward(self, frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """(n, context + piece, 80) and (n, context + piece) to (n, 2 width + 1)."""
        outputs, steps = self.steps(frames, weights)
        weight = steps[:, :, None]
        sums = [(outputs * weight).sum(1), (outputs.square() * weight).sum(1), weight.sum(1)]
        return torch.cat(sums, dim=1)

    def steps(
        self, frames: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs (n, steps, width) of the piece and what each step weighs (n, steps)."""
        scaled = self.bands(self._levelled(frames).transpose(1, 2)).transpose(1, 2)
        outputs = self.network(scaled)[:, -(self._piece // self._stride) :]
        speech = weights[:, -self._piece :].reshape(-1, self._piece // self._stride, self._stride)
        weight = speech.mean(2)
        if self.score is not None:
            score = self.score(outputs)[:, :, 0]
            weight = weight * (_SCORE * torch.tanh(score / _SCORE)).exp()
        return outputs, weight

    def _levelled(self, frames: torch.Tensor) -> torch.Tensor:
        if self._absolute:
            return frames.clamp_min(_QUIETEST)
        loudest = frames.amax(dim=(1, 2), keepdim=True)
        return torch.maximum(frames, loudest - _RANGE) - loudest
