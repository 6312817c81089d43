"""What a cache of clips is keyed by; see `tonfall.contents` for what is not about clips."""

from __future__ import annotations

from pathlib import Path

from tonfall.contents import cache_folder, code_hash, content_hash, joint_hash, library_versions
from tonfall.corpora.clips import Clip
from tonfall.errors import ManifestError

__all__ = ["cache_folder", "clip_hash", "code_hash", "file_hash", "joint_hash", "library_versions"]


def clip_hash(clip: Clip) -> str:
    """The content of a clip's file, and the clip's place in it where it is a part.

    Raises:
        ManifestError: the file cannot be read.
    """
    part = "" if not clip.start and clip.end is None else f"-{clip.start!r}-{clip.end!r}"
    return file_hash(clip.file) + part


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; read anew only where size or time of writing changed.

    Raises:
        ManifestError: there is no such file, or it cannot be read.
    """
    try:
        return content_hash(path)
    except OSError as error:
        raise ManifestError(
            f"{path}: no such file, or none that can be read ({error.strerror}). "
            "Prepare the corpus again."
        ) from error
