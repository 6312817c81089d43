"""Weights between the published and the trained ones.

What is trained further on few corpora learns their ways, too, and forgets some of what made it
general. Half way between the weights from before and after, a network often hears strangers better
than at either end (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path

import torch

from tonfall.bundle import FrontEnd
from tonfall.learn.encoders import WhisperEncoder
from tonfall.learn.nets import load_weights, save_weights
from tonfall.learn.networks import start_front

__all__ = ["blend_weights"]


def blend_weights(
    encoder: WhisperEncoder, front_end: FrontEnd, *, start: Path | None, trained: Path, target: Path
) -> None:
    """Write what lies at ``encoder.blend`` of the way from the start to the trained weights.

    Args:
        encoder: which of Whisper's blocks.
        front_end: lengths of piece and context.
        start: file of the weights that training began with; the published ones by default.
        trained: file of the trained weights.
        target: file to write.

    Raises:
        ConfigError: a file is of another network, or Whisper's weights are not installed.
    """
    front = start_front(encoder, front_end, start=start)
    before = {name: tensor.clone() for name, tensor in front.state_dict().items()}
    load_weights(front, trained)
    with torch.no_grad():
        for name, tensor in front.state_dict().items():
            tensor.lerp_(before[name], 1 - encoder.blend)
    save_weights(front, target)
