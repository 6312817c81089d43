"""Tonfall hears how something is said.

    import tonfall
    timeline = tonfall.analyze("call.wav")

Everything else is a package of its own: see the documentation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tonfall.analysis import Analysis, analyze
    from tonfall.emotion import Affect
    from tonfall.errors import TonfallError
    from tonfall.runtime import Predictor, load
    from tonfall.streaming import Stream

__all__ = ["Affect", "Analysis", "Predictor", "Stream", "TonfallError", "analyze", "load"]

__version__ = "0.1.0"

# Loaded when first asked for: the start-up time of the command line is a promise.
_HOMES = {
    "Affect": "tonfall.emotion",
    "Analysis": "tonfall.analysis",
    "Predictor": "tonfall.runtime",
    "Stream": "tonfall.streaming",
    "TonfallError": "tonfall.errors",
    "analyze": "tonfall.analysis",
    "load": "tonfall.runtime",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tonfall' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
