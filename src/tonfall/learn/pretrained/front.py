"""wav2vec 2.0, HuBERT or WavLM as a front: samples of a piece to statistics that add up.

Baevski et al. 2020, Hsu et al. 2021, Chen et al. 2022. What their blocks give is put together by a
learnt weighted mean over the layers (Yang et al., "SUPERB", Interspeech 2021) and pooled with
attention over time, as `tonfall.learn.nets.front` does for networks of our own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn

from tonfall.bundle import FrontEnd
from tonfall.errors import ConfigError
from tonfall.features.log_mel import HOP
from tonfall.learn.pretrained.checkpoint import Facts, blank_model, read_checkpoint
from tonfall.learn.pretrained.options import Lora, TransformersEncoder

__all__ = ["PretrainedFront", "blank_front", "first_front"]

_SCORE = 4.0
"""Largest score either way: no step weighs more than 3,000 times another."""

_LEAST_VARIANCE = 1e-7
"""Added before the root, as the feature extractors of transformers do."""


class PretrainedFront(nn.Module):
    """Samples of a piece and what came before it to statistics of the piece.

    Args:
        encoder: how the checkpoint is used.
        front_end: of kind waveform; piece and context in frames, both even.
        facts: of the checkpoint; they are kept among the weights.
        model: of transformers.
    """

    width = HOP
    facts: torch.Tensor

    def __init__(
        self, encoder: TransformersEncoder, front_end: FrontEnd, facts: Facts, model: nn.Module
    ) -> None:
        super().__init__()
        self._steps = front_end.piece_frames // encoder.stride
        self._stride = encoder.stride
        self._normalise, self._margins = facts.normalise, facts.margins
        self._frozen, self._decay = encoder.trained == "nothing", encoder.layer_decay
        self.register_buffer("facts", facts.as_tensor())
        self.model = model
        hidden, blocks = facts.config["hidden_size"], facts.config["num_hidden_layers"]
        summed = encoder.layers == "sum"
        self.layers = nn.Parameter(torch.zeros(blocks + 1)) if summed else None
        self.out = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, encoder.width),
            nn.ReLU(),
            nn.Dropout(encoder.dropout),
        )
        self.score = nn.Linear(encoder.width, 1) if encoder.attention else None

    def forward(self, frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """(n, context + piece, 160) and (n, context + piece) to (n, 2 width + 1)."""
        outputs, steps = self.steps(frames, weights)
        weight = steps[:, :, None]
        sums = [(outputs * weight).sum(1), (outputs.square() * weight).sum(1), weight.sum(1)]
        return torch.cat(sums, dim=1)

    def steps(
        self, frames: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs (n, steps, width) of the piece and what each step weighs (n, steps)."""
        # Where windows are judged there are no pieces, and no reshaping of nothing is defined in
        # ONNX: one of zeros is added there, and only there, of a single step to be cheap.
        pieces, length = frames.shape[0], frames.shape[1]
        none = 1 // (pieces + 1)
        frames = frames[:, : length - none * (length - self._stride)]
        frames = torch.cat([frames, frames.new_zeros(none, frames.shape[1], frames.shape[2])])
        outputs = self.out(self._encoded(frames.flatten(1)))[:pieces, -self._steps :]
        speech = weights[:, -self._steps * self._stride :]
        weight = speech.reshape(-1, self._steps, self._stride).mean(2)[:, -outputs.shape[1] :]
        if self.score is not None:
            score = self.score(outputs)[:, :, 0]
            weight = weight * (_SCORE * torch.tanh(score / _SCORE)).exp()
        return outputs, weight

    def _encoded(self, samples: torch.Tensor) -> torch.Tensor:
        """(n, samples) to (n, steps, hidden)."""
        if self._normalise:
            variance, mean = torch.var_mean(samples, 1, correction=0, keepdim=True)
            samples = (samples - mean) / (variance + _LEAST_VARIANCE).sqrt()
        padded = nn.functional.pad(samples, self._margins)
        if self.layers is None:
            return self.model(padded).last_hidden_state
        found = self.model(padded, output_hidden_states=True).hidden_states
        shares = self.layers.softmax(0)
        return sum(share * layer for share, layer in zip(shares.unbind(), found, strict=True))

    def train(self, mode: bool = True) -> PretrainedFront:
        """As ever; but what learns nothing is run as it will be used, without dropout."""
        super().train(mode)
        if self._frozen:
            self.model.eval()
        return self

    def parameters_by_share(self) -> Iterator[tuple[list[nn.Parameter], float]]:
        """What is learnt of the checkpoint, and at which share of its learning rate."""
        encoder: Any = self.model.encoder
        blocks = list(encoder.layers)
        groups = [list(block.parameters()) for block in blocks]
        inside = {parameter for group in groups for parameter in group}
        groups.insert(0, [each for each in self.model.parameters() if each not in inside])
        for place, group in enumerate(groups):
            learnt = [parameter for parameter in group if parameter.requires_grad]
            if learnt:
                yield learnt, self._decay ** (len(blocks) - place)

    def shipped(self) -> PretrainedFront:
        """With low-rank matrices added to those that they stand beside; itself without any."""
        if not any(hasattr(module, "get_base_layer") for module in self.modules()):
            return self
        merged = copy.deepcopy(self)
        for name, layer in list(merged.model.named_modules()):
            if hasattr(layer, "get_base_layer"):
                layer.merge()
                place, _, last = name.rpartition(".")
                setattr(merged.model.get_submodule(place), last, layer.get_base_layer())
        return merged


def first_front(encoder: TransformersEncoder, front_end: FrontEnd) -> PretrainedFront:
    """With the checkpoint's weights; what stays as it is takes no gradient.

    Raises:
        ConfigError: the checkpoint cannot be used, or peft is not installed.
    """
    facts, model = read_checkpoint(encoder)
    model.requires_grad_(encoder.trained == "all")
    inner: Any = model.encoder
    if encoder.trained == "blocks":
        inner.layers.requires_grad_(True)
    elif encoder.trained == "top":
        inner.layers[-encoder.top :].requires_grad_(True)
    elif encoder.trained == "lora":
        _add_matrices(model, encoder.lora)
    return PretrainedFront(encoder, front_end, facts, model)


def blank_front(
    encoder: TransformersEncoder, front_end: FrontEnd, weights: Path
) -> PretrainedFront:
    """Of the shape that a file of trained weights has; they are still to be loaded.

    Raises:
        ConfigError: the file is not there, or is of another network.
    """
    try:
        with np.load(weights, allow_pickle=False) as content:
            facts = Facts.of_bytes(content["facts"].tobytes())
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ConfigError(
            f"{weights}: these are not the weights of the network that the recipe describes "
            f"({type(error).__name__}); train it again."
        ) from None
    return PretrainedFront(encoder, front_end, facts, blank_model(facts))


def _add_matrices(model: nn.Module, how: Lora) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError(
            'encoder.trained is "lora", which needs peft; run: pip install "tonfall[train]"'
        ) from None
    config = LoraConfig(
        r=how.rank,
        lora_alpha=how.alpha,
        lora_dropout=how.dropout,
        target_modules=rf"encoder\.layers\..*\.({'|'.join(how.matrices)})",
    )
    inject_adapter_in_model(config, model)
