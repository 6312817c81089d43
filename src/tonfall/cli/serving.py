"""What tonfall serve and tonfall keys share: settings from file and options."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.errors import ConfigError

if TYPE_CHECKING:
    from tonfall.serve.node import Node
    from tonfall.serve.settings import Settings

__all__ = [
    "allow_open_files",
    "keep_to_one_thread",
    "load_node",
    "load_settings",
    "set_up",
    "uvloop_or_none",
]

NEEDED = ("fastapi", "h11", "websockets", "sqlalchemy", "pydantic_settings")
MOST_FILES = 65_536
LEVELS = ("debug", "info", "warning", "error")


def load_settings(
    config: Path | None,
    *,
    server: Mapping[str, object | None] | None = None,
    database: Mapping[str, object | None] | None = None,
    model: str | None = None,
    checked: bool = True,
) -> Settings:
    """Settings from a file, the environment and options; None is not said.

    Args:
        config: the file.
        server: options of that section.
        database: options of that section.
        model: the option.
        checked: False where nothing is going to listen.

    Raises:
        ConfigError: the extra is missing, or a setting is wrong.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"The server needs the extra serve; not installed: {', '.join(missing)}. Run: "
            "pip install 'tonfall[serve]'"
        )
    from tonfall.serve.settings import read_settings

    sections = {"server": server or {}, "database": database or {}}
    options: dict[str, object] = {
        name: {key: value for key, value in values.items() if value is not None}
        for name, values in sections.items()
    }
    named = {"model": model} if model else {}
    return read_settings(config, options=options | named, checked=checked)


def load_node(
    config: Path | None,
    *,
    server: Mapping[str, object | None],
    database: Mapping[str, object | None],
    model: str | None,
) -> Node:
    """A server that is not started yet.

    Raises:
        ConfigError: this is Windows, or as for :func:`load_settings`.
    """
    if sys.platform == "win32":
        raise ConfigError(
            "tonfall serve does not run on Windows, which has not the signals that end it in "
            "order; run it in WSL 2 or in a container."
        )
    settings = load_settings(config, server=server, database=database, model=model)
    from tonfall.serve.node import Node

    return Node(settings)


def keep_to_one_thread() -> None:
    """Call before NumPy is imported: its matrix products would each wake a thread a core.

    With the small products of a live call those threads do nothing but wait, and spin while they
    do: it costs more than all sockets together.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def allow_open_files() -> None:
    """Let the process have as many files open as it may: each connection is one.

    Shells allow 1,024, which is for programs that go through all of them; a process may raise it.
    """
    import resource  # Not on Windows, where nothing is served.

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def set_up(settings: Settings, *, level: str) -> None:
    """Start logging.

    Raises:
        ConfigError: there is no such level.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"--log-level is {level}, but it is one of {', '.join(LEVELS)}.")
    from tonfall.serve.logs import set_up_logs

    set_up_logs(as_json=settings.server.json_logs, level=level.upper())


def uvloop_or_none() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop, where it is installed."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop
