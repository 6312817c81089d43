"""Where a server keeps things when it is not told: the user's data folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from pathlib import Path

from tonfall.errors import ServiceError
from tonfall.serve.settings import Settings, check_salt

__all__ = ["data_folder", "database_url", "salt_of"]

SALT_FILE = "salt"


def data_folder() -> Path:
    """The user's folder for data of Tonfall's, as the system has it; it need not exist."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "tonfall"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "tonfall"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "tonfall"


def database_url(settings: Settings) -> str:
    """The URL that is set, or that of a file in the data folder."""
    return settings.database.url or f"sqlite:///{data_folder() / 'tonfall.db'}"


def salt_of(settings: Settings) -> str:
    """The salt that is set, or one that is made once and kept in the data folder.

    Raises:
        ConfigError: it is too short.
        ServiceError: it can neither be read nor written.
    """
    if settings.privacy.salt is not None:
        return settings.privacy.salt.get_secret_value()
    path = data_folder() / SALT_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write(path, secrets.token_hex(32))
        salt = path.read_text("ascii").strip()
    except OSError as error:
        raise ServiceError(
            f"{path}: the salt cannot be kept there ({error.strerror}); set privacy.salt."
        ) from error
    except UnicodeDecodeError:
        salt = ""
    check_salt(salt, str(path))
    return salt


def _write(path: Path, salt: str) -> None:
    """Put a whole file there at once, unless another process was first."""
    handle, draft = tempfile.mkstemp(prefix=".salt-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(salt)
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
