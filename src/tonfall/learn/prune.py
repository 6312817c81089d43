"""Taking units out of a front: the attention heads, feed-forward units and channels that do least.

What a unit does is how far it moves the outputs of its layer over real clips: the deviation of its
activation times the length of its outgoing weights. Where a layer of Whisper's loses units, those
that stay are weighed anew, by least squares, so that the layer gives as nearly as they can what it
gave before (as in He, Zhang and Sun, "Channel pruning for accelerating very deep neural networks",
ICCV 2017). The sizes that are left are the encoder's own: see `WhisperEncoder.prune`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.learn.clips import Progress
from tonfall.learn.encoders import CnnEncoder, TrainableEncoder, WhisperEncoder, left_of
from tonfall.learn.frames import Frames, clip_frames
from tonfall.learn.nets import NetworkFront, load_weights
from tonfall.learn.networks import Front, start_front
from tonfall.learn.recipe import Recipe
from tonfall.learn.whisper import HEAD, Block
from tonfall.runtime.pieces import cut_pieces

__all__ = ["heard_pieces", "left", "prune_cnn", "prune_whisper"]

_CLIPS = 384
"""Training clips, of each way that they come, over which activations are measured."""

_AT_ONCE = 32
"""Pieces at a time."""

_RIDGE = 1e-4
"""Of the mean square of an activation, so that what is never active does not blow up."""


def left(encoder: TrainableEncoder) -> TrainableEncoder:
    """What describes the network once it is pruned.

    Whisper's is described by what was taken out of it, a network of our own by what is left.
    """
    if not isinstance(encoder, CnnEncoder) or not encoder.prune:
        return encoder
    channels = tuple(left_of(width, encoder.prune) for width in encoder.channels)
    return encoder.model_copy(update={"channels": channels, "prune": 0.0})


def heard_pieces(
    rows: pd.DataFrame, recipe: Recipe, *, progress: Progress | None = None
) -> FloatArray:
    """(pieces, context + piece, 80): one piece of each of some clips, as they are and as copies.

    Args:
        rows: of training clips.
        recipe: its seed says which clips, its front end how they are cut.
        progress: called while clips become frames.
    """
    rng = np.random.default_rng([recipe.seed, 3])
    chosen = rows.iloc[np.sort(rng.permutation(len(rows))[:_CLIPS])]
    clips = [
        frames
        for copy in ("clip", *recipe.augmentation.copies)
        for frames in clip_frames(chosen, recipe=recipe, copy=copy, progress=progress)
    ]
    cut = (_cut(clip, recipe.front_end) for clip in clips)
    return np.stack([pieces[int(rng.integers(len(pieces)))] for pieces in cut if len(pieces)])


def _cut(clip: Frames, front_end: FrontEnd) -> FloatArray:
    values, weights = clip.values.astype(np.float32), clip.weights.astype(np.float32)
    return cut_pieces(values, weights, front_end=front_end)[0]


def prune_whisper(encoder: WhisperEncoder, front_end: FrontEnd, pieces: FloatArray) -> Front:
    """Whisper's published front with the units that ``encoder.prune`` leaves.

    Args:
        encoder: how large it shall be.
        front_end: how clips are cut.
        pieces: (n, context + piece, 80) from training clips.

    Raises:
        ConfigError: Whisper's weights are not installed.
    """
    whole = start_front(encoder.model_copy(update={"prune": 0}), front_end).eval()
    small = Front(encoder, front_end).eval()
    assert isinstance(whole, Front)
    small.whisper.positions.copy_(whole.whisper.positions)
    with torch.inference_mode():
        scaled = whole.scaled(torch.from_numpy(pieces))
        _prune_convolutions(whole, small, scaled)
        x = torch.cat([small.whisper.convolved(part) for part in scaled.split(_AT_ONCE)])
        x = x + small.whisper.positions[: x.shape[1]]
        for before, after in zip(whole.whisper.blocks, small.whisper.blocks, strict=True):
            assert isinstance(before, Block)
            assert isinstance(after, Block)
            x = _prune_block(before, after, x)
    return small


def _prune_convolutions(whole: Front, small: Front, scaled: torch.Tensor) -> None:
    before, after = whole.whisper, small.whisper

    def channels() -> Iterator[torch.Tensor]:
        for part in scaled.split(_AT_ONCE):
            seen = nn.functional.gelu(before.conv1(part.transpose(1, 2)))
            steps = nn.functional.pad(seen, (1, 1)).unfold(2, 3, 2)  # (n, channels, steps, 3)
            yield steps.transpose(1, 2).reshape(-1, 3 * seen.shape[1])

    moments = _Moments.of(channels())
    weight = before.conv2.weight.flatten(1)
    kept = moments.strongest(weight, size=3, count=after.conv1.out_channels)
    after.conv1.weight.copy_(before.conv1.weight[kept])
    after.conv1.bias.copy_(before.conv1.bias[kept])  # type: ignore[union-attr, index]
    fitted, bias = moments.refitted(weight, before.conv2.bias, _spread(kept, 3))
    after.conv2.weight.copy_(fitted.view_as(after.conv2.weight))
    after.conv2.bias.copy_(bias)  # type: ignore[union-attr]


def _prune_block(before: Block, after: Block, x: torch.Tensor) -> torch.Tensor:
    """Fill the pruned block; what it gives for (n, steps, 384)."""
    for name in ("attention_norm", "feed_norm"):
        getattr(after, name).load_state_dict(getattr(before, name).state_dict())
    parts = x.split(_AT_ONCE)
    moments = _Moments.of(before.mixed(part).flatten(0, 1) for part in parts)
    heads = moments.strongest(before.attention_out.weight, size=HEAD, count=after.heads)
    values = _spread(heads, HEAD)
    for each in ("weight", "bias"):
        stacked = getattr(before.qkv, each).unflatten(0, (3, -1))[:, values]
        getattr(after.qkv, each).copy_(stacked.flatten(0, 1))
    _refit(before.attention_out, after.attention_out, moments, values)
    x = torch.cat([part + after.attention_out(after.mixed(part)) for part in parts])
    parts = x.split(_AT_ONCE)
    moments = _Moments.of(before.fed(part).flatten(0, 1) for part in parts)
    units = moments.strongest(before.feed_out.weight, size=1, count=after.feed_in.out_features)
    after.feed_in.weight.copy_(before.feed_in.weight[units])
    after.feed_in.bias.copy_(before.feed_in.bias[units])
    _refit(before.feed_out, after.feed_out, moments, units)
    return torch.cat([part + after.feed_out(after.fed(part)) for part in parts])


def _refit(before: nn.Linear, after: nn.Linear, moments: _Moments, kept: torch.Tensor) -> None:
    weight, bias = moments.refitted(before.weight, before.bias, kept)
    after.weight.copy_(weight)
    after.bias.copy_(bias)


class _Moments:
    """Mean (units,) and covariance (units, units) of activations, in double precision."""

    def __init__(self, mean: torch.Tensor, covariance: torch.Tensor) -> None:
        self.mean, self.covariance = mean, covariance

    @classmethod
    def of(cls, parts: Iterator[torch.Tensor]) -> _Moments:
        """Over (rows, units) of all parts."""
        rows, total, squares = 0, torch.zeros(()), torch.zeros(())
        for part in parts:
            rows += len(part)
            total = total + part.sum(0, dtype=torch.float64)
            squares = squares + (part.T @ part).double()
        mean = total / rows
        return cls(mean, squares / rows - mean[:, None] * mean)

    def strongest(self, weight: torch.Tensor, *, size: int, count: int) -> torch.Tensor:
        """Which groups of ``size`` units move the outputs of (outputs, units) most, in order."""
        moved = []
        for first in range(0, weight.shape[1], size):
            own = slice(first, first + size)
            outgoing = weight[:, own].double()
            moved.append(((outgoing @ self.covariance[own, own]) * outgoing).sum())
        return torch.stack(moved).topk(count).indices.sort().values

    def refitted(
        self, weight: torch.Tensor, bias: torch.Tensor | None, kept: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(outputs, kept) weights and (outputs,) bias that come nearest to those of all units."""
        assert bias is not None
        inside = self.covariance[kept][:, kept]
        inside = inside + _RIDGE * inside.diagonal().mean() * torch.eye(len(kept)).double()
        whole = weight.double()
        fitted = torch.linalg.solve(inside, self.covariance[kept] @ whole.T).T
        offset = bias.double() + whole @ self.mean - fitted @ self.mean[kept]
        return fitted.float(), offset.float()


