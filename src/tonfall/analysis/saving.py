"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tonfall.errors import ConfigError

__all__ = ["write_file"]


def write_file(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` under ``path``, replacing what is there in one step.

    The bytes go to a temporary file in the same folder first, so that whoever looks finds the
    old file, the new one, or none, but never a part of one.

    Returns:
        The path.

    Raises:
        ConfigError: the folder is missing or not writable, the path is not a regular file, or
            the disk is full.
    """
    target = Path(path)
    try:
        _replace(_checked(target.resolve()), data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"{target}: cannot be written ({reason}). Choose a folder that exists, is writable "
            "and has room."
        ) from error
    return target


def _checked(target: Path) -> Path:
    """Refuse what replacing would destroy: folders, devices, files marked read-only."""
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "not a regular file"
        raise ConfigError(f"{target}: is {kind}, but a file is to be written. Name a file.")
    if target.exists() and not os.access(target, os.W_OK):
        raise ConfigError(f"{target}: is read-only. Allow writing to it, or name another file.")
    return target


def _replace(target: Path, data: bytes) -> None:
    # The name does not hold the target's, which may already be as long as the system allows.
    part = target.with_name(f".tonfall-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
