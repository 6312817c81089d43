"""Convolutions over time and bands of a log-mel spectrogram, with attention over time.

A small relative of Satt, Rozenberg and Hoory, "Efficient emotion recognition from speech using
deep learning on spectrograms", Interspeech 2017.
"""

from __future__ import annotations

import torch
from torch import nn

from tonfall.features.log_mel import BANDS
from tonfall.learn.encoders import CnnEncoder

__all__ = ["Cnn", "Convolutions"]


class Convolutions(nn.Module):
    """(n, frames, 80) to (n, frames / 4, size): 3 x 3 convolutions, batch norm, ReLU.

    Attributes:
        size: channels of the last layer times the bands that are left.
    """

    def __init__(self, channels: tuple[int, ...], *, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, bands = 1, BANDS
        for place, width in enumerate(channels):
            stride = (2 if place < 2 else 1, 2)
            layers += [
                nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Dropout2d(dropout if place else 0),
            ]
            before, bands = width, (bands + 1) // 2
        # Channels last in memory is a quarter faster on a CPU; the results are the same.
        self.layers = nn.Sequential(*layers)
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.size = before * bands

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, frames, 80) to (n, frames / 4, size)."""
        image = frames[:, None].contiguous(memory_format=torch.channels_last)
        outputs = self.layers(image)  # (n, channels, frames / 4, bands)
        # Every size but that of the batch is a number: an empty batch cannot be reshaped otherwise.
        return outputs.transpose(1, 2).reshape(-1, outputs.shape[2], self.size)


class Cnn(nn.Module):
    """(n, frames, 80) to (n, frames / 4, width): the convolutions, then one layer a step."""

    def __init__(self, encoder: CnnEncoder) -> None:
        super().__init__()
        self.convolutions = Convolutions(encoder.channels, dropout=encoder.dropout / 2)
        self.out = nn.Sequential(
            nn.Linear(self.convolutions.size, encoder.width), nn.ReLU(), nn.Dropout(encoder.dropout)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, frames, 80) to (n, frames / 4, width)."""
        return self.out(self.convolutions(frames))
