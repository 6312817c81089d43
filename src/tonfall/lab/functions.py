"""Functions of one's own as models that can be measured."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, ModuleType

import pandas as pd

from tonfall.errors import ConfigError, ProtocolError
from tonfall.evaluation.running import FoldModel, ModelFacts

__all__ = ["CallableModel", "Judge", "callable_model", "load_callable"]

Judge = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Train, development and test rows of a fold to scores; see `FoldModel`."""

_SHOWN = 8
"""Hexadecimal digits by which functions of one name are told apart."""


class CallableModel:
    """A function of train, development and test rows that gives scores; see `FoldModel`.

    Args:
        function: the model.
        folder: where modules are found that it imports when it is called, beside Python's path.
    """

    def __init__(self, function: Judge, folder: Path | None = None) -> None:
        self._function = function
        self._folder = folder

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """What the function gives.

        Raises:
            ProtocolError: it fails, or gives something else than a table.
        """
        try:
            with _modules_in(self._folder):
                scores = self._function(train, development, test)
        except Exception as error:  # whatever other people's code does
            raise ProtocolError(
                f"The callable failed ({type(error).__name__}: {error}) in {_place(error)}."
            ) from error
        if not isinstance(scores, pd.DataFrame):
            raise ProtocolError(
                f"The callable gave {type(scores).__name__}, expected a pandas table with item and "
                "a column of probabilities for each label."
            )
        return scores


def load_callable(reference: str) -> tuple[FoldModel, ModelFacts]:
    """The function that ``module:function`` names; modules in the working folder are found too.

    A module that was imported before is loaded anew: what runs is what stands in its file now, and
    that is also what its hash is of. Modules that it imports in turn are not.

    Raises:
        ConfigError: the module cannot be imported or has no such function.
    """
    module_name, _, name = reference.partition(":")
    folder = Path.cwd()
    try:
        with _modules_in(folder):
            module, source = _fresh_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        raise ConfigError(
            f"{reference}: the module {module_name!r} cannot be imported ({error}). "
            "Give module:function of something on Python's path."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(f"{reference}: {module_name!r} has no function {name!r}.")
    return CallableModel(function, folder), ModelFacts(reference, "callable", _digest(source))


def callable_model(function: Judge) -> tuple[FoldModel, ModelFacts]:
    """A function that is there already, known by its code and by what it was made with.

    One that its module does not have by its name, such as a lambda, a function that another one
    returns or an object that can be called, is told from others of the name by some of its hash.
    """
    digest = _digest("\n".join(_contents(function)))
    name = _name(function)
    if not _is_found(function):
        name = f"{name}-{digest[:_SHOWN]}"
    return CallableModel(function), ModelFacts(name, "callable", digest)


@contextmanager
def _modules_in(folder: Path | None) -> Iterator[None]:
    """Modules of a folder can be imported, after those of Python's path before it."""
    if folder is None or str(folder) in sys.path:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _fresh_module(name: str) -> tuple[ModuleType, str]:
    """A module as its file is now, and its source; what has no source is known by its name."""
    importlib.invalidate_caches()
    before = sys.modules.get(name)
    module = importlib.import_module(name)
    if before is None or name == "__main__" or not _is_written_in_python(module):
        return module, _source(module)
    return importlib.reload(module), _source(module)


def _is_written_in_python(module: ModuleType) -> bool:
    return Path(getattr(module, "__file__", None) or "").suffix == ".py"


def _source(made: object) -> str:
    try:
        return inspect.getsource(made)  # type: ignore[arg-type]  # it says so itself
    except (OSError, TypeError):
        return str(getattr(made, "__name__", type(made).__name__))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _name(function: object) -> str:
    made = getattr(function, "func", function)  # of functools.partial
    made = made if hasattr(made, "__qualname__") else type(made)
    return f"{made.__module__}:{made.__qualname__}"


def _is_found(function: object) -> bool:
    """True where module:function leads to it again."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    return getattr(module, getattr(function, "__qualname__", ""), None) is function


def _contents(made: object, seen: tuple[int, ...] = ()) -> Iterator[str]:
    """Texts that differ where what is done differs: code, defaults, what a closure holds."""
    if id(made) in seen:  # a closure that holds itself
        return
    code = getattr(made, "__code__", None)
    if isinstance(code, CodeType):
        yield from _code(code)
        parts = [*_bound(made)]
    elif isinstance(made, functools.partial):
        parts = [made.func, *made.args, *sorted(made.keywords.items())]
    else:
        yield _state(made)
        parts = [getattr(type(made), "__call__", None)]  # noqa: B004  its code is wanted
        parts = [part for part in parts if hasattr(part, "__code__")]
    for part in parts:
        yield from _contents(part, (*seen, id(made)))


def _bound(function: object) -> Iterator[object]:
    """What a function has with it: defaults, the object that it is a method of, its closure."""
    for name in ("__defaults__", "__kwdefaults__", "__self__"):
        yield getattr(function, name, None)
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # a name that has no value yet
            yield cell.cell_contents


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_name, code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        elif isinstance(constant, frozenset):  # whose order changes from run to run
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)


def _state(made: object) -> str:
    """A value's content; where it has none that can be written down, which object it is."""
    try:
        return f"{type(made).__qualname__} {pickle.dumps(made).hex()}"
    except Exception:  # whatever an object does when it is pickled
        return repr(made)


def _place(error: BaseException) -> str:
    """Where an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}, line {last.lineno}"
