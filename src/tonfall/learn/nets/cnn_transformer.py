"""Convolutions, then transformer blocks, with attention over time.

The blocks are those of Vaswani et al., "Attention is all you need", NeurIPS 2017, normalised
before each part; where each step stands is told by the convolutions, which see the edges of a
piece.
"""

from __future__ import annotations

import torch
from torch import nn

from tonfall.learn.encoders import CnnTransformerEncoder
from tonfall.learn.nets.cnn import Convolutions

__all__ = ["CnnTransformer"]


class CnnTransformer(nn.Module):
    """(n, frames, 80) to (n, frames / 4, width)."""

    def __init__(self, encoder: CnnTransformerEncoder) -> None:
        super().__init__()
        self.convolutions = Convolutions(encoder.channels, dropout=encoder.dropout / 2)
        self.enter = nn.Linear(self.convolutions.size, encoder.width)
        self.blocks = nn.ModuleList(
            _Block(encoder.width, heads=encoder.heads, dropout=encoder.dropout)
            for _ in range(encoder.blocks)
        )
        self.out = nn.Sequential(nn.LayerNorm(encoder.width), nn.Dropout(encoder.dropout))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, frames, 80) to (n, frames / 4, width)."""
        steps = self.enter(self.convolutions(frames))
        for block in self.blocks:
            steps = block(steps)
        return self.out(steps)


class _Block(nn.Module):
    """(n, steps, width) to the same: attention among the steps, then a layer for each."""

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = nn.Dropout(dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, steps, width = x.shape
        size = width // self.heads
        qkv = self.qkv(self.attention_norm(x)).reshape(-1, steps, 3, self.heads, size)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (n, heads, steps, size) each
        shares = (query @ key.transpose(-1, -2) * size**-0.5).softmax(-1)
        mixed = (shares @ value).transpose(1, 2).reshape(-1, steps, width)
        x = x + self.dropout(self.attention_out(mixed))
        return x + self.dropout(self.feed(x))
