"""What training needs beside the run time, with a sentence where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from tonfall.errors import ConfigError

__all__ = ["require_classical", "require_training"]

_NEEDED = {"torch": "torch", "onnx": "onnx", "pytorch_lightning": "pytorch-lightning"}


_CLASSICAL = {"sklearn": "scikit-learn", "onnx": "onnx"}


def require_training() -> None:
    """Check that everything is there before a recipe is read.

    Raises:
        ConfigError: a library of the extra ``train`` is not installed.
    """
    _require(_NEEDED)


def require_classical() -> None:
    """The same for a classical recipe, which needs no PyTorch.

    Raises:
        ConfigError: a library of the extra ``train`` is not installed.
    """
    _require(_CLASSICAL)


def _require(needed: Mapping[str, str]) -> None:
    missing = [name for module, name in needed.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"Training needs {' and '.join(missing)}, which the run time does without; run: "
            'pip install "tonfall[train]"'
        )
