"""A recurrent network over log-mel frames, with attention over time.

Mirsamadi, Barsoum and Zhang, "Automatic speech emotion recognition using recurrent neural networks
with local attention", ICASSP 2017. Two convolutions before it take four frames to a step, so that
the recurrence has a quarter of the way to go.
"""

from __future__ import annotations

import torch
from torch import nn

from tonfall.features.log_mel import BANDS
from tonfall.learn.encoders import RecurrentEncoder

__all__ = ["Recurrent"]


class Recurrent(nn.Module):
    """(n, frames, 80) to (n, frames / 4, width).

    "bilstm" reads each piece and its context both ways; "gru" forwards only. Every piece starts
    from nothing, so that a recording and a call come out the same.
    """

    def __init__(self, encoder: RecurrentEncoder) -> None:
        super().__init__()
        both, hidden = encoder.kind == "bilstm", encoder.hidden
        self.steps = nn.Sequential(
            nn.Conv1d(BANDS, hidden, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Conv1d(hidden, hidden, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(encoder.dropout),
        )
        self.layers = (nn.LSTM if both else nn.GRU)(
            hidden,
            hidden,
            encoder.layers,
            batch_first=True,
            bidirectional=both,
            dropout=encoder.dropout if encoder.layers > 1 else 0.0,
        )
        self.out = nn.Sequential(
            nn.Dropout(encoder.dropout),
            nn.Linear(hidden * (2 if both else 1), encoder.width),
            nn.ReLU(),
            nn.Dropout(encoder.dropout),
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, frames, 80) to (n, frames / 4, width)."""
        steps = self.steps(frames.transpose(1, 2)).transpose(1, 2)  # (n, frames / 4, hidden)
        # ONNX Runtime aborts the process where a recurrent layer is given no piece at all, as it
        # is where windows are judged: one of zeros is added there, and only there.
        pieces = steps.shape[0]
        none = steps.new_zeros(1 // (pieces + 1), steps.shape[1], steps.shape[2])
        outputs, _ = self.layers(torch.cat([steps, none]))
        return self.out(outputs[:pieces])
