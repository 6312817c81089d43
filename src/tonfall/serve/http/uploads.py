"""Where uploads lie while they are analysed: a folder of this process, and nobody else's."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from tonfall.errors import ServiceError

__all__ = ["Uploads"]

PREFIX = "tonfall-uploads-"


class Uploads:
    """A folder that is gone when the server stops, or if it was killed, when the next one starts.

    The folder is locked while its process lives, and the system ends the lock with the process: who
    can lock a folder has found one that was left behind. (Such a lock also keeps systemd-tmpfiles
    from deleting what it takes for old.)

    Args:
        parent: the folder for temporary files; the system's by default.

    Raises:
        ServiceError: it cannot be written to.
    """

    def __init__(self, parent: Path | None = None) -> None:
        try:
            where = parent or Path(tempfile.gettempdir())
            _remove_left_behind(where)
            self.folder, self._lock = _locked_folder(where)
        except OSError as error:
            raise ServiceError(
                f"No folder for uploads can be made ({error.strerror}). Free space for temporary "
                "files, or name another folder for them in TMPDIR."
            ) from error

    def new(self, ending: str) -> tuple[int, Path]:
        """A new file with that ending, open for writing."""
        self.folder.mkdir(mode=0o700, exist_ok=True)  # where something else cleaned up
        handle, path = tempfile.mkstemp(suffix=ending, dir=self.folder)
        return handle, Path(path)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = _lock(folder)
        if lock is not None:  # else another server that starts took it for one left behind
            return folder, lock


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """What holds the lock of a folder of ours; None where it is another's, locked, or gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(handle)
        if found.st_uid == os.geteuid() and os.path.samestat(found, os.lstat(folder)):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