def _spread(groups: torch.Tensor, size: int) -> torch.Tensor:
    """The units of groups."""
    return (groups[:, None] * size + torch.arange(size)).flatten()


def prune_cnn(encoder: CnnEncoder, front_end: FrontEnd, trained: Path) -> NetworkFront:
    """A trained network less the channels that weigh least.

    A channel weighs as its scale after normalisation (Liu et al., "Learning efficient convolutional
    networks through network slimming", ICCV 2017) times the length of its outgoing weights.

    Args:
        encoder: with the share that is taken out.
        front_end: how clips are cut.
        trained: file of the whole network's weights.
    """
    smaller = left(encoder)
    assert isinstance(smaller, CnnEncoder)
    whole, small = NetworkFront(encoder, front_end), NetworkFront(smaller, front_end)
    load_weights(whole, trained)
    weights = dict(whole.state_dict())
    root = "network.convolutions.layers."
    kept = torch.zeros(1, dtype=torch.long)
    for place, count in enumerate(smaller.channels):
        convolution, norm = f"{root}{4 * place}.weight", f"{root}{4 * place + 1}."
        following = f"{root}{4 * place + 4}.weight"
        outgoing = weights.get(following, _by_channel(weights, encoder.channels[-1]))
        length = outgoing.transpose(0, 1).flatten(1).norm(dim=1)
        strongest = (weights[f"{norm}weight"].abs() * length).topk(count).indices.sort().values
        weights[convolution] = weights[convolution][strongest][:, kept]
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[norm + name] = weights[norm + name][strongest]
        kept = strongest
    out = _by_channel(weights, encoder.channels[-1])[:, kept]
    weights["network.out.0.weight"] = out.flatten(1)
    small.load_state_dict(weights)
    return small


def _by_channel(weights: dict[str, torch.Tensor], channels: int) -> torch.Tensor:
    """(width, channels, bands): the layer after the convolutions."""
    return weights["network.out.0.weight"].unflatten(1, (channels, -1))
