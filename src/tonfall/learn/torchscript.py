"""A network as TorchScript: one file that PyTorch runs without this package, head inside."""

from __future__ import annotations

import io
import warnings

import torch

from tonfall.learn.networks import LoneNetwork, Network

__all__ = ["as_torchscript", "open_torchscript"]


def as_torchscript(network: Network | LoneNetwork, *, frames: int) -> bytes:
    """The network, traced; it takes and gives what the bundle's graph does, in float32.

    Any number of pieces and of windows can be given, and either may be none.

    Args:
        network: in evaluation mode.
        frames: of a piece with its context.
    """
    pooled = len(network.judge.scale)
    example = (
        torch.zeros(2, frames, network.front.width),
        torch.ones(2, frames),
        torch.ones(3, pooled + 1),
        torch.zeros(3, pooled),
    )
    inputs = example if isinstance(network, Network) else example[:3]
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        # Of what is the same for all pieces the tracer warns that it is a constant.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, inputs, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced), content)
    return content.getvalue()


def open_torchscript(content: bytes) -> torch.nn.Module:
    """What `as_torchscript` gave, to be called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded: torch.nn.Module = torch.jit.load(io.BytesIO(content))
    return loaded
