"""The server's log: lines of JSON or of text, with ids and numbers of ours, and nobody's own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from tonfall.serve.store.masking import masked

__all__ = ["set_up_logs"]

LONGEST = 2000
QUIET = ("httpx", "httpcore", "alembic", "asyncio", "websockets")
"""Loggers of others that tell of single requests, with addresses and queries."""


def set_up_logs(*, as_json: bool, level: str = "INFO") -> None:
    """Send what is logged to standard error.

    Args:
        as_json: True for lines of JSON, False for lines to read.
        level: "DEBUG", "INFO", "WARNING" or "ERROR".
    """
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, last])
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """No telephone number or address, wherever the text came from."""
    for name, value in event.items():
        if isinstance(value, str) and name not in ("timestamp", "level", "logger"):
            event[name] = masked(value, longest=LONGEST)
    return event
