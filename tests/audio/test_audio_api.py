"""The package's public names."""

from __future__ import annotations

import inspect
import subprocess
import sys

import tonfall.audio


def test_every_public_name_is_there_and_documented() -> None:
    assert tonfall.audio.__all__ == sorted(tonfall.audio.__all__, key=_as_ruff_sorts)
    for name in tonfall.audio.__all__:
        value = getattr(tonfall.audio, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants first, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_importing_it_loads_nothing_that_is_not_needed() -> None:
    program = "import sys, tonfall.audio; print({'av', 'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"
