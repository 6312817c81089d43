"""A network's weights as a file of plain arrays."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn

from tonfall.errors import ConfigError

__all__ = ["load_weights", "save_weights"]


def save_weights(module: nn.Module, path: Path) -> None:
    """Write every parameter and buffer by name (npz, no pickle); whole or not at all."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module of the same shape.

    Raises:
        ConfigError: the file is not there, or is of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: torch.from_numpy(content[name]) for name in content.files}
        module.load_state_dict(arrays)
    except (OSError, EOFError, ValueError, RuntimeError, BadZipFile) as error:
        raise ConfigError(
            f"{path}: these are not the weights of the network that the recipe describes "
            f"({type(error).__name__}); train it again."
        ) from None
