"""Loading libraries that come with an extra, with a sentence where one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from tonfall.errors import ConfigError

__all__ = ["load"]


def load(module: str, *, extra: str = "eval") -> ModuleType:
    """Import ``module``, which the extra ``extra`` of Tonfall installs.

    Raises:
        ConfigError: it is not installed.

    >>> load("math").sqrt(4.0)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"Measuring needs {module.partition('.')[0]}, which is not installed. "
            f"Install it with: pip install 'tonfall[{extra}]'"
        ) from error
