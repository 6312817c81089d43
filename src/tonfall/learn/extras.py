"""What training needs beside the run time, with a sentence where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from tonfall.errors import ConfigError

__all__ = ["require_training"]

_NEEDED = {"torch": "torch", "onnx": "onnx", "pytorch_lightning": "pytorch-lightning"}


def require_training() -> None:
    """Check that everything is there before a recipe is read.

    Raises:
        ConfigError: a library of the extra ``train`` is not installed.
    """
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"Training needs {' and '.join(missing)}, which the run time does without; run: "
            'pip install "tonfall[train]"'
        )
