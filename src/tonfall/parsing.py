"""YAML and JSON that users bring: whatever is wrong with a text is a ValueError.

PyYAML raises what its constructors do (KeyError for ``!!bool x``, ValueError for the 40th of a
month), and both libraries raise RecursionError for a text that is nested a thousand times.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["YAML_FAULTS", "read_json", "read_yaml"]

YAML_FAULTS = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
"""What PyYAML raises beside its own YAMLError."""
_TOO_DEEP = "it is nested too deeply"


def read_yaml(text: str | bytes) -> Any:
    """What YAML says.

    Raises:
        ValueError: it is none; the message is one line, and may quote the text.

    >>> read_yaml("[" * 5000)
    Traceback (most recent call last):
        ...
    ValueError: it is nested too deeply
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (yaml.YAMLError, *YAML_FAULTS) as error:
        raise ValueError(_first_line(error)) from error


def read_json(text: str | bytes) -> Any:
    """What JSON says.

    Raises:
        ValueError: it is none; the message is one line.

    >>> read_json("[" * 500_000)
    Traceback (most recent call last):
        ...
    ValueError: it is nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
