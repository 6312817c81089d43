"""Where uploads lie while they are analysed: a folder of this process, and nobody else's."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

from tonfall.errors import ServiceError

__all__ = ["Uploads"]

_log = logging.getLogger(__name__)

PREFIX = "tonfall-uploads-"
TRIES = 10


class Uploads:
    """A folder that is gone when the server stops, or if it was killed, when the next one starts.

    The folder is locked while its process lives, and the system ends the lock with the process: who
    can lock a folder has found one that was left behind. (Such a lock also keeps systemd-tmpfiles
    from deleting what it takes for old.) Where folders cannot be locked, as on some network file
    systems, nothing that was left behind is removed.

    Args:
        parent: the folder for temporary files; the system's by default.

    Attributes:
        refused: uploads for which there was no place.

    Raises:
        ServiceError: it cannot be written to.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.refused = 0
        self._parent = parent or Path(tempfile.gettempdir())
        try:
            _remove_left_behind(self._parent)
            self.folder, self._lock = _locked_folder(self._parent)
        except OSError as error:
            raise ServiceError(
                f"No folder for uploads can be made ({error.strerror}). Free space for temporary "
                "files, or name another folder for them in TMPDIR."
            ) from error

    def new(self, ending: str) -> tuple[int, Path]:
        """A new file with that ending, open for writing."""
        if not self.folder.is_dir():  # Something else cleaned up, and our lock went with it.
            self._unlock()
            self.folder, self._lock = _locked_folder(self._parent)
        handle, path = tempfile.mkstemp(suffix=ending, dir=self.folder)
        return handle, Path(path)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked_folder(parent: Path) -> tuple[Path, int | None]:
    """A new folder, and what holds its lock; None where there are no locks."""
    why = "others hold them"
    for _ in range(TRIES):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            lock = _lock(folder)
        except OSError as error:
            why = error.strerror or type(error).__name__
            break
        if lock is not None:  # else another server that starts took it for one left behind
            return folder, lock
    _log.warning(
        "Folders in %s cannot be locked (%s), so uploads that a killed server leaves there are not "
        "removed; name a folder on a local disk in TMPDIR.",
        parent,
        why,
    )
    return folder, None


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = _lock(folder)
        except OSError:  # another user's, or there are no locks here
            continue
        if lock is not None:
            if os.fstat(lock).st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """What holds the lock of a folder; None where another has it, or the folder is gone.

    Raises:
        OSError: it cannot be opened, or not be locked by anybody.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.lstat(folder)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(handle)
        raise
    os.close(handle)
    return None
