"""Functions of one's own as models that can be measured."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd

from tonfall.errors import ConfigError, ProtocolError
from tonfall.evaluation.running import FoldModel, ModelFacts

__all__ = ["CallableModel", "Judge", "callable_model", "load_callable"]

Judge = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Train, development and test rows of a fold to scores; see `FoldModel`."""


class CallableModel:
    """A function of train, development and test rows that gives scores; see `FoldModel`."""

    def __init__(self, function: Judge) -> None:
        self._function = function

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """What the function gives.

        Raises:
            ProtocolError: it fails, or gives something else than a table.
        """
        try:
            scores = self._function(train, development, test)
        except Exception as error:  # whatever other people's code does
            raise ProtocolError(
                f"The callable failed ({type(error).__name__}: {error}); --debug shows where."
            ) from error
        if not isinstance(scores, pd.DataFrame):
            raise ProtocolError(
                f"The callable gave {type(scores).__name__}, expected a pandas table with item and "
                "a column of probabilities for each label."
            )
        return scores


def load_callable(reference: str) -> tuple[FoldModel, ModelFacts]:
    """The function that ``module:function`` names; modules in the working folder are found too.

    Raises:
        ConfigError: the module cannot be imported or has no such function.
    """
    module_name, _, name = reference.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        raise ConfigError(
            f"{reference}: the module {module_name!r} cannot be imported ({error}). "
            "Give module:function of something on Python's path."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(f"{reference}: {module_name!r} has no function {name!r}.")
    return CallableModel(function), _facts(reference, _source_of(module))


def callable_model(function: Judge) -> tuple[FoldModel, ModelFacts]:
    """A function that is there already, known by its own source."""
    name = f"{function.__module__}:{function.__qualname__}" if _is_named(function) else "callable"
    return CallableModel(function), _facts(name, _source_of(function))


def _is_named(function: Judge) -> bool:
    return hasattr(function, "__module__") and hasattr(function, "__qualname__")


def _facts(name: str, source: str) -> ModelFacts:
    return ModelFacts(name, "callable", hashlib.sha256(source.encode()).hexdigest())


def _source_of(made: ModuleType | Judge) -> str:
    """The source; a name where there is none, such as of what is written in C."""
    try:
        return inspect.getsource(made)
    except (OSError, TypeError):
        return str(getattr(made, "__name__", made.__class__.__name__))
